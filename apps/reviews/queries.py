"""Reads about reviews: whose turn it is, what is missing, and why somebody may not decide."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Count, Exists, OuterRef, Prefetch, Q, QuerySet

from apps.access.rulebook import standing_of
from apps.accounts.models import User
from apps.cards import queries as card_queries
from apps.core.digests import digest_of
from apps.projects.models import Membership, Project
from apps.projects.queries import people_who_may
from apps.projects.roles import roles_that_may
from apps.registry import policies as registry_policies
from apps.registry.models import ModelVersion
from apps.reviews import policies
from apps.reviews.models import Assignment, ReviewRequest, Verdict
from apps.reviews.states import UNDECIDED, VerdictKind
from apps.stages.models import MlflowStage, Stage, StageMove
from apps.stages.queries import StagePolicy


def content_digest(review: ReviewRequest) -> str:
    """What a verdict is bound to: the artifacts, the card's newest revision, and the policy."""
    version = review.version
    return digest_of(
        {
            "artifacts": version.artifact_digest,
            "card": card_queries.current_digest(version),
            "policy": digest_of(review.policy),
        }
    )


def policy_of(review: ReviewRequest) -> StagePolicy:
    """The stage's policy as it was when the review was opened."""
    return StagePolicy.from_snapshot(review.policy)


def for_lists(reviews: QuerySet[ReviewRequest]) -> QuerySet[ReviewRequest]:
    """The same reviews, with what a row of a list shows."""
    return reviews.select_related(
        "version__model__project", "stage", "requested_by"
    ).prefetch_related(
        Prefetch("assignments", queryset=Assignment.objects.select_related("reviewer")),
        Prefetch(
            "verdicts",
            queryset=Verdict.objects.filter(superseded=False).select_related("by"),
        ),
    )


def waiting_for(user: User) -> QuerySet[ReviewRequest]:
    """Undecided reviews that ask for the person, and that he has not decided on as they are now."""
    decided = Verdict.objects.filter(review=OuterRef("pk"), by=user, superseded=False, stale=False)
    asked = Assignment.objects.filter(review=OuterRef("pk"), reviewer=user)
    return for_lists(
        policies.reviews.visible_to(user)
        .filter(Exists(asked), ~Exists(decided), state__in=UNDECIDED)
        .order_by("requested_at")
    )


def requested_by(user: User) -> QuerySet[ReviewRequest]:
    return for_lists(
        policies.reviews.visible_to(user)
        .filter(requested_by=user, state__in=UNDECIDED)
        .order_by("-requested_at")
    )


def done_by(user: User) -> QuerySet[ReviewRequest]:
    """Reviews that the person decided on, or asked for, and that are over."""
    decided = Verdict.objects.filter(review=OuterRef("pk"), by=user)
    visible = policies.reviews.visible_to(user).exclude(state__in=UNDECIDED)
    return for_lists(
        (visible.filter(Exists(decided)) | visible.filter(requested_by=user)).order_by("-closed_at")
    )


def undecided_with_a_verdict_of(
    user_id: int, *, project_id: int | None = None
) -> QuerySet[ReviewRequest]:
    """Undecided reviews, of one project or of all, in which a verdict of the person stands."""
    said = Verdict.objects.filter(review=OuterRef("pk"), by=user_id, superseded=False)
    return _undecided(project_id).filter(Exists(said))


def undecided_for(stage_id: int, *, project_id: int | None = None) -> QuerySet[ReviewRequest]:
    """Undecided reviews for a stage, of one project or of all."""
    return _undecided(project_id).filter(stage=stage_id)


def _undecided(project_id: int | None) -> QuerySet[ReviewRequest]:
    found = ReviewRequest.objects.filter(state__in=UNDECIDED).order_by("pk")
    return found if project_id is None else found.filter(version__model__project=project_id)


def undecided_review(version: ModelVersion, stage: Stage) -> ReviewRequest | None:
    """The review of a version for a stage that is open now. There is one at most."""
    return version.reviews.filter(stage=stage, state__in=UNDECIDED).first()


