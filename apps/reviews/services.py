"""Asking for a review, deciding on it, talking about it, taking it back."""

from collections.abc import Iterable

from django.db import transaction
from django.utils import timezone

from apps.accounts.models import User
from apps.audit.services import record
from apps.cards import queries as card_queries
from apps.cards import services as card_services
from apps.core.errors import AlreadyExists, Conflict, Invalid, NotFound, NotPermitted
from apps.outbox.services import publish
from apps.projects.models import Membership
from apps.projects.queries import reviewer_roles_of
from apps.registry import policies as registry_policies
from apps.registry.models import ModelVersion
from apps.registry.services.locks import lock_version
from apps.reviews import policies, queries
from apps.reviews.events import (
    ReviewApproved,
    ReviewCommented,
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
from apps.stages.queries import StagePolicy


@transaction.atomic
def request_review(
    version: ModelVersion, *, stage: Stage, reviewers: Iterable[User], note: str, by: User
) -> ReviewRequest:
    """Ask for a version to enter a stage."""
    version = lock_version(version.pk)
    registry_policies.versions.require(by, "request_review", version)
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
    if version.reviews.filter(stage=stage, state__in=UNDECIDED).exists():
        raise AlreadyExists(
            f"A review of {version} for {stage} is open already. Comment on that one, or withdraw "
            "it first."
        )
    for result in gates.results(version, stage):
        if not result.ok and result.gate != "review-is-approved":
            raise Conflict(result.text, code="gate_closed")
    card_services.open_card(version)
    asked = _suitable(version, policy, list(reviewers), requester=by)
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
    _require_suitable(review.version, added, requester=review.requested_by)
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
    digest = queries.content_digest(review)
    if read_digest != digest:
        raise Conflict(
            "The model card changed while you were reading. Look at what is new, then decide.",
            code="content_changed",
            details={"content_digest": digest},
        )
    roles = reviewer_roles_of(by, review.project)
    review.verdicts.filter(by=by, superseded=False).update(superseded=True)
    verdict = Verdict.objects.create(
        review=review,
        by=by,
        kind=kind,
        comment=comment.strip(),
        content_digest=digest,
        card_revision=card_queries.current_card(review.version),
        roles=[
            {"id": role.id, "name": role.name}
            for role in queries.policy_of(review).roles
            if role.id in roles
        ],
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


def _follow(review: ReviewRequest, *, by: User, digest: str) -> None:
    """Bring the state of a review in line with its verdicts, and let the version in if it may."""
    standing = queries.standing(review)
    if standing.is_met:
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
    REVIEW.apply(review, "withdraw")
    review.closed_at = timezone.now()
    review.save(update_fields=["state", "closed_at"])
    _record(review, by, "review.withdraw", reason=reason)
    publish(ReviewWithdrawn(review.pk))
    return review


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


def _suitable(
    version: ModelVersion, policy: StagePolicy, reviewers: list[User], *, requester: User
) -> list[User]:
    """The reviewers that were chosen, if they can meet the policy."""
    _require_suitable(version, reviewers, requester=requester)
    roles_of: dict[int, set[int]] = {
        membership.user_id: {role.pk for role in membership.reviewer_roles.all()}
        for membership in Membership.objects.filter(
            project=version.model.project, user__in=reviewers
        ).prefetch_related("reviewer_roles")
    }
    covered = set().union(*roles_of.values())
    missing = [role.name for role in policy.roles if role.id not in covered]
    if missing:
        sentence = (
            f"{policy.stage_name} wants an approval as {' and as '.join(missing)}. Choose a "
            "reviewer who has that role; an owner gives it under Members."
        )
        raise Invalid(sentence, details={"reviewers": sentence})
    if len(set(reviewers)) < policy.approvals_needed:
        sentence = (
            f"{policy.stage_name} wants {policy.approvals_needed} approvals: choose at least as "
            "many reviewers."
        )
        raise Invalid(sentence, details={"reviewers": sentence})
    return list(dict.fromkeys(reviewers))


def _require_suitable(version: ModelVersion, reviewers: list[User], *, requester: User) -> None:
    possible = set(queries.possible_reviewers(version.model.project).values_list("pk", flat=True))
    excluded = queries.excluded_people(version, requester)
    for user in reviewers:
        if user.pk not in possible:
            sentence = f"{user} may not review in {version.model.project}. Choose a reviewer of it."
        elif user.pk in excluded:
            sentence = f"{user} {excluded[user.pk]} and cannot review it. Choose someone else."
        else:
            continue
        raise Invalid(sentence, details={"reviewers": sentence})


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
