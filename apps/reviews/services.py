"""Asking for a review, deciding on it, talking about it, taking it back."""

import logging
from collections.abc import Iterable

from django.db import transaction
from django.utils import timezone

from apps.accounts.models import User
from apps.audit.services import record
from apps.cards import queries as card_queries
from apps.cards import services as card_services
from apps.core.errors import AlreadyExists, Conflict, Invalid, NotFound, NotPermitted
from apps.outbox.services import publish
from apps.projects.queries import reviewer_roles_of
from apps.registry import policies as registry_policies
from apps.registry.models import ModelVersion
from apps.registry.services.locks import lock_version
from apps.reviews import choosing, policies, queries
from apps.reviews.events import (
    ReviewApproved,
    ReviewClosed,
    ReviewCommented,
    ReviewFoundationChanged,
    ReviewRequested,
    ReviewWithdrawn,
    VerdictGiven,
    VerdictsBecameStale,
)
from apps.reviews.models import Assignment, Comment, ReviewRequest, Verdict
from apps.reviews.states import REVIEW, UNDECIDED, ReviewState, VerdictKind
from apps.stages import gates
from apps.stages import queries as stage_queries
from apps.stages import services as stage_services
from apps.stages.models import Stage

log = logging.getLogger(__name__)


@transaction.atomic
def request_review(
    version: ModelVersion, *, stage: Stage, reviewers: Iterable[User] | None, note: str, by: User
) -> ReviewRequest:
    """Ask for a version to enter a stage; without reviewers, those that its policy leads to."""
    version = lock_version(version.pk)
    registry_policies.versions.require(by, "request_review", version, {"stage": stage.slug})
    if stage.project_id not in (None, version.model.project_id):
        raise NotFound("There is no such stage in this project.")
    if not version.is_ready:
        raise Conflict(
            f"{version} is not ready: {version.get_state_display().lower()}. "
            f"{version.status_message}".strip()
        )
    if stage_queries.current_stage(version) == stage:
        raise Conflict(f"{version} is in {stage} already.")
    policy = stage_queries.policy_for(stage, version.model.project)
    if not policy.needs_review:
        raise Invalid(f"{stage} asks for no review: move the version there directly.")
    if not note.strip():
        sentence = "Say what is to be reviewed and why: the reviewers read it first."
        raise Invalid(sentence, details={"note": sentence})
    close_archived(version)
    if version.reviews.filter(stage=stage, state__in=UNDECIDED).exists():
        raise AlreadyExists(
            f"A review of {version} for {stage} is open already. Comment on that one, or withdraw "
            "it first."
        )
    for result in gates.results(version, stage, reader=by):
        if not result.ok and result.gate != "review-is-approved":
            raise Conflict(result.text, code="gate_closed")
    card_services.open_card(version)
    if reviewers is None:
        asked = choosing.enough_for(version, policy, requester=by)
    else:
        asked = choosing.suitable(version, policy, list(reviewers), requester=by)
    review = ReviewRequest.objects.create(
        version=version, stage=stage, note=note.strip(), requested_by=by, policy=policy.snapshot()
    )
    Assignment.objects.bulk_create(Assignment(review=review, reviewer=user) for user in asked)
    record(
        actor=by,
        action="review.request",
        obj=review,
        also=[version, version.model],
        project=version.model.project,
        reason=review.note,
        data={
            "stage": stage.name,
            "reviewers": [user.username for user in asked],
            "content_digest": queries.content_digest(review),
            "policy": review.policy,
        },
    )
    publish(ReviewRequested(review.pk))
    return review


@transaction.atomic
def add_reviewers(review: ReviewRequest, *, reviewers: Iterable[User], by: User) -> ReviewRequest:
    """Ask more people. Who asks for the review chooses, and whoever runs the project."""
    review = _locked_review(review)
    policies.reviews.require(by, "withdraw", review)
    if not review.is_undecided:
        raise Conflict(f"This review is {review.get_state_display().lower()} already.")
    known = set(review.assignments.values_list("reviewer", flat=True))
    added = [user for user in reviewers if user.pk not in known]
    choosing.require_suitable(
        review.version, added, stage_id=review.stage_id, requester=review.requested_by
    )
    Assignment.objects.bulk_create(Assignment(review=review, reviewer=user) for user in added)
    if added:
        _record(review, by, "review.ask", data={"reviewers": [user.username for user in added]})
        publish(ReviewRequested(review.pk))
    return review


