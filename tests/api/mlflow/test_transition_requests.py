"""Databricks' calls, sent by Databricks' own client."""

from typing import Any

import pytest
from databricks.sdk.errors import (
    DatabricksError,
    InvalidParameterValue,
    NotFound,
    PermissionDenied,
    ResourceAlreadyExists,
)
from databricks.sdk.service.ml import (
    ActivityAction,
    ActivityType,
    CommentActivityAction,
)

from apps.accounts.models import User
from apps.registry.models import ModelVersion, RegisteredModel
from apps.reviews.models import ReviewRequest
from apps.reviews.states import ReviewState
from apps.stages import queries as stages
from apps.stages.models import Stage
from tests.api.mlflow.conftest import Acting, Call
from tests.people import AskForReview


def test_a_request_is_a_review_and_its_last_approval_moves_the_version(
    acting: Acting,
    version: ModelVersion,
    staging: Stage,
    data_scientist: User,
    reviewer: User,
    risk_reviewer: User,
) -> None:
    asked = acting(data_scientist).create_transition_request(
        "scoring", "1", "Staging", comment="Please look."
    )
    review = ReviewRequest.objects.get()
    assert asked.request is not None
    assert (asked.request.user_id, asked.request.to_stage, asked.request.comment) == (
        "scientist",
        "Staging",
        "Please look.",
    )
    assert asked.request.available_actions == [ActivityAction.CANCEL_TRANSITION_REQUEST]
    assert {a.reviewer for a in review.assignments.all()} == {reviewer, risk_reviewer}

    first = acting(reviewer).approve_transition_request("scoring", "1", "Staging", True).activity
    assert first is not None
    assert first.activity_type == ActivityType.APPROVED_REQUEST
    assert "1 of 2 approvals" in (first.system_comment or "")
    assert stages.current_stage(ModelVersion.objects.get(pk=version.pk)) is None

    last = acting(risk_reviewer).approve_transition_request(
        "scoring", "1", "Staging", True, comment="Fine."
    )
    assert last.activity is not None
    assert (last.activity.comment, last.activity.to_stage) == ("Fine.", "Staging")
    assert "is in Staging now" in (last.activity.system_comment or "")
    assert stages.current_stage(ModelVersion.objects.get(pk=version.pk)) == staging
    assert list(acting(reviewer).list_transition_requests("scoring", "1")) == []


def test_open_requests_say_what_the_caller_may_do(
    acting: Acting, call: Call, review: ReviewRequest, reviewer: User, viewer: User, owner: User
) -> None:
    seen = {}
    for user in (reviewer, viewer, owner):
        found = call(user, "GET", "transition-requests/list", {"name": "scoring", "version": "1"})
        (request,) = found.json()["requests"]
        seen[user.username] = request["available_actions"]
    both = ["APPROVE_TRANSITION_REQUEST", "REJECT_TRANSITION_REQUEST"]
    assert seen == {
        "reviewer": both,
        "viewer": [],
        "owner": [*both, "CANCEL_TRANSITION_REQUEST"],
    }
    (parsed,) = acting(reviewer).list_transition_requests("scoring", "1")
    assert (parsed.activity_type, parsed.to_stage) == (
        ActivityType.REQUESTED_TRANSITION,
        "Staging",
    )


def test_a_rejection_asks_for_changes_and_leaves_the_request_open(
    acting: Acting, review: ReviewRequest, reviewer: User
) -> None:
    client = acting(reviewer)
    with pytest.raises(InvalidParameterValue, match="what has to change"):
        client.reject_transition_request("scoring", "1", "Staging")

    told = client.reject_transition_request("scoring", "1", "Staging", comment="No test set.")

    assert told.activity is not None
    assert told.activity.activity_type == ActivityType.REJECTED_REQUEST
    review.refresh_from_db()
    assert review.state == ReviewState.CHANGES_REQUESTED
    assert len(list(client.list_transition_requests("scoring", "1"))) == 1


def test_only_the_request_of_its_creator_is_deleted_and_only_by_who_may(
    acting: Acting, review: ReviewRequest, reviewer: User, data_scientist: User
) -> None:
    with pytest.raises(NotFound, match="by reviewer"):
        acting(data_scientist).delete_transition_request("scoring", "1", "Staging", "reviewer")
    with pytest.raises(PermissionDenied):
        acting(reviewer).delete_transition_request("scoring", "1", "Staging", "scientist")
    review.refresh_from_db()
    assert review.state == ReviewState.OPEN

    acting(data_scientist).delete_transition_request(
        "scoring", "1", "Staging", "scientist", comment="Not yet."
    )

    review.refresh_from_db()
    assert (review.state, review.closing_reason) == (ReviewState.WITHDRAWN, "Not yet.")
    with pytest.raises(NotFound, match="no open transition request"):
        acting(reviewer).approve_transition_request("scoring", "1", "Staging", True)


