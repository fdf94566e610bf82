"""Client of the MLflow tracking server behind mlgov.

It speaks HTTP over a unix socket or TCP, names the server as `localhost` (it answers to no other
name) and never sends an Origin.
"""

import json
import os
import re
import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import urllib3
from django.conf import settings
from urllib3.connection import HTTPConnection
from urllib3.exceptions import HTTPError, NewConnectionError
from urllib3.util import Retry, Timeout

from apps.core.errors import Invalid, NotFound, Unavailable

CHUNK = 256 * 1024
LARGEST_ANSWER = 32 * 1024 * 1024
CONNECTIONS = 32
MOST_FILES = 10_000
DEEPEST_FOLDER = 32
# The client of our callers gives up after 120 seconds.
TIMEOUT = Timeout(connect=5, read=110)
IDENTIFIER = re.compile(r"[A-Za-z0-9_-]{1,64}")
ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts"
DOWN = (
    "The MLflow tracking server behind mlgov does not answer. Nothing was changed; "
    "try again in a minute, and tell the platform's people if it stays so."
)


@dataclass(frozen=True)
class RemoteFile:
    """A file below an artifact root, with the size that the tracking server names."""

    path: str
    size: int


class _UnixConnection(HTTPConnection):
    def __init__(self, *args: Any, socket_path: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.socket_path = socket_path

    def _new_conn(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.settimeout(self.timeout if isinstance(self.timeout, int | float) else None)
            connection.connect(self.socket_path)
        except OSError as error:
            connection.close()
            raise NewConnectionError(self, str(error)) from error
        return connection


class _UnixPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _UnixConnection


def _pool(url: str) -> urllib3.HTTPConnectionPool:
    parts = urlsplit(url)
    if parts.scheme == "unix":
        return _UnixPool("localhost", socket_path=parts.path, maxsize=CONNECTIONS)
    kind = urllib3.HTTPSConnectionPool if parts.scheme == "https" else urllib3.HTTPConnectionPool
    return kind(parts.hostname or "localhost", port=parts.port, maxsize=CONNECTIONS)


class Upstream:
    """Raises `Unavailable` where the server does not answer, `NotFound` for what it lacks."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._pool = _pool(url)
        self._prefix = "" if parts.scheme == "unix" else parts.path.rstrip("/")

    def request(
        self,
        method: str,
        path: str,
        *,
        query: str = "",
        headers: dict[str, str] | None = None,
        body: bytes | Iterable[bytes] | None = None,
    ) -> urllib3.BaseHTTPResponse:
        """Send a request and return the answer unread: read it, then `release_conn()`.

        `path` is plain text and is quoted here. A `body` that is iterated is sent as it comes.
        """
        target = self._prefix + quote(path, safe="/")
        if query:
            target += f"?{query}"
        # A kept connection may be closed just as it is used again; only what changes nothing is
        # sent twice.
        retries = Retry(1, connect=0, redirect=False, status=0) if method == "GET" else False
        try:
            return self._pool.urlopen(
                method,
                target,
                body=body,
                headers={"Host": "localhost", **(headers or {})},
                retries=retries,
                redirect=False,
                timeout=TIMEOUT,
                preload_content=False,
                decode_content=False,
            )
        except (HTTPError, OSError) as error:
            raise Unavailable(DOWN) from error

    def get_run(self, run_id: str) -> dict[str, Any]:
        query = {"run_id": _identifier(run_id, "run")}
        return self._get("/api/2.0/mlflow/runs/get", query, f"run {run_id}")["run"]

    def get_logged_model(self, model_id: str) -> dict[str, Any]:
        path = f"/api/2.0/mlflow/logged-models/{_identifier(model_id, 'logged model')}"
        return self._get(path, {}, f"logged model {model_id}")["model"]

    def get_experiment(self, experiment_id: str) -> dict[str, Any]:
        query = {"experiment_id": _identifier(experiment_id, "experiment")}
        what = f"experiment {experiment_id}"
        return self._get("/api/2.0/mlflow/experiments/get", query, what)["experiment"]

    def list_artifacts(self, root: str) -> Iterator[RemoteFile]:
        """Every file below an artifact root, by its path in it."""
        folders, found = [""], 0
        while folders:
            folder = folders.pop()
            path = f"{root}/{folder}" if folder else root
            answer = self._get(ARTIFACTS, {"path": path}, f"artifact folder {path}")
            for entry in answer.get("files") or []:
                name = str(entry["path"]).rstrip("/").rpartition("/")[2]
                inner = f"{folder}/{name}" if folder else name
                found += 1
                if found > MOST_FILES or inner.count("/") > DEEPEST_FOLDER:
                    raise Invalid(
                        f"The model has more than {MOST_FILES} files, or folders deeper than "
                        f"{DEEPEST_FOLDER} levels. Pack them into fewer files."
                    )
                if entry.get("is_dir"):
                    folders.append(inner)
                else:
                    yield RemoteFile(inner, int(entry.get("file_size") or 0))

    @contextmanager
    def open_artifact(self, path: str) -> Iterator[Iterator[bytes]]:
        """The bytes of an artifact, in chunks. Raises `Unavailable` where they end too early."""
        response = self.request("GET", f"{ARTIFACTS}/{path}")
        try:
            if response.status != 200:
                _refuse(response.status, response.read(LARGEST_ANSWER), f"artifact {path}")
            yield _chunks(response)
        finally:
            # Not back to the pool: somebody may have stopped reading in the middle.
            response.close()

    def _get(self, path: str, query: dict[str, str], what: str) -> dict[str, Any]:
        response = self.request("GET", path, query=urlencode(query))
        try:
            body = response.read(LARGEST_ANSWER)
        except (HTTPError, OSError) as error:
            response.close()
            raise Unavailable(DOWN) from error
        response.release_conn()
        if response.status != 200:
            _refuse(response.status, body, what)
        try:
            answer = json.loads(body)
        except ValueError as error:
            raise Unavailable(
                "The MLflow tracking server behind mlgov gives answers that are not MLflow's. "
                "Tell the platform's people to look at MLGOV_TRACKING_URL."
            ) from error
        return answer


def _chunks(response: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
    try:
        yield from response.stream(CHUNK, decode_content=False)
    except (HTTPError, OSError) as error:
        raise Unavailable("The tracking server broke off while it sent a file.") from error


def _identifier(text: str, noun: str) -> str:
    if not IDENTIFIER.fullmatch(text):
        raise Invalid(f"“{text[:80]}” is not the id of a {noun}.")
    return text


def _refuse(status: int, body: bytes, what: str) -> None:
    try:
        code = json.loads(body).get("error_code", "")
    except (ValueError, AttributeError):
        code = ""
    if status == 404 or code == "RESOURCE_DOES_NOT_EXIST":
        raise NotFound(f"The tracking server has no {what}.")
    if status < 500:
        raise Invalid(f"The tracking server refuses to show {what}.")
    raise Unavailable(DOWN)


@lru_cache(maxsize=8)
def _client(url: str, process: int) -> Upstream:
    return Upstream(url)


def client() -> Upstream:
    """The client of the configured server. Processes do not share connections."""
    return _client(settings.MLGOV_TRACKING_URL, os.getpid())
