"""A stock `mlflow server` with its registry on, and a live mlgov whose tracking server it is."""

import logging
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from apps.accounts import services as accounts
from apps.accounts.models import User
from apps.projects.models import Project
from apps.tracking.upstream import Upstream
from tests import factories, servers
from tests.contract.differential.sides import Both, Side
from tests.tracking import Tracking, experiment_of, wait_for

QUIET = {
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "MLFLOW_ENABLE_AI_GATEWAY": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    # Webhooks are told to a listener of the test.
    "MLFLOW_WEBHOOK_ALLOWED_SCHEMES": "http,https",
    "MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS": "true",
    "MLFLOW_WEBHOOK_REQUEST_MAX_RETRIES": "0",
    "MLFLOW_WEBHOOK_CACHE_TTL": "0",
}


@pytest.fixture(scope="session")
def stock_server() -> Iterator[str]:
    """Its address. The registry is its own, in a database of its own."""
    with tempfile.TemporaryDirectory(prefix="mlgov-d-", ignore_cleanup_errors=True) as name:
        home, port = Path(name), servers.free_port()
        command = [
            *(sys.executable, "-m", "mlflow", "server"),
            *("--backend-store-uri", f"sqlite:///{home}/mlflow.db"),
            *("--serve-artifacts", "--artifacts-destination", str(home / "artifacts")),
            *("--host", "127.0.0.1", "--port", str(port), "--workers", "1"),
        ]
        with (home / "log").open("wb") as log:
            process = subprocess.Popen(
                command,
                env={**os.environ, **QUIET},
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            wait_for(f"http://127.0.0.1:{port}", process, home / "log")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(20)


@pytest.fixture
def stages(db: None) -> None:
    """MLflow's four, and none of them asks for a review: what is compared is the protocol."""
    for order, slug in enumerate(("staging", "production", "archived")):
        one = slug != "archived"
        factories.make_stage(slug, approvals_required=0, order=order, single_occupancy=one)


@pytest.fixture
def both(
    stock_server: str,
    live_server: Any,
    settings: Any,
    owner: User,
    project: Project,
    stages: None,
    caplog: pytest.LogCaptureFixture,
) -> Iterator[Both]:
    """Both servers with an empty registry; whoever asks mlgov owns its only project."""
    # Two thousand lines about requests take longer than the requests.
    caplog.set_level(logging.WARNING, logger="mlgov.requests")
    settings.MLGOV_TRACKING_URL = stock_server
    _, token = accounts.create_token(owner, name="test", by=owner)
    found = Both(Side(stock_server), Side(live_server.url, token))
    empty(found.stock)
    yield found
    found.close()
    if found.disagreements:
        pytest.fail(found.report(), pytrace=False)


@pytest.fixture
def tracked(both: Both, stock_server: str) -> Tracking:
    """The tracking server that both registries take their models from."""
    return Tracking(Upstream(stock_server), experiment_of("credit", stock_server))


def empty(stock: Side) -> None:
    for text in ("", "tags.`mlflow.prompt.is_prompt` = 'true'"):
        query = {"filter": text, "max_results": "1000"}
        found = stock.call("GET", "registered-models/search", query).body
        for model in found.get("registered_models", []):
            stock.call("DELETE", "registered-models/delete", {"name": model["name"]})
    for webhook in stock.call("GET", "webhooks", {"max_results": "1000"}).body.get("webhooks", []):
        stock.call("DELETE", f"webhooks/{webhook['webhook_id']}")
