"""Databricks' comments/* and activities/list: what was said about a version, and what happened."""

from collections.abc import Iterator
from typing import Any

from apps.accounts.models import User
from apps.api.mlflow.arguments import Arguments
from apps.api.mlflow.named import id_asked, version_asked
from apps.api.mlflow.transition_requests import request_json
from apps.audit.models import AuditEvent
from apps.cards import comments, policies
from apps.cards import queries as card_queries
from apps.cards.models import VersionComment
from apps.core.errors import NotFound
from apps.core.moments import milliseconds
from apps.registry.models import ModelVersion
from apps.reviews import policies as review_policies
from apps.reviews.models import ReviewRequest, Verdict
from apps.reviews.states import ReviewState, VerdictKind
from apps.stages.models import StageMove
from apps.stages.queries import name_for_clients

DECIDED = {
    VerdictKind.APPROVE: "APPROVED_REQUEST",
    VerdictKind.REQUEST_CHANGES: "REJECTED_REQUEST",
}
Activity = dict[str, Any]


def create(user: User, arguments: Arguments) -> dict[str, Any]:
    version = version_asked(user, arguments)
    text = arguments.text("comment", required=True)
    return {"comment": comment_json(comments.add_comment(version, text=text, by=user), user)}


def update(user: User, arguments: Arguments) -> dict[str, Any]:
    comment = _asked(user, arguments)
    text = arguments.text("comment", required=True)
    return {"comment": comment_json(comments.edit_comment(comment, text=text, by=user), user)}


def delete(user: User, arguments: Arguments) -> dict[str, Any]:
    comments.delete_comment(_asked(user, arguments), by=user)
    return {}


def activities(user: User, arguments: Arguments) -> dict[str, Any]:
    """Everything of a version in order, as the pages of Databricks showed it."""
    version = version_asked(user, arguments)
    reviews = list(
        review_policies.reviews.visible_to(user)
        .filter(version=version)
        .select_related("version__model__project", "stage", "requested_by")
    )
    found = [
        *_comments(version, user),
        *_requests(reviews, user),
        *_verdicts(reviews),
        *_withdrawals(reviews),
        *_moves(version),
    ]
    return {"activities": sorted(found, key=lambda activity: activity["creation_timestamp"])}


def comment_json(comment: VersionComment, user: User) -> Activity:
    actions = [
        name
        for action, name in (("edit", "EDIT_COMMENT"), ("delete", "DELETE_COMMENT"))
        if policies.comments.allows(user, action, comment)
    ]
    return {
        "id": str(comment.pk),
        "activity_type": "NEW_COMMENT",
        "user_id": comment.by.username,
        "comment": comment.text,
        "creation_timestamp": milliseconds(comment.at),
        "last_updated_timestamp": milliseconds(comment.edited_at or comment.at),
        "available_actions": actions,
    }


def _asked(user: User, arguments: Arguments) -> VersionComment:
    found = policies.comments.visible_to(user).filter(pk=id_asked(arguments)).first()
    if found is None:
        raise NotFound("There is no such comment.")
    return found


# ---- activities ---------------------------------------------------------------------------------


def _comments(version: ModelVersion, user: User) -> Iterator[Activity]:
    for comment in card_queries.comments_on(version, user):
        yield comment_json(comment, user)


def _requests(reviews: list[ReviewRequest], user: User) -> Iterator[Activity]:
    for review in reviews:
        told = request_json(review, user)
        if not review.is_undecided:
            told["available_actions"] = []
        # The stage in which the version stands by now says nothing of the moment of the request.
        del told["from_stage"]
        yield told


def _verdicts(reviews: list[ReviewRequest]) -> Iterator[Activity]:
    verdicts = Verdict.objects.filter(review__in=reviews).select_related("by", "review__stage")
    for verdict in verdicts:
        yield {
            "id": f"verdict-{verdict.pk}",
            "activity_type": DECIDED[VerdictKind(verdict.kind)],
            "user_id": verdict.by.username,
            "comment": verdict.comment,
            "creation_timestamp": milliseconds(verdict.at),
            "last_updated_timestamp": milliseconds(verdict.at),
            "to_stage": name_for_clients(verdict.review.stage),
        }


def _withdrawals(reviews: list[ReviewRequest]) -> Iterator[Activity]:
    withdrawn = {
        str(review.pk): review for review in reviews if review.state == ReviewState.WITHDRAWN
    }
    # Who took it back stands in the trail only.
    events = AuditEvent.objects.filter(
        object_type=ReviewRequest._meta.label_lower,
        object_id__in=list(withdrawn),
        action="review.withdraw",
    )
    names = dict(
        User.objects.filter(pk__in=[event.actor_id for event in events]).values_list(
            "pk", "username"
        )
    )
    by = {event.object_id: names.get(event.actor_id or 0, "") for event in events}
    for pk, review in withdrawn.items():
        at = milliseconds(review.closed_at or review.requested_at)
        told = {
            "id": f"withdrawal-{pk}",
            "activity_type": "CANCELLED_REQUEST",
            "comment": review.closing_reason,
            "creation_timestamp": at,
            "last_updated_timestamp": at,
            "to_stage": name_for_clients(review.stage),
        }
        yield told | ({"user_id": by[pk]} if by.get(pk) else {})


def _moves(version: ModelVersion) -> Iterator[Activity]:
    moves = StageMove.objects.filter(version=version).select_related("by", "from_stage", "to_stage")
    for move in moves:
        told = {
            "id": f"move-{move.pk}",
            "activity_type": "SYSTEM_TRANSITION" if move.by is None else "APPLIED_TRANSITION",
            "system_comment" if move.by is None else "comment": move.reason,
            "creation_timestamp": milliseconds(move.at),
            "last_updated_timestamp": milliseconds(move.at),
            "from_stage": name_for_clients(move.from_stage),
            "to_stage": name_for_clients(move.to_stage),
        }
        yield told | ({"user_id": move.by.username} if move.by else {})
