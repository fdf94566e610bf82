"""What the pages of reviews show beside the review itself."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from apps.accounts.models import User
from apps.projects.models import Membership
from apps.registry.models import ModelVersion
from apps.reviews import queries
from apps.reviews.models import ReviewRequest
from apps.reviews.queries import Standing
from apps.reviews.states import ReviewState, VerdictKind


def candidates(version: ModelVersion, *, requester: User) -> tuple[QuerySet[User], dict[int, str]]:
    """Who can be asked, and in which capacities each of them reviews."""
    out = queries.excluded_people(version, requester)
    people = queries.possible_reviewers(version.model.project).exclude(pk__in=list(out))
    memberships = Membership.objects.filter(
        project=version.model.project, user__in=people
    ).prefetch_related("reviewer_roles")
    capacities = {
        membership.user_id: ", ".join(role.name for role in membership.reviewer_roles.all())
        for membership in memberships
    }
    return people.order_by("username"), capacities


def excluded(version: ModelVersion, *, requester: User) -> list[tuple[User, str]]:
    """Reviewers of the project who cannot decide on this version, each with the reason."""
    out = queries.excluded_people(version, requester)
    people = queries.possible_reviewers(version.model.project).filter(pk__in=list(out))
    return [(person, out[person.pk]) for person in people.order_by("username")]


def button_for(review: ReviewRequest, standing: Standing, user: User) -> str:
    """What happens when this person presses Approve, in the words of the button."""
    mine = next((row for row in standing.rows if row.user == user), None)
    counted = mine is not None and mine.state == "approved"
    number = standing.approvals + (0 if counted else 1)
    text = f"Approve ({number} of {standing.needed})"
    if not _would_be_met(review, standing, user, number):
        return text
    if review.stage.environment is not None:
        return f"{text} and deploy to {review.stage.environment}"
    return f"{text} and move to {review.stage}"


def _would_be_met(review: ReviewRequest, standing: Standing, user: User, number: int) -> bool:
    if number < standing.needed or any(person != user for person in standing.blocked_by):
        return False
    membership = (
        Membership.objects.filter(project=review.project, user=user)
        .prefetch_related("reviewer_roles")
        .first()
    )
    own = {role.name for role in membership.reviewer_roles.all()} if membership else set()
    return set(standing.missing_roles) <= own


@dataclass(frozen=True)
class Entry:
    """A line of the conversation."""

    icon: str
    tone: str
    actor: str
    text: str
    at: datetime
    note: str
    is_outdated: bool = False


def timeline(review: ReviewRequest) -> list[Entry]:
    """The request, the verdicts and the comments, oldest first."""
    entries = [
        Entry(
            "git-pull-request-arrow",
            "blue",
            str(review.requested_by),
            f"asked for a review for {review.stage}",
            review.requested_at,
            "",
        )
    ]
    for verdict in review.verdicts.select_related("by"):
        approved = verdict.kind == VerdictKind.APPROVE
        roles = ", ".join(role["name"] for role in verdict.roles)
        entries.append(
            Entry(
                "circle-check" if approved else "octagon-alert",
                "green" if approved else "amber",
                str(verdict.by),
                ("approved" if approved else "asked for changes")
                + (f" as {roles}" if roles and approved else ""),
                verdict.at,
                verdict.comment,
                is_outdated=verdict.stale or verdict.superseded,
            )
        )
    entries += [
        Entry("message-square", "grey", str(comment.by), "commented", comment.at, comment.text)
        for comment in review.comments.select_related("by")
    ]
    entries.sort(key=lambda entry: entry.at)
    entries += _end(review)
    return entries


def _end(review: ReviewRequest) -> list[Entry]:
    if review.closed_at is None:
        return []
    ends: dict[str, tuple[Any, ...]] = {
        ReviewState.APPROVED: (
            "shield-check",
            "green",
            "let the version in: the review is approved",
        ),
        ReviewState.WITHDRAWN: ("undo-2", "grey", "closed the review: it was withdrawn"),
    }
    if review.state not in ends:
        return []
    icon, tone, text = ends[review.state]
    return [Entry(icon, tone, "mlgov", text, review.closed_at, review.closing_reason)]
