"""The client against a live mlgov, with a worker beside the test."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from apps.accounts import services as accounts
from apps.accounts.models import User
from mlgov_client import Client, waiting
from tests.builds.parts import in_memory_parts
from tests.tracking import worker

__all__ = ["in_memory_parts"]
PATIENCE = 30.0
Start = Callable[..., subprocess.Popen[str]]


def token_of(user: User) -> str:
    return accounts.create_token(user, name="notebook", by=user)[1]


@pytest.fixture(autouse=True)
def nothing_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(("MLGOV_", "MLFLOW_"))]:
        if not name.startswith(("MLGOV_TEST_", "MLGOV_REQUIRE", "MLGOV_UV", "MLGOV_DATA_DIR")):
            monkeypatch.delenv(name)
    monkeypatch.setattr(waiting, "FIRST_PAUSE", 0.1)


@pytest.fixture
def served(live_server: Any) -> str:
    return str(live_server.url)


@pytest.fixture
def client(served: str, data_scientist: User) -> Client:
    """The data scientist's."""
    return Client(served, token_of(data_scientist), progress="none")


@pytest.fixture
def working(served: str) -> Iterator[None]:
    with worker():
        yield


@pytest.fixture
def signed_in(served: str, data_scientist: User, monkeypatch: pytest.MonkeyPatch) -> str:
    """The data scientist, in the environment of commands; his token."""
    token = token_of(data_scientist)
    monkeypatch.setenv("MLGOV_URL", served)
    monkeypatch.setenv("MLGOV_TOKEN", token)
    return token


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts the command as a process, which does not outlive the test."""
    started: list[subprocess.Popen[str]] = []

    def run(*arguments: str, **environment: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "mlgov_client", *arguments],
            env={**os.environ, **environment},
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Exit code, standard output and standard error."""
    out, err = process.communicate(timeout=PATIENCE)
    return process.returncode, out, err


def until(condition: Callable[[], bool]) -> None:
    given_up_at = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < given_up_at
        time.sleep(0.05)
