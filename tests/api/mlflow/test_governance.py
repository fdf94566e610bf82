"""What MLflow's client gets where people decide. Each refusal is one that it does not retry."""

from typing import Any

import pytest
from django.http import HttpResponse

from apps.accounts.models import User
from apps.notifications.models import Notification
from apps.projects.models import Membership, Project
from apps.registry import services as registry
from apps.registry.models import Alias, LabelRule, Lineage, ModelTag, ModelVersion, VersionTag
from apps.reviews import queries
from apps.reviews import services as reviews
from apps.reviews.models import ReviewRequest
from apps.stages import services as stages
from apps.stages.models import Placement, Stage
from tests import factories
from tests.api.mlflow.conftest import Call
from tests.builds.parts import drive

ONE = {"name": "scoring", "version": "1"}


@pytest.fixture
def reviewers(reviewer: User, risk_reviewer: User) -> list[User]:
    return [reviewer, risk_reviewer]


def transition(call: Call, user: User, stage: str, **changes: Any) -> HttpResponse:
    body = {**ONE, "stage": stage, "archive_existing_versions": False, **changes}
    return call(user, "POST", "model-versions/transition-stage", body)


def answer(response: Any) -> tuple[int, str]:
    return response.status_code, response.json().get("error_code", "")


DENIED = (403, "PERMISSION_DENIED")


def test_asking_for_a_stage_opens_the_review_and_says_where_it_is(
    call: Call,
    version: ModelVersion,
    staging: Stage,
    reviewers: list[User],
    data_scientist: User,
) -> None:
    version.description = "Trained on June."
    version.save()

    response = transition(call, data_scientist, "Staging")

    review = ReviewRequest.objects.get()
    url = f"http://127.0.0.1:8000/reviews/{review.pk}"
    body = response.json()
    assert answer(response) == DENIED
    assert (body["review_id"], body["review_url"]) == (review.pk, url)
    assert body["card_url"].endswith("/models/scoring/versions/1")
    assert url in body["message"]
    assert "Reviewer, Risk Reviewer" in body["message"]
    assert (review.requested_by, review.stage, review.note) == (
        data_scientist,
        staging,
        "Trained on June.",
    )
    assert not Placement.objects.exists()


def test_asking_again_points_to_the_open_review_and_mails_nobody(
    call: Call,
    version: ModelVersion,
    staging: Stage,
    reviewers: list[User],
    data_scientist: User,
    viewer: User,
) -> None:
    first = transition(call, data_scientist, "Staging").json()
    drive()
    told = Notification.objects.count()

    second = transition(call, data_scientist, "staging", archive_existing_versions=True)
    third = transition(call, viewer, "Staging")
    drive()

    assert answer(second) == answer(third) == DENIED
    assert second.json()["review_id"] == third.json()["review_id"] == first["review_id"]
    assert "0 of 2 approvals" in second.json()["message"]
    assert (ReviewRequest.objects.count(), Notification.objects.count()) == (1, told)
    assert "through MLflow's client" in ReviewRequest.objects.get().note


def test_the_version_moves_when_the_review_is_approved_and_asking_again_is_a_yes(
    call: Call,
    version: ModelVersion,
    staging: Stage,
    reviewers: list[User],
    data_scientist: User,
) -> None:
    transition(call, data_scientist, "Staging")
    review = ReviewRequest.objects.get()
    for person in reviewers:
        reviews.approve(review, by=person, read_digest=queries.content_digest(review))

    response = transition(call, data_scientist, "Staging")
    behind = call(
        data_scientist, "GET", "registered-models/alias", {"name": "scoring", "alias": "staging"}
    )

    assert response.json()["model_version"]["current_stage"] == "Staging"
    assert behind.json()["model_version"]["version"] == "1"
    assert behind.json()["model_version"]["aliases"] == ["staging"]


def test_who_may_not_ask_opens_nothing(
    call: Call,
    version: ModelVersion,
    staging: Stage,
    reviewers: list[User],
    viewer: User,
    stranger: User,
) -> None:
    assert answer(transition(call, viewer, "Staging")) == DENIED
    assert answer(transition(call, stranger, "Staging")) == (404, "RESOURCE_DOES_NOT_EXIST")
    assert not ReviewRequest.objects.exists()


def test_without_enough_reviewers_nothing_is_opened_and_the_message_says_what_to_do(
    call: Call, version: ModelVersion, staging: Stage, reviewers: list[User], data_scientist: User
) -> None:
    Membership.objects.filter(user=reviewers[0]).delete()

    response = transition(call, data_scientist, "Staging")

    assert answer(response) == DENIED
    assert "under Members" in response.json()["message"]
    assert response.json()["card_url"].endswith("/models/scoring/versions/1")
    assert not ReviewRequest.objects.exists()


def test_a_version_that_is_not_ready_is_not_asked_for(
    call: Call,
    model: Any,
    staging: Stage,
    reviewers: list[User],
    data_scientist: User,
) -> None:
    factories.make_version(model, by=data_scientist, state="PENDING_REGISTRATION")

    assert answer(transition(call, data_scientist, "Staging")) == (409, "RESOURCE_CONFLICT")
    assert not ReviewRequest.objects.exists()


def test_the_alias_of_a_stage_is_out_of_reach(
    call: Call, version: ModelVersion, staging: Stage, archived: Stage, owner: User
) -> None:
    stages.move(version, archived, by=owner)
    second = factories.make_version(version.model, by=owner)
    for alias in ("staging", "Staging", "archived"):
        body = {"name": "scoring", "alias": alias, "version": str(second.number)}
        response = call(owner, "POST", "registered-models/alias", body)
        assert answer(response) == DENIED, alias
        assert "kept by mlgov" in response.json()["message"]
    body = {"name": "scoring", "alias": "archived"}
    assert answer(call(owner, "DELETE", "registered-models/alias", body)) == DENIED

    assert list(Alias.objects.values_list("name", "version__number")) == [("archived", 1)]