def test_nobody_approves_his_own_request_through_databricks_calls(
    acting: Acting, review: ReviewRequest, data_scientist: User, viewer: User
) -> None:
    for user in (data_scientist, viewer):
        with pytest.raises(PermissionDenied, match="not a reviewer"):
            acting(user).approve_transition_request("scoring", "1", "Staging", True)
    review.refresh_from_db()
    assert (review.state, review.verdicts.count()) == (ReviewState.OPEN, 0)


def test_requests_that_make_no_sense_are_refused_with_what_to_do(
    acting: Acting,
    review: ReviewRequest,
    archived: Stage,
    data_scientist: User,
    viewer: User,
    reviewer: User,
) -> None:
    mine = acting(data_scientist)
    with pytest.raises(ResourceAlreadyExists, match="open already"):
        mine.create_transition_request("scoring", "1", "Staging")
    with pytest.raises(InvalidParameterValue, match="move the version there directly"):
        mine.create_transition_request("scoring", "1", "Archived")
    with pytest.raises(NotFound, match="move the version there directly"):
        acting(reviewer).approve_transition_request("scoring", "1", "Archived", False)
    with pytest.raises(InvalidParameterValue, match="stages here are"):
        mine.create_transition_request("scoring", "1", "Nowhere")
    with pytest.raises(PermissionDenied):
        acting(viewer).create_transition_request("scoring", "1", "Staging")


def test_strangers_learn_nothing_from_databricks_calls(
    acting: Acting, call: Call, review: ReviewRequest, stranger: User, data_scientist: User
) -> None:
    written = acting(data_scientist).create_comment("scoring", "1", "Ours.").comment
    assert written is not None
    there = {"name": "scoring", "version": "1", "stage": "Staging", "creator": "scientist"}
    for method, path, more in [
        ("POST", "transition-requests/create", {}),
        ("POST", "transition-requests/approve", {"archive_existing_versions": True}),
        ("POST", "transition-requests/reject", {"comment": "No."}),
        ("DELETE", "transition-requests/delete", {}),
        ("GET", "transition-requests/list", {}),
        ("GET", "activities/list", {}),
        ("POST", "comments/create", {"comment": "Mine."}),
        ("PATCH", "comments/update", {"id": written.id, "comment": "Mine."}),
        ("DELETE", "comments/delete", {"id": written.id}),
        ("GET", "databricks/registered-models/get", {}),
        ("POST", "databricks/model-versions/transition-stage", {"archive_existing_versions": True}),
    ]:
        answer = call(stranger, method, path, {**there, **more})
        assert (answer.status_code, answer.json()["error_code"]) == (
            404,
            "RESOURCE_DOES_NOT_EXIST",
        ), path


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"name": 1},
        {"name": "scoring"},
        {"name": "scoring", "version": 1, "stage": "Staging"},
        {"name": "scoring", "version": "x", "stage": []},
        {"name": "scoring", "version": "1", "stage": {}, "comment": 3},
        {"name": "scoring\x00", "version": "1", "stage": "\x00", "id": "\x00", "comment": "\x00"},
        {"id": "9" * 400, "comment": "x"},
        {"id": "²", "comment": "x"},
        {"id": 5, "comment": "x", "events": "all", "http_url_spec": []},
        {"events": [1], "http_url_spec": {"url": 1}},
        {"events": ["COMMENT_CREATED"], "http_url_spec": {"url": "http://[", "secret": []}},
        {"max_results": "many", "page_token": "\x00"},
    ],
)
def test_odd_input_is_refused_with_a_code_of_the_client(
    call: Call, review: ReviewRequest, administrator: User, values: dict[str, Any]
) -> None:
    for method, path in [
        ("POST", "transition-requests/create"),
        ("POST", "transition-requests/approve"),
        ("POST", "transition-requests/reject"),
        ("DELETE", "transition-requests/delete"),
        ("POST", "comments/create"),
        ("PATCH", "comments/update"),
        ("DELETE", "comments/delete"),
        ("POST", "registry-webhooks/create"),
        ("PATCH", "registry-webhooks/update"),
        ("DELETE", "registry-webhooks/delete"),
        ("POST", "registry-webhooks/test"),
    ]:
        answer = call(administrator, method, path, values)
        assert answer.status_code in (400, 403, 404, 409), (path, answer.content)
        assert answer.json()["error_code"]
    for path in ("transition-requests/list", "activities/list", "registry-webhooks/list"):
        answer = call(administrator, "GET", path, values)
        assert answer.status_code in (200, 400, 404), (path, answer.content)
    review.refresh_from_db()
    assert review.state == ReviewState.OPEN


