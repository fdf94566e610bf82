"""Which sources are resolved, and which are refused before anything is asked."""

import pytest

from apps.accounts.models import User
from apps.core.errors import Conflict, DomainError, Invalid, NotFound, Unavailable
from apps.projects.models import Project
from apps.registry import sources
from apps.registry.models import ModelVersion, RegisteredModel
from apps.registry.states import VersionState
from tests import factories
from tests.tracking import Tracking


def resolve(source: str, user: User, **given: str) -> sources.ResolvedSource:
    project = Project.objects.get(slug="credit")
    return sources.resolve(source, project=project, user=user, **given)


@pytest.mark.parametrize(
    "source",
    [
        "http://169.254.169.254/latest/meta-data",
        "https://example.org/model",
        "ftp://example.org/model",
        "s3://bucket/model",
        "file:///etc/passwd",
        "/etc/passwd",
        "../../etc",
        "dummy-source",
        "mlflow-artifacts://other-host/1/models/m-1/artifacts",
        "mlflow-artifacts:/1/models/../../secret",
        "mlflow-artifacts:/1/models/%2e%2e/secret",
        "mlflow-artifacts:/1/a\\..\\b",
        "mlflow-artifacts:/1//b",
        "runs:/abc/../../x",
        "runs:/abc/%2e%2e/x",
        "runs:/abc",
        "models:/m-1/../x",
        "models:/name/1/extra",
        "models:/m-" + "x" * 600,
        "models:/m-1\x00",
        "",
    ],
)
def test_what_could_lead_elsewhere_is_refused_without_asking_anybody(
    source: str, data_scientist: User, no_tracking: None
) -> None:
    with pytest.raises(Invalid):
        resolve(source, data_scientist)


def test_a_logged_model_leads_to_its_artifacts_and_its_run(
    tracking: Tracking, data_scientist: User
) -> None:
    logged = tracking.log_model()
    spellings = [
        (f"models:/{logged['model_id']}", {}),
        (f"models:/{logged['model_id']}", {"model_id": logged["model_id"]}),
        (f"mlflow-artifacts:/{logged['root']}", {"model_id": logged["model_id"]}),
    ]

    found = [resolve(source, data_scientist, **given) for source, given in spellings]

    assert {(f.artifact_path, f.run_id, f.logged_model_id, f.experiment_id) for f in found} == {
        (logged["root"], logged["run_id"], logged["model_id"], tracking.experiment)
    }


def test_the_spellings_of_mlflow_2_lead_into_the_run(
    tracking: Tracking, data_scientist: User
) -> None:
    run_id = tracking.make_run()["info"]["run_id"]
    root = f"{tracking.experiment}/{run_id}/artifacts/model"

    found = {
        resolve(f"runs:/{run_id}/model", data_scientist).artifact_path,
        resolve(f"runs:/{run_id}/model", data_scientist, run_id=run_id).artifact_path,
        resolve(f"mlflow-artifacts:/{root}", data_scientist, run_id=run_id).artifact_path,
    }

    assert found == {root}


def test_what_lies_in_an_experiment_of_others_does_not_exist(
    tracking: Tracking, data_scientist: User, stranger: User, administrator: User
) -> None:
    logged = tracking.log_model()
    spellings = [
        (f"models:/{logged['model_id']}", {}),
        (f"runs:/{logged['run_id']}/model", {}),
        (f"mlflow-artifacts:/{logged['root']}", {"model_id": logged["model_id"]}),
    ]

    for source, given in spellings:
        with pytest.raises(NotFound, match="tracking server has no"):
            resolve(source, stranger, **given)
        assert resolve(source, data_scientist, **given)
        assert resolve(source, administrator, **given)


def test_what_the_tracking_server_does_not_know_does_not_exist(
    tracking: Tracking, data_scientist: User
) -> None:
    for source in ("models:/m-" + "0" * 32, "runs:/" + "0" * 32 + "/model"):
        with pytest.raises(NotFound):
            resolve(source, data_scientist)


def test_ids_that_contradict_the_source_are_refused(
    tracking: Tracking, data_scientist: User
) -> None:
    logged, other = tracking.log_model(), tracking.log_model()

    contradictions = [
        (f"models:/{logged['model_id']}", {"model_id": other["model_id"]}),
        (f"models:/{logged['model_id']}", {"run_id": other["run_id"]}),
        (f"runs:/{logged['run_id']}/model", {"run_id": other["run_id"]}),
        (f"mlflow-artifacts:/{logged['root']}", {"model_id": other["model_id"]}),
        (f"mlflow-artifacts:/{logged['root']}", {"run_id": logged["run_id"]}),
        (f"mlflow-artifacts:/{logged['root']}-x", {"model_id": logged["model_id"]}),
        (f"mlflow-artifacts:/{logged['root']}", {}),
    ]
    for source, given in contradictions:
        with pytest.raises(Invalid):
            resolve(source, data_scientist, **given)


def test_a_tracking_server_that_is_down_says_so(data_scientist: User, no_tracking: None) -> None:
    with pytest.raises(Unavailable, match="does not answer"):
        resolve("models:/m-" + "0" * 32, data_scientist)


def test_a_copy_is_made_of_ready_versions_that_one_sees(
    version: ModelVersion,
    model: RegisteredModel,
    data_scientist: User,
    stranger: User,
    no_tracking: None,
) -> None:
    pending = factories.make_version(model, by=data_scientist, state=VersionState.PENDING)

    assert resolve("models:/scoring/1", data_scientist).origin == version
    refusals: list[tuple[str, User, type[DomainError]]] = [
        (f"models:/scoring/{pending.number}", data_scientist, Conflict),
        ("models:/scoring/9", data_scientist, NotFound),
        ("models:/scoring/Staging", data_scientist, NotFound),
        ("models:/scoring@champion", data_scientist, NotFound),
        ("models:/scoring/1", stranger, NotFound),
    ]
    for source, user, refusal in refusals:
        with pytest.raises(refusal):
            resolve(source, user)
