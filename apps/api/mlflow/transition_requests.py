"""Databricks' transition-requests/*: mlgov's reviews, in the words of scripts that exist.

A request is a review. It has the reviewers that the stage's policy leads to, and the version moves
with the last approval that the policy asks for.
"""

from typing import Any

from apps.accounts.models import User
from apps.api.mlflow.arguments import Arguments
from apps.api.mlflow.named import stage_asked, version_asked
from apps.core.errors import Invalid, NotFound
from apps.core.moments import milliseconds
from apps.registry import policies as registry_policies
from apps.registry.models import ModelVersion
from apps.reviews import policies, queries, services
from apps.reviews.models import ReviewRequest
from apps.reviews.states import UNDECIDED, ReviewState
from apps.stages import queries as stages
from apps.stages.models import Stage
from apps.stages.queries import name_for_clients


def create(user: User, arguments: Arguments) -> dict[str, Any]:
    version = version_asked(user, arguments)
    stage = stage_asked(version, arguments)
    note = arguments.text("comment").strip() or f"{user} asked for {stage} without a comment."
    review = services.request_review(version, stage=stage, reviewers=None, note=note, by=user)
    return {"request": request_json(review, user)}


def approve(user: User, arguments: Arguments) -> dict[str, Any]:
    """Approve what is current. Where the policy wants more approvals, the version stays."""
    review = _open_one(user, arguments)
    # Whether the earlier version is archived is the stage's decision, not the caller's.
    arguments.flag("archive_existing_versions")
    before = stages.current_stage(review.version)
    review = services.approve(
        review,
        by=user,
        read_digest=queries.content_digest(review),
        comment=arguments.text("comment"),
    )
    moved = review.state == ReviewState.APPROVED
    sentence = queries.standing(review).sentence
    return {
        "activity": _decision(
            review,
            "APPROVED_REQUEST",
            before,
            said=f"{sentence} {review.version} is in {review.stage} now."
            if moved
            else f"{sentence} {review.version} stays where it is until then.",
        )
    }


def reject(user: User, arguments: Arguments) -> dict[str, Any]:
    """Ask for changes: the request stays open, and blocked, until they are made."""
    review = _open_one(user, arguments)
    comment = arguments.text("comment")
    if not comment.strip():
        raise Invalid("Say in 'comment' what has to change before this can be approved.")
    review = services.request_changes(
        review, by=user, read_digest=queries.content_digest(review), comment=comment
    )
    return {
        "activity": _decision(
            review,
            "REJECTED_REQUEST",
            stages.current_stage(review.version),
            said="The request stays open: after the changes it can be approved, or be deleted.",
        )
    }


def delete(user: User, arguments: Arguments) -> dict[str, Any]:
    creator = arguments.text("creator", required=True)
    review = _open_one(user, arguments)
    if review.requested_by.username != creator:
        raise _no_such_request(review.version, review.stage, f" by {creator}")
    review = services.withdraw(review, by=user, reason=arguments.text("comment"))
    return {
        "activity": {
            "id": f"withdrawal-{review.pk}",
            "activity_type": "CANCELLED_REQUEST",
            "user_id": user.username,
            "comment": review.closing_reason,
            "creation_timestamp": milliseconds(review.closed_at or review.requested_at),
            "last_updated_timestamp": milliseconds(review.closed_at or review.requested_at),
            "from_stage": stages.mlflow_stage_of(review.version),
            "to_stage": name_for_clients(review.stage),
        }
    }


def list_open(user: User, arguments: Arguments) -> dict[str, Any]:
    return {"requests": open_requests(version_asked(user, arguments), user)}


def open_requests(version: ModelVersion, user: User) -> list[dict[str, Any]]:
    found = (
        policies.reviews.visible_to(user)
        .filter(version=version, state__in=UNDECIDED)
        .select_related("version__model__project", "stage", "requested_by")
        .order_by("id")
    )
    return [request_json(review, user) for review in found if not queries.archived_after(review)]


def request_json(review: ReviewRequest, user: User) -> dict[str, Any]:
    return {
        "id": f"request-{review.pk}",
        "activity_type": "REQUESTED_TRANSITION",
        "creation_timestamp": milliseconds(review.requested_at),
        "last_updated_timestamp": milliseconds(review.requested_at),
        "user_id": review.requested_by.username,
        "comment": review.note,
        "from_stage": stages.mlflow_stage_of(review.version),
        "to_stage": name_for_clients(review.stage),
        "available_actions": _actions(review, user),
    }


def _actions(review: ReviewRequest, user: User) -> list[str]:
    actions = []
    if not queries.why_not(review, user):
        actions += ["APPROVE_TRANSITION_REQUEST", "REJECT_TRANSITION_REQUEST"]
    if policies.reviews.allows(user, "withdraw", review):
        actions.append("CANCEL_TRANSITION_REQUEST")
    return actions


def _decision(
    review: ReviewRequest, kind: str, before: Stage | None, *, said: str
) -> dict[str, Any]:
    verdict = review.verdicts.select_related("by").order_by("id").last()
    assert verdict is not None
    return {
        "id": f"verdict-{verdict.pk}",
        "activity_type": kind,
        "user_id": verdict.by.username,
        "comment": verdict.comment,
        "system_comment": said,
        "creation_timestamp": milliseconds(verdict.at),
        "last_updated_timestamp": milliseconds(verdict.at),
        "from_stage": name_for_clients(before),
        "to_stage": name_for_clients(review.stage),
    }


def _open_one(user: User, arguments: Arguments) -> ReviewRequest:
    version = version_asked(user, arguments)
    registry_policies.versions.require(user, "view", version)
    stage = stage_asked(version, arguments)
    found = (
        policies.reviews.visible_to(user)
        .filter(version=version, stage=stage, state__in=UNDECIDED)
        .select_related("version__model__project", "stage", "requested_by")
        .first()
    )
    if found is None:
        raise _no_such_request(version, stage)
    return found


def _no_such_request(version: ModelVersion, stage: Stage, by: str = "") -> NotFound:
    sentence = f"There is no open transition request of {version} for {stage}{by}."
    if not stages.policy_for(stage, version.project).needs_review:
        sentence += f" {stage} asks for no review: move the version there directly."
    return NotFound(sentence)
