"""Client of the MLflow tracking server behind mlgov.

It speaks HTTP over a unix socket or TCP, names the server as `localhost` (it answers to no other
name) and never sends an Origin.
"""

import base64
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import urllib3
from django.conf import settings
from urllib3.exceptions import HTTPError, ProtocolError
from urllib3.util import Timeout

from apps.core.errors import AlreadyExists, DomainError, Invalid, NotFound, Unavailable
from apps.core.prepared import Prepared, object_of, with_related
from apps.projects.models import Project
from apps.tracking.connections import pool
from apps.tracking.files import CHUNK, Refused, RemoteFile, require_reasonable
from apps.tracking.models import TrackingAccess, TrackingServer

LARGEST_ANSWER = 32 * 1024 * 1024
# The client of our callers gives up after 120 seconds, and then tries for minutes. What is looked
# up before their own call is passed on has to leave time for it.
TIMEOUT = Timeout(connect=5, read=80)
LOOKUP_TIMEOUT = Timeout(connect=5, read=30)
IDENTIFIER = re.compile(r"[A-Za-z0-9_-]{1,64}")
ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts"
DOWN = (
    "The MLflow tracking server behind mlgov does not answer. Nothing was changed; "
    "try again in a minute, and tell the platform's people if it stays so."
)


@dataclass(frozen=True)
class Sentences:
    """What is said of a server that fails."""

    down: str
    strange: str
    refused: str
    refusal: type[DomainError] = Unavailable


def _about_ours() -> Sentences:
    return Sentences(
        down=DOWN,
        strange="The MLflow tracking server behind mlgov gives answers that are not MLflow's. "
        "Tell the platform's people to look at MLGOV_TRACKING_URL.",
        refused="The MLflow tracking server behind mlgov does not accept the credentials of "
        "mlgov. Tell the platform's people to look at MLGOV_TRACKING_TOKEN, or at "
        "MLGOV_TRACKING_USERNAME and MLGOV_TRACKING_PASSWORD.",
    )


def _about(server: TrackingServer, project: Project) -> Sentences:
    return Sentences(
        down=f"The tracking server “{server}” does not answer. Nothing was changed; try again in "
        "a minute, and ask the people who run it if it stays so.",
        strange=f"What answers at the address of the tracking server “{server}” is not MLflow. "
        "Ask an administrator to look at the address.",
        refused=f"The tracking server “{server}” does not accept the credentials of the project "
        f"{project}. An owner of the project can enter others on its page “Sources”.",
        refusal=Refused,
    )