def archived_after(review: ReviewRequest) -> StageMove | None:
    """How the version was archived since the review was opened, if it was."""
    return (
        StageMove.objects.filter(
            version=review.version_id,
            to_stage__mlflow_stage=MlflowStage.ARCHIVED,
            at__gte=review.requested_at,
        )
        .select_related("by")
        .first()
    )


def possible_reviewers(project: Project) -> QuerySet[User]:
    """Members of the project who may review. Nobody else does, administrators included."""
    return people_who_may("review", project)


def excluded_people(version: ModelVersion, requester: User | None = None) -> dict[int, str]:
    """Person id -> why he does not decide on this version."""
    reasons = dict.fromkeys(card_queries.editors_of(version), "edited the model card")
    reasons[version.registered_by_id] = "registered this version"
    if version.claimed_author:
        trained = User.objects.filter(username=version.claimed_author).values_list("pk", flat=True)
        reasons.update(dict.fromkeys(trained, "trained this model"))
    if requester is not None:
        reasons[requester.pk] = "asked for this review"
    return reasons


def why_not(review: ReviewRequest, user: User) -> str:
    """Why the person may not decide, as a sentence to him; empty where he may."""
    if not review.is_undecided:
        return f"This review is {review.get_state_display().lower()} already."
    if not possible_reviewers(review.project).filter(pk=user.pk).exists():
        return (
            f"You are not a reviewer of {review.project}. An owner of the project can make you one."
        )
    reason = excluded_people(review.version, review.requested_by).get(user.pk)
    if reason:
        return f"You {reason}, so someone else has to approve it."
    return denied_by_rule(review.version, review.stage_id, user)


def denied_by_rule(version: ModelVersion, stage_id: int, user: User) -> str:
    """Which access rule keeps the person from deciding for the stage; empty where none does."""
    if standing_of(user).is_plain:
        return ""
    wanted = {"stage": Stage.objects.values_list("slug", flat=True).get(pk=stage_id)}
    ask = registry_policies.versions.denial
    return ask(user, "view", version) or ask(user, "review", version, wanted)


@dataclass(frozen=True)
class ReviewerRow:
    """A person in the reviewers' box. `state` is approved, changes, stale or waiting."""

    user: User
    roles: tuple[str, ...]
    state: str
    verdict: Verdict | None
    counts: bool = False
    # Why the verdict of this person does not count, or would not.
    objection: str = ""


@dataclass(frozen=True)
class Standing:
    """How far a review is."""

    approvals: int
    needed: int
    missing_roles: list[str]
    blocked_by: list[User]
    rows: list[ReviewerRow] = field(default_factory=list)

    @property
    def is_met(self) -> bool:
        return self.approvals >= self.needed and not self.missing_roles and not self.blocked_by

    @property
    def sentence(self) -> str:
        """What is missing, for whoever asks why it is not approved yet."""
        if self.is_met:
            return f"{self.approvals} of {self.needed} approvals: all that the stage asks for."
        parts = [f"{self.approvals} of {self.needed} approvals"]
        if self.missing_roles:
            parts.append(f"still to approve: {', '.join(self.missing_roles)}")
        if self.blocked_by:
            parts.append(f"changes requested by {', '.join(map(str, self.blocked_by))}")
        return "; ".join(parts) + "."


