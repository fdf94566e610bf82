"""A tracking server that does not answer, lets us wait, or fails: told at once, and only there."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from urllib3.util import Timeout

from apps.accounts.models import User
from apps.api.mlflow.routes import ROUTES, Body, Route
from apps.projects.models import Project
from apps.registry.models import ModelVersion
from apps.tracking import queries, services, upstream
from tests import otlp
from tests.api.mlflow.conftest import Call
from tests.api.mlflow.test_experiments import METRIC, said
from tests.tracking import Tracking

# The client tries again with these, for minutes.
RETRIED = {408, 429, 500, 502, 503, 504}
VALUES = {
    "experiment_id": "77",
    "experiment_ids": ["77"],
    "experiment_name": "x",
    "new_name": "y",
    "name": "x",
    "key": "k",
    "run_id": "r",
    "run_ids": ["r"],
    "trace_id": "tr-1",
    "trace_ids": ["tr-1"],
    "path": "77/x",
    "trace": {
        "trace_info": {
            "trace_id": "tr-1",
            "trace_location": {"mlflow_experiment": {"experiment_id": "77"}},
        }
    },
    "locations": [{"mlflow_experiment": {"experiment_id": "77"}}],
}
SEGMENTS = {"model_id": "m-1", "trace_id": "tr-1", "path": "77/x", "dataset_id": "d-1"}
NOT_IN_A_QUERY = ("trace", "locations")


@pytest.fixture
def known(owner: User, project: Project) -> None:
    services.assign_experiment("77", project=project, by=None)


@pytest.fixture
def hanging(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """A server that takes every request and never answers; how many it took."""
    settings.MLGOV_TRACKING_URL = f"unix:{tmp_path}/hangs.sock"
    for name in ("TIMEOUT", "LOOKUP_TIMEOUT"):
        monkeypatch.setattr(upstream, name, Timeout(connect=1, read=0.3))
    taken: list[int] = []
    open_ones: list[socket.socket] = []
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(f"{tmp_path}/hangs.sock")
        server.listen(64)

        def take() -> None:
            while True:
                try:
                    open_ones.append(server.accept()[0])
                except OSError:
                    return
                taken.append(1)

        thread = threading.Thread(target=take, daemon=True)
        thread.start()
        yield taken
        server.shutdown(socket.SHUT_RDWR)
        thread.join(5)
    for connection in open_ones:
        connection.close()


def asked(call: Call, user: User, route: Route) -> Any:
    path = route.address({**dict.fromkeys(route.regex.groupindex, "x"), **SEGMENTS})
    if route.body is Body.SPANS:
        headers = {"HTTP_X_MLFLOW_EXPERIMENT_ID": "77", "CONTENT_TYPE": otlp.PROTOBUF}
        return call(user, route.method, path, body=otlp.export(), **headers)
    values = {k: v for k, v in VALUES.items() if route.method != "GET" or k not in NOT_IN_A_QUERY}
    return call(user, route.method, path, values)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.pattern}")
def test_each_call_says_so_and_the_client_does_not_try_again(
    call: Call, owner: User, known: None, no_tracking: None, route: Route
) -> None:
    answer = asked(call, owner, route)

    assert (answer.status_code, answer.json()["error_code"]) == (424, "TEMPORARILY_UNAVAILABLE")
    assert "does not answer" in answer.json()["message"]


@pytest.mark.parametrize(
    ("method", "path", "values"),
    [
        ("GET", "runs/get", {"run_id": "r-hanging"}),
        ("POST", "runs/create", {"experiment_id": "77"}),
        ("GET", "experiments/get", {"experiment_id": "77"}),
        ("POST", "experiments/search", {}),
    ],
)
def test_who_lets_us_wait_is_asked_once_and_not_for_longer_than_the_client_waits(
    call: Call, owner: User, known: None, hanging: list[int], method: str, path: str, values: Any
) -> None:
    started = time.monotonic()
    answer = call(owner, method, path, values)

    assert (answer.status_code, answer.json()["error_code"]) == (424, "TEMPORARILY_UNAVAILABLE")
    assert time.monotonic() - started < 10
    assert len(hanging) == 1


def test_the_longest_wait_is_shorter_than_the_clients() -> None:
    # MLFLOW_HTTP_REQUEST_TIMEOUT is 120 seconds, after which the client tries again.
    connecting = upstream.TIMEOUT.connect_timeout + upstream.LOOKUP_TIMEOUT.connect_timeout
    waiting = upstream.TIMEOUT.read_timeout + upstream.LOOKUP_TIMEOUT.read_timeout
    assert connecting + waiting <= 120


def test_the_registry_goes_on_without_the_tracking_server(
    call: Call, version: ModelVersion, data_scientist: User, no_tracking: None
) -> None:
    name = {"name": "scoring"}
    named = {**name, "version": "1"}
    alias = {**name, "alias": "champion", "version": "1"}

    for method, path, values in (
        ("GET", "registered-models/get", name),
        ("GET", "registered-models/search", {}),
        ("GET", "model-versions/get", named),
        ("GET", "model-versions/search", {}),
        ("GET", "model-versions/get-download-uri", named),
        ("POST", "registered-models/get-latest-versions", name),
        ("POST", "registered-models/create", {"name": "another"}),
        ("POST", "model-versions/set-tag", {**named, "key": "a", "value": "b"}),
        ("POST", "registered-models/alias", alias),
    ):
        assert call(data_scientist, method, path, values).status_code == 200, path


def test_an_error_of_the_servers_own_keeps_its_words_and_not_its_status(
    call: Call, tracking: Tracking, data_scientist: User
) -> None:
    # A trace whose spans the server keeps as a file: it answers 500.
    place = {"type": "MLFLOW_EXPERIMENT"}
    info = {
        "trace_id": f"tr-{time.time_ns():032x}",
        "trace_location": {**place, "mlflow_experiment": {"experiment_id": tracking.experiment}},
        "request_time": "2026-01-01T00:00:00Z",
        "state": "OK",
    }
    tracking.call("POST", "traces", {"trace": {"trace_info": info}}, version="3.0")
    path = "/api/3.0/mlflow/traces/get"

    answer = call(data_scientist, "GET", path, {"trace_id": info["trace_id"]})

    assert answer.status_code not in RETRIED
    assert said(answer)["message"] == "Trace data not stored in tracking store"


# ---- what each call costs -----------------------------------------------------------------------


def test_logging_to_a_run_asks_the_server_for_nothing_else_after_the_first_time(
    call: Call,
    tracking: Tracking,
    data_scientist: User,
    project: Project,
    monkeypatch: pytest.MonkeyPatch,
    django_assert_max_num_queries: Any,
) -> None:
    services.assign_experiment(tracking.experiment, project=project, by=None)
    run_id = tracking.make_run()["info"]["run_id"]
    sent: list[str] = []
    request = upstream.Upstream.request

    def counted(self: Any, method: str, path: str, **further: Any) -> Any:
        sent.append(path)
        return request(self, method, path, **further)

    call(data_scientist, "GET", "/version")  # makes the token
    monkeypatch.setattr(upstream.Upstream, "request", counted)
    for _ in range(3):
        with django_assert_max_num_queries(6):
            answer = call(data_scientist, "POST", "runs/log-metric", {"run_id": run_id, **METRIC})
        assert answer.status_code == 200
    batch = {"run_id": run_id, "metrics": [METRIC]}
    assert call(data_scientist, "POST", "runs/log-batch", batch).status_code == 200

    log = "/api/2.0/mlflow/runs/log"
    assert sent == ["/api/2.0/mlflow/runs/get", *[f"{log}-metric"] * 3, f"{log}-batch"]


def test_many_traces_are_looked_up_at_once(
    call: Call, tracking: Tracking, data_scientist: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    traces = [tracking.make_trace() for _ in range(5)]
    sent: list[str] = []
    request = upstream.Upstream.request

    def counted(self: Any, method: str, path: str, **further: Any) -> Any:
        sent.append(path)
        return request(self, method, path, **further)

    monkeypatch.setattr(upstream.Upstream, "request", counted)
    queries.known_experiment(tracking.experiment)
    sent.clear()
    for _ in range(2):
        body = {"trace_ids": traces}
        answer = call(data_scientist, "POST", "/api/3.0/mlflow/traces/batchGetInfos", body)
        assert len(json.loads(b"".join(answer.streaming_content))["trace_infos"]) == 5

    assert sent == ["/api/3.0/mlflow/traces/batchGetInfos"] * 3


@pytest.fixture
def closed_to_us(settings: Any) -> Iterator[dict[str, Any]]:
    """A server that does not let mlgov in, with the status and body that the test says."""
    said: dict[str, Any] = {}

    class Handler(BaseHTTPRequestHandler):
        def _refuse(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.send_response(said["status"])
            self.send_header("Content-Type", said["kind"])
            self.send_header("WWW-Authenticate", 'Basic realm="mlflow"')
            self.send_header("Content-Length", str(len(said["body"])))
            self.end_headers()
            self.wfile.write(said["body"])

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _refuse

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    settings.MLGOV_TRACKING_URL = f"http://127.0.0.1:{server.server_port}"
    yield said
    server.shutdown()
    server.server_close()
    thread.join(5)


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("text/html", b"<html>Who are you?</html>"),
        (
            "application/json",
            b'{"error_code": "PERMISSION_DENIED", "message": "Permission denied"}',
        ),
    ],
)
def test_that_mlgov_itself_is_not_let_in_does_not_look_like_a_wrong_token(
    call: Call,
    owner: User,
    known: None,
    closed_to_us: dict[str, Any],
    status: int,
    kind: str,
    body: bytes,
) -> None:
    closed_to_us.update(status=status, kind=kind, body=body)
    for method, path, values in (
        ("GET", "/version", {}),
        ("GET", "experiments/get", {"experiment_id": "77"}),
        ("POST", "runs/create", {"experiment_id": "77"}),
        ("POST", "runs/set-tag", {"run_id": "r-closed", "key": "a", "value": "b"}),
        ("GET", "/api/2.0/mlflow-artifacts/artifacts/77/x", {}),
        ("PUT", "/api/2.0/mlflow-artifacts/artifacts/77/x", {}),
    ):
        answer = call(owner, method, path, values)
        told = (answer.status_code, answer.json()["error_code"])
        assert told == (424, "TEMPORARILY_UNAVAILABLE"), path
        assert "does not accept the credentials of mlgov" in answer.json()["message"]
        assert "WWW-Authenticate" not in answer
