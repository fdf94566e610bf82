"""What somebody deleted on the tracking server still loads: mlgov has its own copy."""

from typing import Any

import mlflow
import numpy as np
import pytest
from mlflow import MlflowClient
from sklearn.linear_model import LogisticRegression

from apps.registry.models import ModelVersion
from tests.tracking import Tracking

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
FEATURES = np.array([[0.0, 1.0], [1.0, 0.0], [0.2, 0.9], [0.9, 0.1]])


def test_a_version_whose_artifacts_were_deleted_upstream_loads_from_the_copy(
    signed_in: MlflowClient, tracking: Tracking, served: str, settings: Any
) -> None:
    settings.MLGOV_BASE_URL = served
    model = LogisticRegression().fit(FEATURES, [0, 1, 0, 1])
    with mlflow.start_run():
        mlflow.sklearn.log_model(
            model, name="model", registered_model_name="scoring", pip_requirements=["scikit-learn"]
        )
    version = ModelVersion.objects.get()
    uri = signed_in.get_model_version_download_uri("scoring", "1")
    assert uri == f"mlflow-artifacts:/{version.artifact_path}"
    path = f"/api/2.0/mlflow-artifacts/artifacts/{version.artifact_path}"
    tracking.upstream.request("DELETE", path).read()

    loaded = mlflow.pyfunc.load_model("models:/scoring/1")

    assert (loaded.predict(FEATURES) == model.predict(FEATURES)).all()
