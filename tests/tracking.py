"""A stock MLflow tracking server for tests, and a worker beside the test that carries runs out."""

import json
import os
import subprocess
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from apps.core.errors import Unavailable
from apps.outbox import services as outbox
from apps.runs import services as runs
from apps.runs.models import Run
from apps.runs.states import RunState
from apps.tracking.upstream import Upstream
from mlgov import embedded
from tests import otlp

PATIENCE = 90


@pytest.fixture(scope="session")
def tracking_server() -> Iterator[str]:
    """The address of a server started as the product starts it, on a unix socket."""
    with tempfile.TemporaryDirectory(prefix="mlgov-t-", ignore_cleanup_errors=True) as name:
        home = Path(name)
        address = home / "mlflow.sock"
        child = embedded._tracking_server(address)
        with (home / "log").open("wb") as log:
            process = subprocess.Popen(
                child.command,
                env={**os.environ, **child.environment},
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            wait_for(f"unix:{address}", process, home / "log")
            yield f"unix:{address}"
        finally:
            process.terminate()
            process.wait(20)


def wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    given_up_at = time.monotonic() + PATIENCE
    while time.monotonic() < given_up_at and process.poll() is None:
        try:
            response = Upstream(url).request("GET", "/health")
        except Unavailable:
            time.sleep(0.1)
            continue
        response.close()
        if response.status == 200:
            return
    raise AssertionError(f"no tracking server: {log.read_text()[-2000:]}")


@pytest.fixture
def tracking(tracking_server: str, settings: Any) -> "Tracking":
    """The tracking server, configured as the one behind mlgov."""
    settings.MLGOV_TRACKING_URL = tracking_server
    return Tracking(Upstream(tracking_server), experiment_of("credit", tracking_server))


@lru_cache
def experiment_of(project: str, tracking_server: str) -> str:
    """The id of an experiment that says on the server that it belongs to the project."""
    name = f"of-{project}-{uuid.uuid4().hex[:8]}"
    return Upstream(tracking_server).create_experiment(name, {"mlgov.project": project})


@pytest.fixture
def no_tracking(settings: Any, tmp_path: Path) -> None:
    """Nobody answers where the tracking server should be."""
    settings.MLGOV_TRACKING_URL = f"unix:{tmp_path}/nobody.sock"


class Tracking:
    """Runs, logged models and artifacts on the server, made without mlgov in between.

    They lie in an experiment of the project "credit", unless a test names another one.
    """

    def __init__(self, upstream: Upstream, experiment: str) -> None:
        self.upstream = upstream
        self.experiment = experiment

    def call(
        self, method: str, path: str, body: dict[str, Any] | None = None, *, version: str = "2.0"
    ) -> dict[str, Any]:
        response = self.upstream.request(
            method,
            f"/api/{version}/mlflow/{path}",
            body=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        answer = json.loads(response.read() or b"{}")
        response.release_conn()
        assert response.status == 200, answer
        return answer

    def make_run(self, **tags: str) -> dict[str, Any]:
        pairs = [{"key": key, "value": value} for key, value in tags.items()]
        body = {"experiment_id": self.experiment, "start_time": 1_700_000_000_000, "tags": pairs}
        return self.call("POST", "runs/create", body)["run"]

    def log(self, run_id: str, **values: list[dict[str, Any]]) -> None:
        """Log params, metrics or tags, such as `[{"key": …, "value": …}]`, in one call."""
        self.call("POST", "runs/log-batch", {"run_id": run_id, **values})

    def end_run(self, run_id: str) -> None:
        body = {"run_id": run_id, "status": "FINISHED", "end_time": 1_700_000_001_000}
        self.call("POST", "runs/update", body)

    def make_logged_model(self, run_id: str, name: str = "model") -> dict[str, Any]:
        body = {"experiment_id": self.experiment, "name": name, "source_run_id": run_id}
        return self.call("POST", "logged-models", body)["model"]["info"]

    def finish_logged_model(self, model_id: str) -> None:
        body = {"model_id": model_id, "status": "LOGGED_MODEL_READY"}
        self.call("PATCH", f"logged-models/{model_id}", body)

    def make_trace(self) -> str:
        """The id of a trace with one span."""
        trace_id = f"tr-{uuid.uuid4().hex}"
        headers = {"Content-Type": otlp.PROTOBUF, "X-Mlflow-Experiment-Id": self.experiment}
        response = self.upstream.request(
            "POST", "/v1/traces", body=otlp.export(trace_id), headers=headers
        )
        response.close()
        assert response.status == 200
        return trace_id

    def put(self, path: str, content: bytes) -> None:
        response = self.upstream.request(
            "PUT", f"/api/2.0/mlflow-artifacts/artifacts/{path}", body=content
        )
        response.close()
        assert response.status == 200

    def get(self, path: str) -> bytes:
        with self.upstream.open_artifact(path) as chunks:
            return b"".join(chunks)

    def log_model(self, files: dict[str, bytes] | None = None) -> dict[str, Any]:
        """A finished logged model of a finished run, as the client leaves it."""
        run_id = self.make_run()["info"]["run_id"]
        info = self.make_logged_model(run_id)
        root = info["artifact_uri"].removeprefix("mlflow-artifacts:/")
        for path, content in (files if files is not None else MODEL_FILES).items():
            self.put(f"{root}/{path}", content)
        self.finish_logged_model(info["model_id"])
        self.end_run(run_id)
        return {"run_id": run_id, "model_id": info["model_id"], "root": root}


MODEL_FILES = {
    "MLmodel": b"""\
flavors:
  python_function:
    loader_module: mlflow.sklearn
    python_version: 3.11.7
  sklearn:
    serialization_format: skops
mlflow_version: 3.17.2
model_uuid: m-1
signature:
  inputs: '[{"type": "double", "name": "age", "required": true}]'
  outputs: '[{"type": "long", "required": true}]'
  params: null
""",
    "requirements.txt": b"# inferred\nscikit-learn==1.7.2\nmlflow==3.17.2\n",
    "python_env.yaml": b"python: 3.11.7\n",
    "serving_input_example.json": b'{"dataframe_split": {"columns": ["age"], "data": [[42.0]]}}',
    "model.skops": b"\x00\x01 bytes of a model" * 1000,
}


def work_once() -> None:
    """Deliver what waits in the outbox and carry out every queued run, until nothing is left."""
    for _ in range(20):
        delivered = outbox.sweep()
        queued = list(Run.objects.filter(state=RunState.QUEUED).values_list("pk", flat=True))
        for pk in queued:
            runs.execute(pk)
        if not delivered and not queued:
            return


@contextmanager
def worker() -> Iterator[None]:
    """A worker in a thread, for a test that waits for what it does."""
    stopped = threading.Event()

    def work() -> None:
        try:
            while not stopped.wait(0.1):
                work_once()
        finally:
            connection.close()

    thread = threading.Thread(target=work, name="worker", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join(30)
