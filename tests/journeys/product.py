"""The product as a person starts it, in processes of its own, for tests from outside."""

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from mlgov.demo.people import PEOPLE
from mlgov.demo.story import Story

ROOT = Path(__file__).resolve().parents[2]
PREPARE = """
import json, sys
from mlgov.beginnings import choose_engine
from mlgov.demo.people import PEOPLE, new_token, prepare
people = prepare(choose_engine(), json.loads(sys.argv[1]))
print("TOKENS" + json.dumps({name: new_token(user, "journey") for name, user in people.items()}))
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
            **environment,
            "DJANGO_SETTINGS_MODULE": "mlgov.settings",
            "MLGOV_PORT": str(self.port),
            "MLGOV_LOG_FORMAT": "console",
            "MLGOV_ADMIN_USERNAME": "root",
            "MLGOV_ADMIN_EMAIL": "root@example.org",
            "MLGOV_ADMIN_PASSWORD": "a passphrase of a test",
        }
        self.data_dir = Path(environment["MLGOV_DATA_DIR"])
        self.output = self.data_dir.with_suffix(".log")
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Product":
        self.start()
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
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(timeout=60)

    def story(self) -> Story:
        """The demo's people in this installation, with what they can do."""
        passwords = {person.username: f"{person.username} likes long words" for person in PEOPLE}
        done = subprocess.run(
            [sys.executable, "-c", _SETUP + PREPARE, json.dumps(passwords)],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        line = next(line for line in done.stdout.splitlines() if line.startswith("TOKENS"))
        tokens = json.loads(line.removeprefix("TOKENS"))
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
        victims = [pid for pid in _descendants(self.process.pid) if " worker " in _command(pid)]
        for pid in victims:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        return bool(victims)


_SETUP = "import django; django.setup()\n"


def _descendants(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task").glob("*/children")
    found = []
    for path in children:
        for child in map(int, path.read_text().split()):
            found += [child, *_descendants(child)]
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
