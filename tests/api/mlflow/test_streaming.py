"""Bodies under the server that the product uses, gunicorn with threads: whole, cut off, endless."""

import http.client
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from apps.accounts import services as accounts
from apps.accounts.models import User
from tests.servers import free_port
from tests.tracking import Tracking

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts"
MEGABYTE = 1024 * 1024
LARGE = 300 * MEGABYTE


@dataclass
class Served:
    port: int
    token: str
    master: int

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    def peak_memory(self) -> int:
        """Most memory that a worker ever had, in bytes."""
        children = Path(f"/proc/{self.master}/task/{self.master}/children").read_text().split()
        peaks = [
            re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
            for pid in children
        ]
        return max(int(peak[1]) * 1024 for peak in peaks if peak)


@pytest.fixture
def served(data_scientist: User, tracking_server: str, tmp_path: Path) -> Iterator[Served]:
    _, token = accounts.create_token(data_scientist, name="gunicorn", by=data_scientist)
    port = free_port()
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "mlgov.settings",
        "MLGOV_TRACKING_URL": tracking_server,
        "SERVED_DATABASE": str(connection.settings_dict["NAME"]),
    }
    command = [sys.executable, "-m", "gunicorn", "tests.api.mlflow.served:application"]
    command += ["--bind", f"127.0.0.1:{port}", "--worker-class", "gthread"]
    command += ["--workers", "1", "--threads", "4"]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        found = Served(port, token, process.pid)
        _wait_for(found, tmp_path / "log")
        yield found
    finally:
        process.terminate()
        process.wait(20)
        print((tmp_path / "log").read_text())  # shown where the test fails


def _wait_for(served: Served, log: Path) -> None:
    for _ in range(300):
        try:
            client = served.connect()
            client.request("GET", "/version", headers=served.headers)
            assert client.getresponse().status == 200, log.read_text()
            return
        except ConnectionError:
            time.sleep(0.1)
    raise AssertionError(log.read_text())


def test_half_an_upload_is_refused_and_leaves_nothing(served: Served, tracking: Tracking) -> None:
    path = f"{ARTIFACTS}/0/free/half.bin"
    lines = [f"PUT {path} HTTP/1.1", "Host: localhost", "Content-Length: 1000000"]
    lines += [f"{name}: {value}" for name, value in served.headers.items()]
    with socket.create_connection(("127.0.0.1", served.port), 30) as raw:
        raw.sendall("\r\n".join([*lines, "", "only this"]).encode())
        raw.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: raw.recv(65536), b"")).decode()

    assert answer.startswith("HTTP/1.1 400")
    assert "The upload ended after 9 of 1000000 bytes." in answer
    client = served.connect()
    client.request("GET", path, headers=served.headers)
    assert client.getresponse().status == 404


@pytest.mark.parametrize("chunks", [[], [b"in ", b"two chunks"]])
def test_a_body_without_a_length_is_passed_on(
    served: Served, tracking: Tracking, chunks: list[bytes]
) -> None:
    # MLflow's client sends an empty file like this.
    client = served.connect()
    headers = {**served.headers, "Transfer-Encoding": "chunked"}
    path = f"{tracking.experiment}/free/chunked-{len(chunks)}.bin"
    client.request("PUT", f"{ARTIFACTS}/{path}", iter(chunks), headers, encode_chunked=True)

    assert client.getresponse().status == 200
    assert tracking.get(path) == b"".join(chunks)


def test_a_large_artifact_goes_up_and_down_with_flat_memory(served: Served) -> None:
    path = f"{ARTIFACTS}/0/free/large.bin"
    before = served.peak_memory()
    client = served.connect()
    block = bytes(MEGABYTE)

    client.request(
        "PUT",
        path,
        (block for _ in range(LARGE // MEGABYTE)),
        {**served.headers, "Content-Length": str(LARGE)},
    )
    up: Any = client.getresponse()
    assert (up.status, up.read()) == (200, b"")
    client.request("GET", path, headers=served.headers)
    down, size = client.getresponse(), 0
    while chunk := down.read(MEGABYTE):
        size += len(chunk)

    assert size == LARGE
    assert served.peak_memory() - before < 30 * MEGABYTE


def test_a_refused_upload_is_answered_and_not_just_cut_off(served: Served) -> None:
    client = served.connect()
    client.request(
        "PUT",
        f"{ARTIFACTS}/0/free/refused.bin",
        bytes(5 * MEGABYTE),
        {"Authorization": "Bearer wrong"},
    )

    assert client.getresponse().status == 401
