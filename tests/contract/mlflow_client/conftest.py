"""The stock MLflow client against a live mlgov, with a worker and a stock tracking server."""

from collections.abc import Iterator
from typing import Any

import mlflow
import pytest
from mlflow import MlflowClient

from apps.accounts import services as accounts
from apps.accounts.models import User
from tests.tracking import Tracking, worker

# The client retries for minutes by default; a test that makes it retry should fail soon.
ENVIRONMENT = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_ENABLE_ASYNC_LOGGING": "false",
    # mlflow.set_tracking_uri() and set_registry_uri() write these; named here, they are put back.
    "MLFLOW_TRACKING_URI": "",
    "MLFLOW_REGISTRY_URI": "",
}


@pytest.fixture(autouse=True)
def served(live_server: Any, tracking: Tracking, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("MLFLOW_TRACKING_TOKEN", raising=False)
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(live_server.url)
    with worker():
        yield live_server.url
    while mlflow.active_run():
        mlflow.end_run()
    mlflow.set_tracking_uri(before)


@pytest.fixture
def signed_in(data_scientist: User, served: str, monkeypatch: pytest.MonkeyPatch) -> MlflowClient:
    """The client of the data scientist."""
    sign_in(data_scientist, monkeypatch)
    return MlflowClient()


def sign_in(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    _, token = accounts.create_token(user, name="notebook", by=user)
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", token)
