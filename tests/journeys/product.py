"""The product as a person starts it, in processes of its own, for tests from outside."""

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import docker

from apps.deployments.targets.docker import SERVICE
from mlgov.demo.people import PEOPLE
from mlgov.demo.story import Story
from tests import capabilities

ROOT = Path(__file__).resolve().parents[2]
_TOLD = ("cmdline", "environ")
PREPARE = """
import json, sys
from mlgov.beginnings import choose_engine
from mlgov.demo.people import PEOPLE, new_token, prepare
people = prepare(choose_engine(), json.loads(sys.argv[1]))
print("TOKENS" + json.dumps({name: new_token(user, "journey") for name, user in people.items()}))
"""


SERVICES = """
import json
from apps.deployments.models import Deployment
print("SERVICES" + json.dumps([d.service_name for d in Deployment.objects.order_by("pk")]))
"""
# In production containers outlive the servers; after a test they may not.
END = """
from mlgov.endings import end_models
assert end_models()
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Product:
    """`manage.py serve` on a data directory and a port of its own."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.port = free_port()
        self.base_url = f"http://127.0.0.1:{self.port}"
        self.environment = {
            "MLGOV_LOG_FORMAT": "console",
            **environment,
            "DJANGO_SETTINGS_MODULE": "mlgov.settings",
            "MLGOV_PORT": str(self.port),
            "MLGOV_ADMIN_USERNAME": "root",
            "MLGOV_ADMIN_EMAIL": "root@example.org",
            "MLGOV_ADMIN_PASSWORD": "a passphrase of a test",
        }
        self.data_dir = Path(environment["MLGOV_DATA_DIR"])
        self.output = self.data_dir.with_suffix(".log")
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Product":
        try:
            self.start()
        except BaseException:
            self.end_servers()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        with self.output.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "serve"],
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        wait_for(self._answers, what="the servers", seconds=180)

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.output.read_text()
        return "mlgov answers on" in self.output.read_text()

    def stop(self) -> None:
        """End everything. Fails where a process or a container of this installation still runs."""
        self.end_servers()
        services = run_inside(self.environment, END + SERVICES, "SERVICES")
        assert what_runs(self.data_dir, services) == []

    def end_servers(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(timeout=60)

    def story(self) -> Story:
        """The demo's people in this installation, with what they can do."""
        passwords = {person.username: f"{person.username} likes long words" for person in PEOPLE}
        tokens = run_inside(self.environment, PREPARE, "TOKENS", json.dumps(passwords))
        return Story(self.base_url, self.data_dir, tokens=tokens, passwords=passwords)

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Look into the SQLite database, as nothing of the product would."""
        connection = sqlite3.connect(
            f"file:{self.data_dir}/db.sqlite3?mode=ro", uri=True, timeout=30
        )
        try:
            return list(connection.execute(sql))
        finally:
            connection.close()

    def kill_the_worker(self) -> bool:
        """`kill -9` for the worker and its pool. Returns False where none is running."""
        assert self.process is not None
        victims = [pid for pid in descendants(self.process.pid) if " worker " in _command(pid)]
        for pid in victims:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        return bool(victims)


def run_inside(environment: Mapping[str, str], code: str, mark: str, *arguments: str) -> Any:
    """Run code with the settings of an installation; returns the JSON it prints after `mark`."""
    done = subprocess.run(
        [sys.executable, "-c", f"import django; django.setup()\n{code}", *arguments],
        cwd=ROOT,
        env={**environment, "DJANGO_SETTINGS_MODULE": "mlgov.settings"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    line = next(line for line in done.stdout.splitlines() if line.startswith(mark))
    return json.loads(line.removeprefix(mark))


def what_runs(data_dir: Path, services: Sequence[str]) -> list[str]:
    """Processes that work on this data, and containers of these services, asked from outside."""
    found = [
        f"process {path.name}: {_command(int(path.name))}"
        for path in Path("/proc").glob("[0-9]*")
        if path.name != str(os.getpid()) and str(data_dir) in _known_of(path)
    ]
    if not capabilities.DOCKER.missing():
        with closing(docker.from_env()) as engine:
            for container in engine.containers.list(all=True, filters={"label": SERVICE}):
                if container.labels[SERVICE] in services:
                    found.append(f"container {container.name}: {container.status}")
    return found


def _known_of(process: Path) -> str:
    """The command and the environment of a process; nothing of one that has just ended."""
    try:
        return "".join((process / name).read_text("utf-8", "replace") for name in _TOLD)
    except OSError:
        return ""


def descendants(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task").glob("*/children")
    found = []
    for path in children:
        for child in map(int, path.read_text().split()):
            found += [child, *descendants(child)]
    return found


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def wait_for(question: Callable[[], bool], *, what: str, seconds: float) -> None:
    end = time.monotonic() + seconds
    while not question():
        assert time.monotonic() < end, f"{what} did not come within {seconds} s"
        time.sleep(0.1)