class Upstream:
    """Raises `Unavailable` where the server does not answer, `NotFound` for what it lacks."""

    def __init__(
        self,
        url: str,
        *,
        host: str = "localhost",
        authorization: str = "",
        checked: bool = False,
        sentences: Sentences | None = None,
    ) -> None:
        """`authorization` is the value of the header that is sent along, empty for none.

        `checked` is set for what an administrator named: see `connections`.
        """
        parts = urlsplit(url)
        self._pool = pool(url, checked=checked)
        self._headers = {"Host": host}
        if authorization:
            self._headers["Authorization"] = authorization
        self._prefix = "" if parts.scheme == "unix" else parts.path.rstrip("/")
        self.sentences = sentences or _about_ours()

    def request(
        self,
        method: str,
        path: str,
        *,
        query: str = "",
        headers: dict[str, str] | None = None,
        body: bytes | Iterable[bytes] | None = None,
        timeout: Timeout | None = None,
    ) -> urllib3.BaseHTTPResponse:
        """Send a request and return the answer unread: read it, then `release_conn()`.

        `path` is plain text and is quoted here. A `body` that is iterated is sent as it comes.
        """
        target = self._prefix + quote(path, safe="/")
        if query:
            target += f"?{query}"

        def sent() -> urllib3.BaseHTTPResponse:
            return self._pool.urlopen(
                method,
                target,
                body=body,
                headers={**self._headers, **(headers or {})},
                retries=False,
                redirect=False,
                timeout=timeout or TIMEOUT,
                preload_content=False,
                decode_content=False,
            )

        try:
            try:
                return sent()
            except ProtocolError:
                # A kept connection may be closed just as it is used again. Only what changes
                # nothing is sent twice, and not to a server that lets us wait.
                if method != "GET":
                    raise
                return sent()
        except (HTTPError, OSError) as error:
            raise Unavailable(self.sentences.down) from error

    def get_run(self, run_id: str) -> dict[str, Any]:
        query = {"run_id": _identifier(run_id, "run")}
        return self._entity("/api/2.0/mlflow/runs/get", query, "run", f"run {run_id}")

    def get_logged_model(self, model_id: str) -> dict[str, Any]:
        path = f"/api/2.0/mlflow/logged-models/{_identifier(model_id, 'logged model')}"
        return self._entity(path, {}, "model", f"logged model {model_id}")

    def get_experiment(self, experiment_id: str) -> dict[str, Any]:
        query = {"experiment_id": _identifier(experiment_id, "experiment")}
        what = f"experiment {experiment_id}"
        return self._entity("/api/2.0/mlflow/experiments/get", query, "experiment", what)

    def get_experiment_by_name(self, name: str) -> dict[str, Any]:
        query, what = {"experiment_name": name}, f"experiment named “{name[:80]}”"
        return self._entity("/api/2.0/mlflow/experiments/get-by-name", query, "experiment", what)

    def create_experiment(self, name: str, tags: Mapping[str, str]) -> str:
        """Returns its id. Raises `AlreadyExists` where the name is taken."""
        body = {"name": name, "tags": [{"key": k, "value": v} for k, v in tags.items()]}
        answer = self.post_json("/api/2.0/mlflow/experiments/create", body, f"experiment “{name}”")
        return str(answer["experiment_id"])

    def get_trace(self, trace_id: str) -> dict[str, Any]:
        """What the server says about a trace, without its spans."""
        path = f"/api/3.0/mlflow/traces/{_identifier(trace_id, 'trace')}"
        found = self.get_json(path, {}, f"trace {trace_id}").get("trace") or {}
        return found.get("trace_info") or {}

    def get_traces(self, trace_ids: Iterable[str]) -> list[dict[str, Any]]:
        """The same about many; those that the server lacks are left out."""
        ids = [_identifier(trace_id, "trace") for trace_id in trace_ids]
        path = "/api/3.0/mlflow/traces/batchGetInfos"
        return self.post_json(path, {"trace_ids": ids}, "traces").get("trace_infos") or []

    def get_dataset_experiments(self, dataset_id: str) -> list[str]:
        path = f"/api/3.0/mlflow/datasets/{_identifier(dataset_id, 'dataset')}/experiment-ids"
        found = self.get_json(path, {}, f"dataset {dataset_id}").get("experiment_ids") or []
        return [str(experiment_id) for experiment_id in found]

    def not_let_in(self) -> DomainError:
        """What is raised where the server does not accept our credentials."""
        return self.sentences.refusal(self.sentences.refused)

    def check(self) -> None:
        """Raise where the server does not answer us as a tracking server does."""
        query = {"max_results": "1"}
        self.get_json("/api/2.0/mlflow/experiments/search", query, "list of experiments")

    def list_artifacts(self, root: str) -> Iterator[RemoteFile]:
        """Every file below an artifact root, by its path in it."""
        folders, found = [""], 0
        while folders:
            folder = folders.pop()
            path = f"{root}/{folder}" if folder else root
            answer = self.get_json(ARTIFACTS, {"path": path}, f"artifact folder {path}")
            for entry in answer.get("files") or []:
                name = str(entry["path"]).rstrip("/").rpartition("/")[2]
                inner = f"{folder}/{name}" if folder else name
                found += 1
                require_reasonable(inner, found=found)
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
                self._refuse(response.status, response.read(LARGEST_ANSWER), f"artifact {path}")
            yield _chunks(response)
        finally:
            # Not back to the pool: somebody may have stopped reading in the middle.
            response.close()

    def _entity(self, path: str, query: dict[str, str], key: str, what: str) -> dict[str, Any]:
        found = self.get_json(path, query, what).get(key)
        # What others' servers say is looked at before it is used.
        info = found.get("info") if isinstance(found, dict) and key != "experiment" else {}
        if not isinstance(found, dict) or not isinstance(info, dict):
            raise Unavailable(self.sentences.strange)
        return found

    def get_json(self, path: str, query: Mapping[str, str], what: str) -> dict[str, Any]:
        """The answer of a call; `what` names what is asked for where it is refused."""
        return self._said(
            self.request("GET", path, query=urlencode(query), timeout=LOOKUP_TIMEOUT), what
        )

    def post_json(self, path: str, body: dict[str, Any], what: str) -> dict[str, Any]:
        headers, data = {"Content-Type": "application/json"}, json.dumps(body).encode()
        return self._said(
            self.request("POST", path, headers=headers, body=data, timeout=LOOKUP_TIMEOUT), what
        )

    def _said(self, response: urllib3.BaseHTTPResponse, what: str) -> dict[str, Any]:
        try:
            _, body = whole(response)
        except Unavailable as error:
            raise Unavailable(self.sentences.down) from error
        if response.status != 200:
            self._refuse(response.status, body, what)
        try:
            answer = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise Unavailable(self.sentences.strange) from error
        if not isinstance(answer, dict):
            raise Unavailable(self.sentences.strange)
        return answer

    def _refuse(self, status: int, body: bytes, what: str) -> None:
        try:
            code = json.loads(body).get("error_code", "")
        except (ValueError, AttributeError, RecursionError):
            code = ""
        if status in (401, 403):
            raise self.not_let_in()
        if code == "RESOURCE_ALREADY_EXISTS":
            raise AlreadyExists(f"The tracking server has the {what} already.")
        if code == "RESOURCE_DOES_NOT_EXIST" or (status == 404 and code != "ENDPOINT_NOT_FOUND"):
            raise NotFound(f"The tracking server has no {what}.")
        if status < 400:
            # A redirect is never followed: it could lead anywhere.
            raise Unavailable(self.sentences.strange)
        if status < 500:
            raise Invalid(f"The tracking server refuses to show {what}.")
        raise Unavailable(self.sentences.down)