def approve(
    review: ReviewRequest, *, by: User, read_digest: str, comment: str = ""
) -> ReviewRequest:
    """Approve what was read. The last approval that the policy wants moves the version."""
    return _decide(review, VerdictKind.APPROVE, by=by, read_digest=read_digest, comment=comment)


def request_changes(
    review: ReviewRequest, *, by: User, read_digest: str, comment: str
) -> ReviewRequest:
    """Refuse for now, and say what has to change."""
    if not comment.strip():
        sentence = "Say what has to change."
        raise Invalid(sentence, details={"comment": sentence})
    return _decide(
        review, VerdictKind.REQUEST_CHANGES, by=by, read_digest=read_digest, comment=comment
    )


@transaction.atomic
def _decide(
    review: ReviewRequest, kind: VerdictKind, *, by: User, read_digest: str, comment: str
) -> ReviewRequest:
    review = _locked_review(review)
    policies.reviews.require(by, "view", review)
    if not review.is_undecided:
        raise Conflict(queries.why_not(review, by))
    if reason := queries.why_not(review, by):
        raise NotPermitted(reason)
    if queries.archived_after(review):
        # The review is closed within seconds; nobody slips in before that.
        raise Conflict(f"{review.version} was archived after this review was requested.")
    digest = queries.content_digest(review)
    if read_digest != digest:
        raise Conflict(
            "The model card changed while you were reading. Look at what is new, then decide.",
            code="content_changed",
            details={"content_digest": digest},
        )
    review.verdicts.filter(by=by, superseded=False).update(superseded=True)
    verdict = Verdict.objects.create(
        review=review,
        by=by,
        kind=kind,
        comment=comment.strip(),
        content_digest=digest,
        card_revision=card_queries.current_card(review.version),
        roles=_capacities(review, by),
        requester=review.requested_by,
        registrant=review.version.registered_by,
    )
    Assignment.objects.get_or_create(review=review, reviewer=by)
    _record(
        review,
        by,
        "review.approve" if kind == VerdictKind.APPROVE else "review.request_changes",
        reason=verdict.comment,
        data={"content_digest": digest, "card_revision": verdict.card_revision.number},
    )
    publish(VerdictGiven(review.pk, verdict.pk))
    _follow(review, by=by, digest=digest)
    return review


def _capacities(review: ReviewRequest, user: User) -> list[dict[str, object]]:
    """Which of the roles that must approve the person has now."""
    own = reviewer_roles_of(user, review.project)
    return [
        {"id": role.id, "name": role.name}
        for role in queries.policy_of(review).roles
        if role.id in own
    ]


def _follow(review: ReviewRequest, *, by: User | None, digest: str) -> None:
    """Bring the state of a review in line with its verdicts, and let the version in if it may."""
    standing = queries.standing(review)
    if standing.is_met:
        _keep_what_counts(review, standing)
        REVIEW.apply(review, "approve")
        review.closed_at = timezone.now()
        review.save(update_fields=["state", "closed_at"])
        _record(review, by, "review.complete", data=queries.snapshot_for_record(standing))
        publish(ReviewApproved(review.pk))
        stage_services.enter_stage(
            review.version,
            review.stage,
            by=by,
            reason=review.note,
            review_id=review.pk,
            content_digest=digest,
        )
        return
    wanted = ReviewState.CHANGES_REQUESTED if standing.blocked_by else ReviewState.OPEN
    if review.state != wanted:
        REVIEW.apply(review, "request changes to" if standing.blocked_by else "reopen")
        review.save(update_fields=["state"])


def _keep_what_counts(review: ReviewRequest, standing: queries.Standing) -> None:
    """Write down what a review is approved on: rights and roles are others tomorrow."""
    for row in standing.rows:
        if row.verdict is None:
            continue
        row.verdict.counts, row.verdict.stale = row.counts, row.state == "stale"
        if row.counts:
            row.verdict.roles = _capacities(review, row.user)
        row.verdict.save(update_fields=["counts", "stale", "roles"])


