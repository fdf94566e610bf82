"""MLFLOW_REGISTRY_URI alone leads to mlgov; runs and models stay on the team's own server."""

import time
from collections.abc import Iterator
from typing import Any

import mlflow
import numpy as np
import pytest
from mlflow import MlflowClient
from mlflow.exceptions import RestException
from sklearn.linear_model import LogisticRegression

from apps.accounts.models import User
from apps.projects.models import Project
from apps.registry.models import ModelVersion
from apps.tracking import services as tracking_services
from apps.tracking.models import ArtifactStore, TrackingServer
from tests.contract.mlflow_client.conftest import sign_in
from tests.stores import Bucket, Guarded

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
FEATURES = np.array([[0.0, 1.0], [1.0, 0.0], [0.2, 0.9], [0.9, 0.1]])
LABELS = np.array([0, 1, 0, 1])


@pytest.fixture
def registry_only(
    served: str,
    guarded: Guarded,
    team_server: TrackingServer,
    project: Project,
    owner: User,
    data_scientist: User,
    settings: Any,
    tmp_path: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[MlflowClient]:
    settings.MLGOV_BASE_URL = served
    settings.MLGOV_TRACKING_URL = f"unix:{tmp_path}/nobody.sock"
    tracking_services.set_tracking_access(
        project, server=team_server, username="team", password="sesame", by=owner
    )
    sign_in(data_scientist, monkeypatch)
    before = mlflow.get_registry_uri()
    # The client has one token. What stands in the address goes before it, to this server only.
    mlflow.set_tracking_uri(guarded.url.replace("http://", "http://team:sesame@"))
    mlflow.set_registry_uri(served)
    yield MlflowClient()
    mlflow.set_registry_uri(before if before != served else "")


def log_and_register() -> LogisticRegression:
    model = LogisticRegression().fit(FEATURES, LABELS)
    with mlflow.start_run() as run:
        mlflow.log_param("C", 1.0)
        mlflow.sklearn.log_model(
            model,
            name="model",
            registered_model_name="scoring",
            input_example=FEATURES[:1],
            pip_requirements=["scikit-learn"],
        )
    model.run_id = run.info.run_id
    return model


def test_a_model_of_the_teams_server_is_registered_reviewed_and_loaded(
    registry_only: MlflowClient, team_server: TrackingServer, guarded: Guarded
) -> None:
    model = log_and_register()

    version = ModelVersion.objects.get()
    assert (version.state, version.tracking_server) == ("READY", team_server)
    assert version.lineage.document["parameters"]["C"] == "1.0"
    # What is loaded is what was registered, also when somebody writes over it on the server.
    guarded.tracking.put(f"{version.artifact_path}/MLmodel", b"something else")
    for address in ("models:/scoring/1", "models:/scoring/latest"):
        loaded = mlflow.pyfunc.load_model(address)
        assert (loaded.predict(FEATURES) == model.predict(FEATURES)).all()
    registry_only.set_registered_model_alias("scoring", "champion", "1")
    assert mlflow.sklearn.load_model("models:/scoring@champion").coef_.shape == (1, 2)


def test_a_source_that_the_server_does_not_know_is_refused_at_once(
    registry_only: MlflowClient,
) -> None:
    registry_only.create_registered_model("scoring")
    for source, code in (
        ("models:/m-" + "0" * 32, "RESOURCE_DOES_NOT_EXIST"),
        ("runs:/" + "0" * 32 + "/model", "RESOURCE_DOES_NOT_EXIST"),
        ("s3://nobodys/model", "INVALID_PARAMETER_VALUE"),
        ("file:///etc/passwd", "INVALID_PARAMETER_VALUE"),
    ):
        began = time.monotonic()
        with pytest.raises(RestException) as refusal:
            registry_only.create_model_version("scoring", source)
        assert refusal.value.error_code == code
        assert time.monotonic() - began < 2


def test_a_model_from_a_bucket_loads_and_so_does_a_copy_of_what_is_in_a_stage(
    registry_only: MlflowClient, s3_store: ArtifactStore, bucket: Bucket, tmp_path: Any
) -> None:
    mlflow.sklearn.save_model(
        LogisticRegression().fit(FEATURES, LABELS),
        tmp_path / "model",
        pip_requirements=["scikit-learn"],
    )
    for file in (tmp_path / "model").rglob("*"):
        if file.is_file():
            path = file.relative_to(tmp_path / "model")
            bucket.put(f"models/team-a/saved/{path}", file.read_bytes())
    registry_only.create_registered_model("scoring")
    registry_only.create_model_version("scoring", "s3://models/team-a/saved")
    registry_only.create_registered_model("copy")
    for source in ("models:/scoring/None", "models:/scoring/latest", "models:/scoring/1"):
        made = registry_only.create_model_version("copy", source)
        assert made.source == "models:/scoring/1"

    assert mlflow.pyfunc.load_model("models:/copy/3").predict(FEATURES).tolist() == [0, 1, 0, 1]
