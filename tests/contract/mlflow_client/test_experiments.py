"""Experiments from a notebook, with an unmodified mlflow: by name, by default, and of others."""

import uuid

import mlflow
import numpy as np
import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException, RestException
from sklearn.linear_model import LogisticRegression

from apps.accounts.models import User
from apps.registry.models import ModelVersion
from apps.tracking.models import Experiment
from tests.contract.mlflow_client.conftest import sign_in
from tests.tracking import Tracking

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

FEATURES = np.array([[0.0, 1.0], [1.0, 0.0], [0.2, 0.9], [0.9, 0.1]])


@pytest.fixture(autouse=True)
def nothing_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a new notebook: no experiment was set by an earlier test."""
    monkeypatch.setattr(mlflow.tracking.fluent, "_active_experiment_id", None)


@mlflow.trace
def answer(question: str) -> str:
    return f"{question}!"


def log_everything() -> str:
    """A run with a model, a metric, a trace and a file; returns its id."""
    with mlflow.start_run() as run:
        mlflow.log_metric("auc", 0.9)
        mlflow.log_text("hello", "notes.txt")
        model = LogisticRegression().fit(FEATURES, [0, 1, 0, 1])
        mlflow.sklearn.log_model(
            model,
            name="model",
            registered_model_name="scoring",
            pip_requirements=["scikit-learn"],  # asking the environment takes seconds
        )
        answer("why")
    mlflow.flush_trace_async_logging()
    run_id: str = run.info.run_id
    return run_id


def test_whoever_names_no_experiment_works_in_that_of_his_project(
    signed_in: MlflowClient, stranger: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = log_everything()

    default = Experiment.objects.get()
    assert (default.is_default, default.project.slug) == (True, "credit")
    assert mlflow.get_run(run_id).info.experiment_id == default.experiment_id
    assert run_id in set(mlflow.search_runs()["run_id"])
    traces = mlflow.search_traces(return_type="list")
    assert any(trace.info.request_metadata.get("mlflow.sourceRun") == run_id for trace in traces)
    assert mlflow.get_trace(traces[0].info.trace_id).data.spans[0].name == "answer"
    models = mlflow.search_logged_models(output_format="list")
    assert run_id in {model.source_run_id for model in models}
    assert mlflow.artifacts.load_text(f"runs:/{run_id}/notes.txt") == "hello"
    assert [f.path for f in signed_in.list_artifacts(run_id)] == ["notes.txt"]
    assert mlflow.get_experiment("0").experiment_id == default.experiment_id
    assert mlflow.get_experiment_by_name("Default").experiment_id == default.experiment_id
    assert ModelVersion.objects.get().experiment_id == default.experiment_id
    assert mlflow.sklearn.load_model("models:/scoring/1").predict(FEATURES[:1]) == [0]

    sign_in(stranger, monkeypatch)
    assert run_id not in set(mlflow.search_runs().get("run_id", []))
    seen = mlflow.search_traces(return_type="list")
    assert {t.info.trace_id for t in traces}.isdisjoint(t.info.trace_id for t in seen)
    with pytest.raises(RestException, match="RESOURCE_DOES_NOT_EXIST"):
        mlflow.get_run(run_id)
    assert mlflow.get_trace(traces[0].info.trace_id, silent=True) is None
    with pytest.raises(MlflowException):
        mlflow.artifacts.load_text(f"runs:/{run_id}/notes.txt")
    with pytest.raises(RestException, match="RESOURCE_DOES_NOT_EXIST"):
        MlflowClient().log_metric(run_id, "auc", 0.1)


def test_a_named_experiment_is_made_once_and_searched(
    signed_in: MlflowClient, data_scientist: User, viewer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"named-{uuid.uuid4().hex}"
    for _ in range(2):
        mlflow.set_experiment(name)
        run_id = log_everything()

    experiment = mlflow.get_experiment_by_name(name)
    assert experiment.tags["mlgov.project"] == "credit"
    assert Experiment.objects.get().experiment_id == experiment.experiment_id
    assert len(mlflow.search_runs(experiment_names=[name])) == 2
    found = mlflow.search_experiments(filter_string=f"name = '{name}'")
    assert [e.name for e in found] == [name]
    signed_in.rename_experiment(experiment.experiment_id, f"{name}-2")
    signed_in.set_experiment_tag(experiment.experiment_id, "team", "risk")
    with pytest.raises(RestException, match="PERMISSION_DENIED"):
        signed_in.set_experiment_tag(experiment.experiment_id, "mlgov.project", "elsewhere")

    sign_in(viewer, monkeypatch)
    assert len(mlflow.search_runs(search_all_experiments=True)) == 2
    assert mlflow.get_run(run_id).data.metrics["auc"] == 0.9
    with pytest.raises(RestException, match="PERMISSION_DENIED"):
        MlflowClient().log_metric(run_id, "auc", 0.1)


def test_the_name_of_an_experiment_of_others_is_refused_and_not_passed_over(
    signed_in: MlflowClient, stranger: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"ours-{uuid.uuid4().hex}"
    mlflow.set_experiment(name)
    sign_in(stranger, monkeypatch)

    assert mlflow.get_experiment_by_name(name) is None
    with pytest.raises(RestException, match="another project"):
        mlflow.set_experiment(name)


def test_a_model_of_an_experiment_of_others_is_not_registered(
    signed_in: MlflowClient, tracking: Tracking, stranger: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    logged = tracking.log_model()
    sign_in(stranger, monkeypatch)

    for source in (f"models:/{logged['model_id']}", f"runs:/{logged['run_id']}/model"):
        with pytest.raises(MlflowException, match=r"not found|has no"):
            mlflow.register_model(source, "stolen")
    client = MlflowClient()
    for source in (f"models:/{logged['model_id']}", f"runs:/{logged['run_id']}/model"):
        with pytest.raises(RestException, match="RESOURCE_DOES_NOT_EXIST"):
            client.create_model_version("stolen", source)
    assert not ModelVersion.objects.exists()