def whole(response: urllib3.BaseHTTPResponse) -> tuple[int, bytes]:
    """Status and body of an answer, whose connection is free again afterwards."""
    try:
        body = response.read(LARGEST_ANSWER)
    except (HTTPError, OSError) as error:
        response.close()
        raise Unavailable(DOWN) from error
    response.release_conn()
    return response.status, body


def _chunks(response: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
    try:
        yield from response.stream(CHUNK, decode_content=False)
    except (HTTPError, OSError) as error:
        raise Unavailable("The tracking server broke off while it sent a file.") from error


def _identifier(text: str, noun: str) -> str:
    if not IDENTIFIER.fullmatch(text):
        raise Invalid(f"“{text[:80]}” is not the id of a {noun}.")
    return text


@lru_cache(maxsize=8)
def _client(url: str, authorization: str, process: int) -> Upstream:
    parts = urlsplit(url)
    # MLflow's own server answers to no other name; what stands in front of one has to know its.
    host = parts.netloc if parts.scheme == "https" else "localhost"
    return Upstream(url, host=host, authorization=authorization)


def client() -> Upstream:
    """The client of the configured server. Processes do not share connections."""
    token, password = settings.MLGOV_TRACKING_TOKEN, settings.MLGOV_TRACKING_PASSWORD
    authorization = _authorization(
        token.get_secret_value() if token else "",
        settings.MLGOV_TRACKING_USERNAME,
        password.get_secret_value() if password else "",
    )
    return _client(settings.MLGOV_TRACKING_URL, authorization, os.getpid())


def access_of(project: Project) -> TrackingAccess | None:
    """On which other server the project's sources are read, if on another."""
    found = _ACCESS_OF.rows(project=project.pk)
    return object_of(found[0], TrackingAccess, "server") if found else None


_ACCESS_OF = Prepared(
    lambda project: with_related(
        TrackingAccess.objects.order_by().filter(project=project), "server"
    )
)


def client_for(project: Project, access: TrackingAccess | None = None) -> Upstream:
    """The client of the server that the project's sources are read on, with its credentials."""
    access = access or access_of(project)
    if access is None:
        return client()
    authorization = _authorization(access.token, access.username, access.password)
    server = access.server
    return _team_client(server, server.url, project, authorization, os.getpid())


def client_of(server: TrackingServer | None, project: Project) -> Upstream:
    """The client of a server that something was registered from, as the project reads it now."""
    if server is None:
        return client()
    access = access_of(project)
    if access is None or access.server_id != server.pk:
        raise Refused(
            f"The project {project} does not read the tracking server “{server}” any more. An "
            "owner of the project can choose it again on its page “Sources”."
        )
    return client_for(project, access)


@lru_cache(maxsize=32)
def _team_client(
    server: TrackingServer, url: str, project: Project, authorization: str, process: int
) -> Upstream:
    return Upstream(
        url,
        host=urlsplit(url).netloc,
        authorization=authorization,
        checked=True,
        sentences=_about(server, project),
    )


def _authorization(token: str, username: str, password: str) -> str:
    if token:
        return f"Bearer {token}"
    if username:
        pair = f"{username}:{password}".encode()
        return f"Basic {base64.b64encode(pair).decode()}"
    return ""