@transaction.atomic
def announce_change(reviews: Iterable[ReviewRequest]) -> None:
    """Let each review be looked at again, by itself: each has a version of its own to lock."""
    for review in reviews:
        publish(ReviewFoundationChanged(review.pk))


@transaction.atomic
def recheck(review: ReviewRequest) -> ReviewRequest:
    """Judge an undecided review anew after a change that was no verdict. Safe to repeat.

    Where a gate refuses, the review stays as it is: there is nobody here to tell.
    """
    review = _locked_review(review)
    if not review.is_undecided or queries.archived_after(review):
        return review
    try:
        with transaction.atomic():
            _follow(review, by=None, digest=queries.content_digest(review))
    except Conflict as refusal:
        log.info("review %s stays open: %s", review.pk, refusal.message)
        review.refresh_from_db(fields=["state", "closed_at"])
    return review


@transaction.atomic
def comment(review: ReviewRequest, *, by: User, text: str) -> Comment:
    review = _locked_review(review)
    policies.reviews.require(by, "comment", review)
    if not text.strip():
        raise Invalid("Write something first.", details={"text": "Write something first."})
    made = Comment.objects.create(review=review, by=by, text=text.strip())
    _record(review, by, "review.comment", data={"comment": made.pk})
    publish(ReviewCommented(review.pk, made.pk))
    return made


@transaction.atomic
def withdraw(review: ReviewRequest, *, by: User, reason: str = "") -> ReviewRequest:
    review = _locked_review(review)
    policies.reviews.require(by, "withdraw", review)
    _withdraw(review, reason=reason)
    _record(review, by, "review.withdraw", reason=reason)
    publish(ReviewWithdrawn(review.pk))
    return review


def _withdraw(review: ReviewRequest, *, reason: str) -> None:
    REVIEW.apply(review, "withdraw")
    review.closed_at, review.closing_reason = timezone.now(), reason
    review.save(update_fields=["state", "closed_at", "closing_reason"])


@transaction.atomic
def close_archived(version: ModelVersion) -> list[ReviewRequest]:
    """Withdraw the reviews under which a version was archived. Hearing it twice changes nothing."""
    version = lock_version(version.pk)
    closed = []
    for review in version.reviews.select_for_update(of=("self",)).filter(state__in=UNDECIDED):
        move = queries.archived_after(review)
        if move is None:
            continue
        _withdraw(review, reason=f"{version} was archived by {move.by or 'mlgov'}.")
        _record(review, None, "review.close", reason=review.closing_reason, data={"move": move.pk})
        publish(ReviewClosed(review.pk))
        closed.append(review)
    return closed


@transaction.atomic
def mark_stale(version: ModelVersion) -> list[ReviewRequest]:
    """Note that the card changed under undecided reviews. Hearing it twice changes nothing."""
    changed = []
    version = lock_version(version.pk)
    for review in version.reviews.select_for_update().filter(state__in=UNDECIDED):
        digest = queries.content_digest(review)
        outdated = review.verdicts.filter(superseded=False, stale=False).exclude(
            content_digest=digest
        )
        if not outdated.update(stale=True):
            continue
        if review.state == ReviewState.CHANGES_REQUESTED:
            REVIEW.apply(review, "reopen")
            review.save(update_fields=["state"])
        _record(review, None, "review.stale", data={"content_digest": digest})
        publish(VerdictsBecameStale(review.pk))
        changed.append(review)
    return changed


def _locked_review(review: ReviewRequest) -> ReviewRequest:
    """Lock the version first and then the review, as every writer of either does."""
    version = lock_version(review.version_id)
    locked = (
        ReviewRequest.objects.select_for_update(of=("self",))
        .select_related("stage", "requested_by")
        .get(pk=review.pk)
    )
    locked.version = version
    return locked


def _record(
    review: ReviewRequest,
    by: User | None,
    action: str,
    *,
    reason: str = "",
    data: dict[str, object] | None = None,
) -> None:
    record(
        actor=by,
        action=action,
        obj=review,
        also=[review.version, review.version.model],
        project=review.project,
        reason=reason,
        data={"stage": review.stage.name, **(data or {})},
    )