def test_comments_are_written_changed_and_deleted_by_their_author(
    acting: Acting, version: ModelVersion, data_scientist: User, reviewer: User, viewer: User
) -> None:
    mine, other = acting(data_scientist), acting(reviewer)
    made = mine.create_comment("scoring", "1", "Trained on *March*.").comment
    assert made is not None
    assert made.id is not None
    assert set(made.available_actions or []) == {
        CommentActivityAction.EDIT_COMMENT,
        CommentActivityAction.DELETE_COMMENT,
    }

    changed = mine.update_comment(made.id, "Trained on *April*.").comment
    assert changed is not None
    assert (changed.id, changed.comment) == (made.id, "Trained on *April*.")
    for refused in (
        lambda: other.update_comment(made.id or "", "No."),
        lambda: other.delete_comment(made.id or ""),
        lambda: acting(viewer).create_comment("scoring", "1", "May I?"),
    ):
        with pytest.raises(PermissionDenied):
            refused()
    (stored,) = version.comments.all()
    assert (stored.text, stored.deleted_at) == ("Trained on *April*.", None)
    assert [row.text for row in stored.history.order_by("history_id")] == [
        "Trained on *March*.",
        "Trained on *April*.",
    ]

    mine.delete_comment(made.id)
    with pytest.raises(NotFound):
        mine.delete_comment(made.id)
    with pytest.raises(DatabricksError, match="Write something"):
        mine.create_comment("scoring", "1", "  ")


def test_the_activities_of_a_version_tell_everything_in_order(
    acting: Acting,
    call: Call,
    version: ModelVersion,
    ask_for_review: AskForReview,
    archived: Stage,
    data_scientist: User,
    reviewer: User,
    risk_reviewer: User,
    owner: User,
) -> None:
    mine = acting(data_scientist)
    mine.create_comment("scoring", "1", "First.")
    ask_for_review(version)
    mine.delete_transition_request("scoring", "1", "Staging", "scientist", comment="Later.")
    ask_for_review(version)
    acting(reviewer).reject_transition_request("scoring", "1", "Staging", comment="Why?")
    for user in (reviewer, risk_reviewer):
        acting(user).approve_transition_request("scoring", "1", "Staging", True)
    acting(owner).transition_stage("scoring", "1", "Archived", False, comment="Done with it.")

    found = call(
        reviewer,
        "GET",
        "/api/2.0/preview/mlflow/activities/list",
        {"name": "scoring", "version": "1"},
    ).json()["activities"]

    assert [(a["activity_type"], a["user_id"]) for a in found] == [
        ("NEW_COMMENT", "scientist"),
        ("REQUESTED_TRANSITION", "scientist"),
        ("CANCELLED_REQUEST", "scientist"),
        ("REQUESTED_TRANSITION", "scientist"),
        ("REJECTED_REQUEST", "reviewer"),
        ("APPROVED_REQUEST", "reviewer"),
        ("APPROVED_REQUEST", "risk-reviewer"),
        ("APPLIED_TRANSITION", "risk-reviewer"),
        ("APPLIED_TRANSITION", "owner"),
    ]
    assert (found[-1]["from_stage"], found[-1]["to_stage"], found[-1]["comment"]) == (
        "Staging",
        "Archived",
        "Done with it.",
    )
    assert len({a["id"] for a in found}) == len(found)


def test_databricks_spelling_of_a_model_says_what_the_caller_may_do(
    acting: Acting, model: RegisteredModel, review: ReviewRequest, owner: User, viewer: User
) -> None:
    for user, level in ((owner, "CAN_MANAGE"), (viewer, "CAN_READ")):
        found = acting(user).get_model("scoring").registered_model_databricks
        assert found is not None
        assert found.permission_level is not None
        assert (found.name, found.permission_level.value) == ("scoring", level)


def test_databricks_transition_moves_only_where_no_review_is_asked_for(
    acting: Acting,
    version: ModelVersion,
    staging: Stage,
    archived: Stage,
    owner: User,
    reviewer: User,
    risk_reviewer: User,
) -> None:
    with pytest.raises(PermissionDenied, match=r"Review \d+ was opened"):
        acting(owner).transition_stage("scoring", "1", "Staging", True)

    moved = acting(owner).transition_stage("scoring", "1", "Archived", False)

    assert moved.model_version_databricks is not None
    assert moved.model_version_databricks.current_stage == "Archived"
