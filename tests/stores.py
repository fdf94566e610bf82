"""Other places that models come from: a tracking server that asks who one is, S3, folders."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import requests
from urllib3.util import Timeout

from apps.projects.models import Project
from apps.tracking.models import ArtifactStore, StoreAccess, TrackingServer
from apps.tracking.upstream import Upstream
from mlgov.supervisor import TETHERED
from tests.servers import PATIENCE, free_port
from tests.tracking import MODEL_FILES, Tracking, experiment_of

AUTHORIZATION = "Basic dGVhbTpzZXNhbWU="  # team:sesame
KEY_ID, SECRET = "AKIAOFTHETEAM", "a-secret-that-is-nowhere-shown"


@dataclass
class Guarded:
    """A stock tracking server behind a door that asks for a name and a password."""

    url: str
    tracking: Tracking
    # What was asked for, with the credentials that came along.
    asked: list[tuple[str, str]] = field(default_factory=list)


@pytest.fixture
def guarded(tracking_server: str, settings: Any) -> Iterator[Guarded]:
    settings.MLGOV_LOCAL_SOURCES = True
    behind = Upstream(tracking_server)
    asked: list[tuple[str, str]] = []

    class Door(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _pass(self) -> None:
            given = self.headers.get("Authorization", "")
            asked.append((f"{self.command} {self.path}", given))
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if given != AUTHORIZATION:
                self._send(401, "text/html", b"<html>Who are you?</html>")
                return
            path, _, query = self.path.partition("?")
            kind = self.headers.get("Content-Type")
            response = behind.request(
                self.command,
                unquote(path),
                query=query,
                headers={"Content-Type": kind} if kind else {},
                body=body or None,
                timeout=Timeout(30),
            )
            self._send(response.status, response.headers.get("Content-Type", ""), response.read())
            response.release_conn()

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _pass

        def _send(self, status: int, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    with _serving(Door) as url:
        tracking = Tracking(behind, experiment_of("of-the-team", tracking_server))
        yield Guarded(url, tracking, asked)


class _serving:
    def __init__(self, handler: type[BaseHTTPRequestHandler]) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True

    def __enter__(self) -> str:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return f"http://127.0.0.1:{self._server.server_port}"

    def __exit__(self, *_: Any) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def team_server(guarded: Guarded, db: None) -> TrackingServer:
    return TrackingServer.objects.create(slug="team", name="Team", url=guarded.url)


@dataclass(frozen=True)
class Bucket:
    """The bucket "models", and beside it "other"."""

    endpoint: str

    def put(self, path: str, content: bytes = b"") -> None:
        # It does not look at signatures, but lets nobody without one write over what is there.
        signed = {"Authorization": f"AWS4-HMAC-SHA256 Credential={KEY_ID}/20260101/us-east-1/s3/x"}
        answer = requests.put(f"{self.endpoint}/{path}", content, headers=signed, timeout=30)
        answer.raise_for_status()

    def put_model(self, folder: str, files: dict[str, bytes] | None = None) -> None:
        for path, content in (MODEL_FILES if files is None else files).items():
            self.put(f"models/{folder}/{path}", content)


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """An S3 on this machine. A process of its own: its library is slow to import."""
    port = free_port()
    command = [sys.executable, "-I", "-S", TETHERED, str(os.getpid()), sys.executable]
    command += ["-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    url = f"http://127.0.0.1:{port}"
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        given_up_at = time.monotonic() + PATIENCE
        while True:
            try:
                requests.get(f"{url}/moto-api/", timeout=5).raise_for_status()
                break
            except requests.RequestException:
                assert process.poll() is None, "moto's server ended by itself"
                assert time.monotonic() < given_up_at, "moto's server does not answer"
                time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait(20)


@pytest.fixture
def bucket(s3_server: str, settings: Any) -> Bucket:
    settings.MLGOV_LOCAL_SOURCES = True
    made = Bucket(s3_server)
    made.put("models")
    made.put("other")
    return made


@pytest.fixture
def s3_store(bucket: Bucket, project: Project) -> ArtifactStore:
    store = ArtifactStore.objects.create(
        slug="team-a", name="Team A", root="s3://models/team-a", endpoint_url=bucket.endpoint
    )
    StoreAccess.objects.create(
        project=project, store=store, access_key_id=KEY_ID, secret_access_key=SECRET
    )
    return store


@pytest.fixture
def folder(tmp_path: Path, settings: Any) -> Path:
    """A folder that the operator set aside for models."""
    root = tmp_path / "mnt" / "models"
    root.mkdir(parents=True)
    settings.MLGOV_FILE_ROOTS = [tmp_path / "mnt"]
    return root


@pytest.fixture
def file_store(folder: Path, project: Project) -> ArtifactStore:
    store = ArtifactStore.objects.create(slug="nfs", name="NFS", root=f"file://{folder}")
    StoreAccess.objects.create(project=project, store=store)
    return store


def put_model(folder: Path, files: dict[str, bytes] | None = None) -> None:
    for path, content in (MODEL_FILES if files is None else files).items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
