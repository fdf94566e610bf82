"""What a data scientist does from a notebook, with an unmodified mlflow."""

import mlflow
import numpy as np
import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException, RestException
from sklearn.linear_model import LogisticRegression

from apps.accounts.models import User
from apps.registry.models import ModelVersion
from apps.reviews import queries
from apps.reviews import services as reviews
from apps.reviews.models import ReviewRequest
from apps.stages.models import Stage
from tests.contract.mlflow_client.conftest import sign_in
from tests.tracking import Tracking

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.slow,
]

FEATURES = np.array([[0.0, 1.0], [1.0, 0.0], [0.2, 0.9], [0.9, 0.1]])
LABELS = np.array([0, 1, 0, 1])


def log_and_register(name: str = "scoring") -> LogisticRegression:
    model = LogisticRegression().fit(FEATURES, LABELS)
    mlflow.set_experiment("credit")
    with mlflow.start_run() as run:
        mlflow.log_params({"penalty": "l2"})
        mlflow.sklearn.log_model(
            model,
            name="model",
            registered_model_name=name,
            input_example=FEATURES[:1],
            pip_requirements=["scikit-learn"],  # asking the environment takes seconds
        )
        mlflow.log_metric("accuracy", 0.9)
    model.run_id = run.info.run_id
    return model


def test_log_model_waits_until_the_version_is_ready_and_loads_back(
    signed_in: MlflowClient, data_scientist: User
) -> None:
    model = log_and_register()

    version = ModelVersion.objects.get()
    loaded = mlflow.sklearn.load_model("models:/scoring/1")
    assert (loaded.predict(FEATURES) == model.predict(FEATURES)).all()
    assert signed_in.get_model_version("scoring", "1").status == "READY"
    assert (version.registered_by, version.project.slug) == (data_scientist, "credit")
    assert version.source_run_id == model.run_id
    assert {"python_function", "sklearn"} <= version.flavors.keys()
    assert [column["type"] for column in version.signature["inputs"]] == ["tensor"]
    assert version.lineage.document["parameters"]["penalty"] == "l2"
    assert version.lineage.document["run"]["experiment"] == "credit"


def test_a_second_version_of_an_existing_model_is_number_two(signed_in: MlflowClient) -> None:
    log_and_register()
    log_and_register()

    versions = signed_in.search_model_versions("name = 'scoring'")
    assert sorted((v.version, v.status) for v in versions) == [("1", "READY"), ("2", "READY")]


def test_a_failed_registration_shows_its_reason(
    signed_in: MlflowClient, tracking: Tracking
) -> None:
    logged = tracking.log_model({"notes.txt": b"not a model"})

    with pytest.raises(MlflowException, match=r"FAILED_REGISTRATION.*no file MLmodel"):
        mlflow.register_model(f"models:/{logged['model_id']}", "scoring")


def test_aliases_and_tags_and_copies_work(signed_in: MlflowClient) -> None:
    log_and_register()

    signed_in.set_registered_model_alias("scoring", "champion", "1")
    signed_in.set_model_version_tag("scoring", "1", "checked", "yes")
    signed_in.set_registered_model_tag("scoring", "team", "risk")
    copy = signed_in.copy_model_version("models:/scoring@champion", "scoring-copy")

    version = signed_in.get_model_version_by_alias("scoring", "champion")
    model = signed_in.get_registered_model("scoring")
    assert (version.version, version.tags, version.aliases) == (
        "1",
        {"checked": "yes"},
        ["champion"],
    )
    assert (model.tags, model.aliases) == ({"team": "risk"}, {"champion": "1"})
    assert (copy.source, copy.name, copy.version) == ("models:/scoring/1", "scoring-copy", "1")
    assert mlflow.sklearn.load_model("models:/scoring-copy/1").predict(FEATURES[:1]) == [0]
    digests = ModelVersion.objects.values_list("artifact_digest", flat=True)
    assert len(set(digests)) == 1

    signed_in.delete_registered_model_alias("scoring", "champion")
    with pytest.raises(RestException, match="alias champion not found"):
        signed_in.get_model_version_by_alias("scoring", "champion")


def test_registering_from_a_run_and_searching(signed_in: MlflowClient) -> None:
    model = LogisticRegression().fit(FEATURES, LABELS)
    with mlflow.start_run() as run:
        mlflow.sklearn.log_model(model, name="model", pip_requirements=["scikit-learn"])

    mlflow.register_model(f"runs:/{run.info.run_id}/model", "scoring")

    version = signed_in.get_model_version("scoring", "1")
    assert (version.status, version.run_id) == ("READY", run.info.run_id)
    found = signed_in.search_model_versions(f"run_id = '{run.info.run_id}'")
    assert [v.version for v in found] == ["1"]
    assert [m.name for m in signed_in.search_registered_models("name LIKE 'scor%'")] == ["scoring"]
    assert signed_in.search_registered_models("name LIKE 'SCOR%'") == []


def test_what_is_registered_cannot_be_overwritten_or_deleted(
    signed_in: MlflowClient, tracking: Tracking
) -> None:
    model = log_and_register()
    version = ModelVersion.objects.get()
    before = tracking.get(f"{version.artifact_path}/MLmodel")

    with pytest.raises(RestException, match=r"PERMISSION_DENIED.*scoring version 1"):
        signed_in.delete_run(model.run_id)
    with pytest.raises(RestException, match="PERMISSION_DENIED"):
        signed_in.log_metric(model.run_id, "accuracy", 1.0)
    with pytest.raises(RestException, match="PERMISSION_DENIED"):
        signed_in.set_tag(model.run_id, "mlflow.source.git.commit", "0" * 40)
    with pytest.raises(RestException, match="PERMISSION_DENIED"):
        signed_in.delete_logged_model(version.logged_model_id)
    with pytest.raises(RestException, match="PERMISSION_DENIED"):
        signed_in.set_logged_model_tags(version.logged_model_id, {"free": "no"})
    with pytest.raises(RestException, match="PERMISSION_DENIED"):
        signed_in.delete_experiment(version.experiment_id)

    assert tracking.get(f"{version.artifact_path}/MLmodel") == before
    assert tracking.call("GET", f"logged-models/{version.logged_model_id}")