def test_what_is_under_review_is_neither_deleted_nor_overwritten(
    call: Call, review: ReviewRequest, version: ModelVersion, owner: User
) -> None:
    digest = queries.content_digest(review)
    for path, body in (("model-versions/delete", ONE), ("registered-models/delete", ONE)):
        response = call(owner, "DELETE", path, body)
        assert answer(response) == (409, "RESOURCE_CONFLICT")
        assert "under review for Staging. Withdraw that review" in response.json()["message"]

    changed = call(owner, "PATCH", "model-versions/update", {**ONE, "description": "Other."})

    # Reviewers read the card, and MLflow's description is only where it began.
    assert changed.status_code == 200
    assert queries.content_digest(review) == digest


def test_protected_labels_are_set_and_deleted_by_the_roles_of_the_rule(
    call: Call, version: ModelVersion, owner: User, data_scientist: User
) -> None:
    for kind, pattern in (
        ("alias", "prod*"),
        ("model_tag", "tier"),
        ("version_tag", "approved"),
    ):
        LabelRule.objects.create(kind=kind, pattern=pattern, roles=["owner"])
    LabelRule.objects.create(kind="version_tag", pattern="validation.*", roles=[])
    tag = {**ONE, "key": "approved", "value": "yes"}
    model_tag = {"name": "scoring", "key": "tier", "value": "1"}
    alias = {**ONE, "alias": "Prod-eu"}
    calls = [
        ("POST", "model-versions/set-tag", tag),
        ("POST", "registered-models/set-tag", model_tag),
        ("POST", "registered-models/alias", alias),
        ("DELETE", "model-versions/delete-tag", tag),
        ("DELETE", "registered-models/delete-tag", model_tag),
        ("DELETE", "registered-models/alias", alias),
    ]
    for method, path, body in calls[:3]:
        response = call(data_scientist, method, path, body)
        assert answer(response) == DENIED, path
        assert "by owners only" in response.json()["message"]
        assert call(owner, method, path, body).status_code == 200, path
    for method, path, body in calls[3:]:
        assert answer(call(data_scientist, method, path, body)) == DENIED, path
        assert call(owner, method, path, body).status_code == 200, path

    kept = {**ONE, "key": "validation.bias", "value": "passed"}
    response = call(owner, "POST", "model-versions/set-tag", kept)
    assert answer(response) == DENIED
    assert "mlgov alone" in response.json()["message"]
    assert (VersionTag.objects.count(), ModelTag.objects.count()) == (0, 0)


def test_protected_tags_are_not_given_at_birth_either(
    call: Call, version: ModelVersion, data_scientist: User, owner: User
) -> None:
    LabelRule.objects.create(kind="version_tag", pattern="approved", roles=["owner"])
    LabelRule.objects.create(kind="model_tag", pattern="tier", roles=["owner"])
    body = {"name": "other", "tags": [{"key": "tier", "value": "1"}]}
    assert answer(call(data_scientist, "POST", "registered-models/create", body)) == DENIED
    body = {"name": "other", "tags": [{"key": "mlgov.tier", "value": "1"}]}
    assert answer(call(owner, "POST", "registered-models/create", body)) == DENIED
    Lineage.objects.create(version=version, document={})
    # As MLflow's client copies a version: with the tags of the one that it was made from.
    registry.set_version_tag(version, key="approved", value="yes", by=owner)
    copy = {
        "name": "scoring",
        "source": "models:/scoring/1",
        "tags": [{"key": "approved", "value": "yes"}],
    }
    assert answer(call(data_scientist, "POST", "model-versions/create", copy)) == DENIED
    assert (version.model.versions.count(), ModelTag.objects.count()) == (1, 0)

    assert call(owner, "POST", "model-versions/create", copy).status_code == 200


def test_deleting_a_version_does_not_get_around_a_protected_alias(
    call: Call, version: ModelVersion, project: Project, owner: User
) -> None:
    maintainer = factories.make_user("maintainer")
    factories.join(project, maintainer, "maintainer")
    LabelRule.objects.create(kind="alias", pattern="prod*", roles=["owner"], project=project)
    registry.set_alias(version, name="prod", by=owner)

    assert answer(call(maintainer, "DELETE", "model-versions/delete", ONE)) == DENIED
    assert answer(call(maintainer, "DELETE", "registered-models/delete", ONE)) == DENIED
    assert call(owner, "DELETE", "model-versions/delete", ONE).status_code == 200


def test_a_name_kept_for_another_project_is_refused_in_each_way_to_it(
    call: Call, version: ModelVersion, owner: User, stranger: User, data_scientist: User
) -> None:
    elsewhere = Project.objects.get(slug="elsewhere")
    registry.reserve_prefix(elsewhere, prefix="fraud-", by=stranger)
    rename = {"name": "scoring", "new_name": "fraud-scoring"}
    create = {"name": "fraud-scoring", "tags": [{"key": "mlgov.project", "value": "credit"}]}

    for response in (
        call(owner, "POST", "registered-models/rename", rename),
        call(owner, "POST", "registered-models/create", create),
        call(data_scientist, "POST", "registered-models/create", {"name": "fraud-scoring"}),
    ):
        assert answer(response) == DENIED
        assert "reserved for another project" in response.json()["message"]
    assert call(owner, "GET", "registered-models/get", {"name": "scoring"}).status_code == 200
    mine = call(stranger, "POST", "registered-models/create", {"name": "fraud-scoring"})
    assert mine.status_code == 200
