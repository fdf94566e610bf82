"""The stock client makes a webhook; what it then registers is told by the worker."""

import time
from typing import Any

import mlflow
import numpy as np
import pytest
from mlflow import MlflowClient
from sklearn.linear_model import LogisticRegression

from apps.accounts.models import User
from apps.projects.models import Project
from tests.contract.mlflow_client.conftest import sign_in
from tests.listener import Listener

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
EVENTS: Any = [
    "registered_model.created",
    "model_version.created",
    "model_version_alias.created",
    "model_version_tag.set",
]


def test_what_the_client_registers_is_told_to_its_webhook(
    served: str,
    listener: Listener,
    owner: User,
    project: Project,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sign_in(owner, monkeypatch)
    client = MlflowClient()
    client.create_webhook("ci", listener.url, events=EVENTS, secret="s3cret")
    model = LogisticRegression().fit(np.eye(2), [0, 1])
    with mlflow.start_run() as run:
        mlflow.sklearn.log_model(
            model, name="model", registered_model_name="scoring", pip_requirements=["scikit-learn"]
        )
    client.set_registered_model_alias("scoring", "champion", "1")
    client.set_model_version_tag("scoring", "1", "quarter", "Q1")

    until = time.monotonic() + 20
    while len(listener.heard) < len(EVENTS) and time.monotonic() < until:
        time.sleep(0.1)
    told = {f"{row['entity']}.{row['action']}": row["data"] for row in listener.told}
    assert sorted(told) == sorted(EVENTS)
    version = told["model_version.created"]
    assert (version["name"], version["version"]) == ("scoring", "1")
    assert version["run_id"] == run.info.run_id
    assert version["source"] == client.get_model_version("scoring", "1").source
    assert told["model_version_alias.created"] == {
        "name": "scoring",
        "alias": "champion",
        "version": "1",
    }