def standing(review: ReviewRequest) -> Standing:
    """Count what counts: verdicts on the content as it is now, by people who may still decide."""
    policy = policy_of(review)
    digest = content_digest(review)
    memberships: dict[int, Membership] = {
        membership.user_id: membership
        for membership in Membership.objects.filter(project=review.project)
        .select_related("user")
        .prefetch_related("reviewer_roles")
    }
    may_review = set(roles_that_may("review"))
    excluded = excluded_people(review.version, review.requested_by)
    verdicts = {
        verdict.by_id: verdict
        for verdict in review.verdicts.filter(superseded=False).select_related("by")
    }
    covered: set[int] = set()
    approvals, blocked_by, rows = 0, [], []
    people: dict[int, User] = {
        assignment.reviewer_id: assignment.reviewer
        for assignment in review.assignments.select_related("reviewer")
    }
    people.update({verdict.by_id: verdict.by for verdict in verdicts.values()})
    for user_id, user in people.items():
        membership = memberships.get(user_id)
        roles = {r.pk: r.name for r in membership.reviewer_roles.all()} if membership else {}
        verdict = verdicts.get(user_id)
        state = _state_of(verdict, digest)
        if review.is_undecided:
            objection = _objection(user, membership, may_review, excluded)
            if not objection and denied_by_rule(review.version, review.stage_id, user):
                objection = "an access rule does not let this person decide"
        else:
            # A closed review keeps what counted when it was closed.
            was_counted = verdict is not None and verdict.counts
            objection = "" if was_counted else "it did not count when the review ended"
        counts = not objection
        if state == "approved" and counts:
            approvals += 1
            assert verdict is not None
            covered |= roles.keys() if review.is_undecided else {r["id"] for r in verdict.roles}
        elif state == "changes" and counts:
            blocked_by.append(user)
        held = tuple(sorted(roles.values()))
        rows.append(ReviewerRow(user, held, state, verdict, counts, objection))
    missing = [role.name for role in policy.roles if role.id not in covered]
    return Standing(approvals, policy.approvals_needed, missing, blocked_by, rows)


def _objection(
    user: User, membership: Membership | None, may_review: set[str], excluded: dict[int, str]
) -> str:
    """Why what the person says does not count; empty where it does."""
    if not user.is_active:
        return "the account is disabled"
    if membership is None:
        return "not a member of the project any more"
    if membership.role not in may_review:
        return (
            f"as {membership.get_role_display().lower()} of the project this person reviews nothing"
        )
    return f"this person {excluded[user.pk]}" if user.pk in excluded else ""


def _state_of(verdict: Verdict | None, digest: str) -> str:
    if verdict is None:
        return "waiting"
    if verdict.stale or (verdict.review.is_undecided and verdict.content_digest != digest):
        return "stale"
    return "approved" if verdict.kind == VerdictKind.APPROVE else "changes"


def roles_not_covered(
    version: ModelVersion, policy: StagePolicy, reviewers: Iterable[User]
) -> list[str]:
    """Names of the roles of a policy that none of these people has in the project."""
    covered = set(
        Membership.objects.filter(
            project=version.model.project, user__in=list(reviewers)
        ).values_list("reviewer_roles", flat=True)
    )
    return [role.name for role in policy.roles if role.id not in covered]


def default_reviewers(version: ModelVersion, policy: StagePolicy, requester: User) -> list[User]:
    """Whom to ask where nobody was named: the fewest who together can meet the policy.

    Whoever covers most of the roles that are still missing comes first, and among equals who has
    the fewest reviews waiting. Others who may review can decide as well, asked or not. Fewer than
    the policy wants are returned where there are no more.
    """
    excluded = excluded_people(version, requester)
    candidates = [
        user
        for user in possible_reviewers(version.model.project)
        .exclude(pk__in=list(excluded))
        .annotate(
            waiting=Count(
                "review_assignments",
                filter=Q(review_assignments__review__state__in=UNDECIDED),
                distinct=True,
            )
        )
        .order_by("waiting", "username")
        if not denied_by_rule(version, policy.stage_id, user)
    ]
    roles: dict[int, set[int]] = {}
    memberships = Membership.objects.filter(
        project=version.model.project, user__in=candidates
    ).prefetch_related("reviewer_roles")
    for membership in memberships:
        roles[membership.user_id] = {role.pk for role in membership.reviewer_roles.all()}
    missing = {role.id for role in policy.roles}
    chosen: list[User] = []
    while candidates:
        best = max(candidates, key=lambda user: len(missing & roles.get(user.pk, set())))
        covers = missing & roles.get(best.pk, set())
        if not covers and len(chosen) >= policy.approvals_needed:
            break
        missing -= covers
        chosen.append(best)
        candidates.remove(best)
    return chosen


def snapshot_for_record(current: Standing) -> dict[str, Any]:
    return {
        "approvals": current.approvals,
        "needed": current.needed,
        "missing_roles": current.missing_roles,
    }
