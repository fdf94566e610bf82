"""Throw-away PostgreSQL and Redis servers, from the programs that this machine has."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from mlgov.supervisor import TETHERED

PATIENCE = 60.0


class NoServer(Exception):
    """Why there is none."""


def postgres_programs() -> Path | None:
    """The directory of `initdb` and `postgres`, which Debian keeps out of PATH."""
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: float(p.parent.name))
    on_path = shutil.which("initdb")
    for directory in [*([Path(on_path).parent] if on_path else []), *reversed(versions)]:
        if (directory / "initdb").exists() and (directory / "postgres").exists():
            return directory
    return None


@contextmanager
def postgres() -> Iterator[str]:
    """The URL of a server that forgets everything; it trusts whoever connects from this machine."""
    programs = postgres_programs()
    if programs is None:
        raise NoServer("no initdb on PATH or in /usr/lib/postgresql")
    with tempfile.TemporaryDirectory(prefix="mlgov-pg-", ignore_cleanup_errors=True) as name:
        directory, port = Path(name), free_port()
        data = directory / "data"
        prefix = _as_whom(directory)
        initdb = [
            *prefix,
            *(programs / "initdb", "--pgdata", data, "--username", "mlgov", "--auth", "trust"),
            *("--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync"),
        ]
        done = subprocess.run(
            [str(part) for part in initdb],
            capture_output=True,
            text=True,
            cwd=directory,
            check=False,
        )
        if done.returncode:
            raise NoServer(f"initdb: {done.stderr.strip()}")
        settings = {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": str(directory),
            "max_connections": "200",
            # It need not survive a power cut.
            "fsync": "off",
            "full_page_writes": "off",
            "synchronous_commit": "off",
        }
        command = [*prefix, str(programs / "postgres"), "-D", str(data), "-p", str(port)]
        for setting, value in settings.items():
            command += ["-c", f"{setting}={value}"]
        url = f"postgresql://mlgov@127.0.0.1:{port}/postgres"
        with _running(command, directory, lambda: psycopg.connect(url).close(), signal.SIGQUIT):
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute("CREATE DATABASE mlgov")
            yield url.removesuffix("postgres") + "mlgov"


@contextmanager
def redis() -> Iterator[str]:
    program = shutil.which("redis-server")
    if program is None:
        raise NoServer("no redis-server on PATH")
    with tempfile.TemporaryDirectory(prefix="mlgov-redis-", ignore_cleanup_errors=True) as name:
        directory, port = Path(name), free_port()
        command = [sys.executable, "-I", "-S", TETHERED, str(os.getpid()), program]
        command += ["--bind", "127.0.0.1", "--port", str(port), "--dir", name]
        command += ["--save", "", "--appendonly", "no"]

        def answers() -> None:
            socket.create_connection(("127.0.0.1", port), 1).close()

        with _running(command, directory, answers):
            yield f"redis://127.0.0.1:{port}/0"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _as_whom(directory: Path) -> list[str]:
    """What to put before a PostgreSQL command line: it refuses to run as root."""
    tether = [sys.executable, "-I", "-S", TETHERED, str(os.getpid())]
    if os.geteuid() != 0:
        return tether
    try:
        account = pwd.getpwnam("postgres")
    except KeyError:
        account = pwd.getpwnam("nobody")
    os.chown(directory, account.pw_uid, account.pw_gid)
    # The other account may not be able to read our Python, and the tether would be cut by the
    # change of account: setpriv does both in the right order.
    change = [f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups"]
    return ["setpriv", *change, "--pdeathsig=TERM"]


@contextmanager
def _running(
    command: list[str],
    directory: Path,
    answers: Callable[[], None],
    farewell: signal.Signals = signal.SIGTERM,
) -> Iterator[None]:
    log = directory / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=directory,
            start_new_session=True,
        )
    try:
        given_up_at = time.monotonic() + PATIENCE
        while True:
            try:
                answers()
                break
            except (OSError, psycopg.OperationalError):
                if process.poll() is not None or time.monotonic() > given_up_at:
                    raise NoServer(f"no answer: {log.read_text()[-1000:].strip()}") from None
                time.sleep(0.05)
        yield
    finally:
        # PostgreSQL's "immediate shutdown"; a killed one would leave its shared memory behind.
        process.send_signal(farewell)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