def test_another_run_can_still_be_changed_and_deleted(signed_in: MlflowClient) -> None:
    log_and_register()
    with mlflow.start_run() as run:
        mlflow.log_metric("accuracy", 0.5)

    signed_in.log_metric(run.info.run_id, "accuracy", 0.6)
    signed_in.set_tag(run.info.run_id, "mlflow.source.git.commit", "0" * 40)
    signed_in.delete_run(run.info.run_id)

    assert signed_in.get_run(run.info.run_id).info.lifecycle_stage == "deleted"


def test_without_reviewers_a_stage_answers_with_the_card(
    signed_in: MlflowClient, staging: Stage
) -> None:
    log_and_register()

    with pytest.raises(RestException, match="/models/scoring/versions/1") as refusal:
        signed_in.transition_model_version_stage("scoring", "1", "Staging")

    assert refusal.value.error_code == "PERMISSION_DENIED"
    assert refusal.value.json["card_url"].endswith("/models/scoring/versions/1")
    assert signed_in.get_model_version("scoring", "1").current_stage == "None"


def test_asking_for_a_stage_opens_its_review_and_what_is_approved_loads_by_each_name(
    signed_in: MlflowClient, staging: Stage, reviewer: User, risk_reviewer: User
) -> None:
    model = log_and_register()

    with pytest.raises(RestException, match="/reviews/") as refusal:
        signed_in.transition_model_version_stage("scoring", "1", "Staging")
    with pytest.raises(RestException, match="0 of 2 approvals") as again:
        signed_in.transition_model_version_stage("scoring", "1", "Staging")

    review = ReviewRequest.objects.get()
    assert refusal.value.error_code == again.value.error_code == "PERMISSION_DENIED"
    assert refusal.value.json["review_id"] == again.value.json["review_id"] == review.pk
    assert refusal.value.json["review_url"].endswith(f"/reviews/{review.pk}")
    with pytest.raises(RestException, match="alias staging not found"):
        signed_in.get_model_version_by_alias("scoring", "staging")

    for person in (reviewer, risk_reviewer):
        reviews.approve(review, by=person, read_digest=queries.content_digest(review))
    moved = signed_in.transition_model_version_stage("scoring", "1", "Staging")

    assert (moved.current_stage, moved.aliases) == ("Staging", ["staging"])
    for uri in ("models:/scoring@staging", "models:/scoring/Staging", "models:/scoring/1"):
        loaded = mlflow.sklearn.load_model(uri)
        assert (loaded.predict(FEATURES) == model.predict(FEATURES)).all(), uri
    log_and_register()
    with pytest.raises(RestException, match=r"PERMISSION_DENIED.*kept by mlgov"):
        signed_in.set_registered_model_alias("scoring", "staging", "2")
    with pytest.raises(RestException, match=r"PERMISSION_DENIED.*kept by mlgov"):
        signed_in.delete_registered_model_alias("scoring", "staging")
    assert signed_in.get_model_version_by_alias("scoring", "staging").version == "1"


def test_a_stage_without_a_review_lets_those_move_who_may(
    signed_in: MlflowClient,
    archived: Stage,
    owner: User,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    log_and_register()
    with pytest.raises(RestException, match="You may not move this version"):
        signed_in.transition_model_version_stage("scoring", "1", "archived")

    sign_in(owner, monkeypatch)
    moved = MlflowClient().transition_model_version_stage("scoring", "1", "archived")

    assert moved.current_stage == "Archived"
    assert [v.version for v in MlflowClient().get_latest_versions("scoring", ["Archived"])] == ["1"]


def test_somebody_of_another_project_finds_nothing(
    signed_in: MlflowClient, stranger: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    log_and_register()
    assert len(signed_in.search_registered_models()) == 1

    sign_in(stranger, monkeypatch)
    client = MlflowClient()

    assert client.search_registered_models() == []
    assert client.search_model_versions() == []
    with pytest.raises(RestException, match="RESOURCE_DOES_NOT_EXIST"):
        client.get_model_version("scoring", "1")
    with pytest.raises(RestException, match="RESOURCE_DOES_NOT_EXIST"):
        client.set_registered_model_alias("scoring", "champion", "1")


def test_without_a_token_the_client_is_told_what_to_set(served: str) -> None:
    with pytest.raises(RestException, match=r"UNAUTHENTICATED.*MLFLOW_TRACKING_TOKEN"):
        MlflowClient().search_registered_models()
    with pytest.raises(RestException, match="UNAUTHENTICATED"):
        MlflowClient().search_experiments()


def test_a_source_that_the_tracking_server_does_not_know_is_refused_at_once(
    signed_in: MlflowClient,
) -> None:
    signed_in.create_registered_model("scoring")

    with pytest.raises(RestException, match=r"RESOURCE_DOES_NOT_EXIST.*no logged model"):
        signed_in.create_model_version("scoring", "models:/m-00000000000000000000000000000000")
    with pytest.raises(RestException, match=r"INVALID_PARAMETER_VALUE.*source"):
        signed_in.create_model_version("scoring", "http://169.254.169.254/latest")

    assert not ModelVersion.objects.exists()
