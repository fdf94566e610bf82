"""Two people at the same moment. Each of these fails without the lock on the version."""

import pytest

from apps.accounts.models import User
from apps.audit.models import AuditEvent
from apps.cards import services as card_services
from apps.core.errors import Conflict, DomainError
from apps.outbox.models import OutboxMessage
from apps.projects.models import Membership
from apps.registry.models import ModelVersion
from apps.reviews import queries, services
from apps.reviews.models import ReviewRequest
from apps.reviews.states import ReviewState
from apps.stages import services as stage_services
from apps.stages.models import Placement, Stage, StageMove
from tests import factories
from tests.threads import together

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]
ROUNDS = 12


class Scene:
    """A version under review, with two reviewers of the roles that must approve."""

    def __init__(self) -> None:
        self.owner = factories.make_user()
        self.project = factories.make_project(owner=self.owner)
        self.scientist = factories.make_user()
        factories.join(self.project, self.scientist, "data_scientist")
        roles = [factories.make_reviewer_role(slug) for slug in ("domain", "risk")]
        self.reviewers = [factories.make_reviewer(self.project, role) for role in roles]
        self.stage = Stage.objects.filter(slug="staging").first() or factories.make_stage(
            "staging", *roles, approvals_required=2
        )
        self.version = self.new_version()
        self.review = self.ask(self.version)

    def new_version(self) -> ModelVersion:
        model = factories.make_model(self.project, by=self.scientist)
        return factories.make_version(model, by=self.scientist)

    def ask(self, version: ModelVersion) -> ReviewRequest:
        return services.request_review(
            version, stage=self.stage, reviewers=self.reviewers, note="x", by=self.scientist
        )

    def approve(self, reviewer: User) -> ReviewRequest:
        review = ReviewRequest.objects.get(pk=self.review.pk)
        digest = queries.content_digest(review)
        return services.approve(review, by=reviewer, read_digest=digest)

    def meet_the_policy_without_a_verdict(self) -> None:
        """Both approve while one of them may not count; then he may again."""
        membership = Membership.objects.get(project=self.project, user=self.reviewers[0])
        self.approve(self.reviewers[0])
        Membership.objects.filter(pk=membership.pk).update(role="viewer")
        self.approve(self.reviewers[1])
        assert self.moves() == 0
        Membership.objects.filter(pk=membership.pk).update(role="reviewer")

    def moves(self) -> int:
        return StageMove.objects.filter(version=self.version).count()


def test_the_last_two_approvals_at_once_move_the_version_once() -> None:
    for _ in range(ROUNDS):
        scene = Scene()
        results = together(*(lambda r=r: scene.approve(r) for r in scene.reviewers))
        assert all(isinstance(result, ReviewRequest) for result in results), results
        assert scene.moves() == 1
        assert ReviewRequest.objects.get(pk=scene.review.pk).state == ReviewState.APPROVED
        entered = OutboxMessage.objects.filter(
            event="reviews.ReviewApproved", payload__review_id=scene.review.pk
        )
        assert len({message.subscriber for message in entered}) == entered.count()


def test_two_looks_at_a_review_whose_policy_is_met_move_the_version_once() -> None:
    for _ in range(ROUNDS):
        scene = Scene()
        scene.meet_the_policy_without_a_verdict()
        results = together(*[lambda: services.recheck(scene.review)] * 2)
        assert all(isinstance(result, ReviewRequest) for result in results), results
        state = ReviewRequest.objects.get(pk=scene.review.pk).state
        assert (state, scene.moves()) == (ReviewState.APPROVED, 1)


def test_the_last_approval_and_a_look_at_the_review_move_the_version_once() -> None:
    for _ in range(ROUNDS):
        scene = Scene()
        scene.approve(scene.reviewers[0])
        results = together(
            lambda: scene.approve(scene.reviewers[1]),
            lambda: services.recheck(scene.review),
        )
        assert all(isinstance(result, ReviewRequest) for result in results), results
        assert scene.moves() == 1


def test_an_approval_does_not_pass_an_archiving() -> None:
    archive = factories.make_stage("archived", approvals_required=0, single_occupancy=False)
    for _ in range(ROUNDS):
        scene = Scene()
        scene.approve(scene.reviewers[0])
        approved, archived = together(
            lambda: scene.approve(scene.reviewers[1]),
            lambda: stage_services.move(scene.version, archive, by=scene.owner),
        )
        assert isinstance(archived, StageMove), archived
        assert isinstance(approved, (ReviewRequest, Conflict)), approved
        # Entered and then archived, or archived and never entered.
        assert Placement.objects.get(version=scene.version).stage == archive
        assert scene.moves() == (1 if isinstance(approved, Conflict) else 2)


def test_the_same_person_approving_twice_counts_once() -> None:
    for _ in range(ROUNDS):
        scene = Scene()
        first = scene.reviewers[0]
        together(lambda: scene.approve(first), lambda: scene.approve(first))
        standing = queries.standing(ReviewRequest.objects.get(pk=scene.review.pk))
        assert (standing.approvals, scene.moves()) == (1, 0)


def test_an_approval_and_a_withdrawal_do_not_both_win() -> None:
    for _ in range(ROUNDS):
        scene = Scene()
        scene.approve(scene.reviewers[0])
        approved, withdrawn = together(
            lambda: scene.approve(scene.reviewers[1]),
            lambda: services.withdraw(scene.review, by=scene.scientist),
        )
        refused = [r for r in (approved, withdrawn) if isinstance(r, DomainError)]
        assert len(refused) == 1
        state = ReviewRequest.objects.get(pk=scene.review.pk).state
        assert (state == ReviewState.APPROVED) == (scene.moves() == 1)


def test_an_approval_never_covers_an_edit_that_came_before_it() -> None:
    for _ in range(ROUNDS):
        scene = Scene()
        scene.approve(scene.reviewers[0])
        approved, edited = together(
            lambda: scene.approve(scene.reviewers[1]),
            lambda: card_services.edit_card(
                scene.version,
                by=scene.scientist,
                changes={"/overview/description": "New."},
                base_revision=1,
            ),
        )
        assert not isinstance(edited, Exception), edited
        if isinstance(approved, Conflict):
            assert scene.moves() == 0
            continue
        events = list(
            AuditEvent.objects.filter(
                links__object_type="registry.modelversion",
                links__object_id=str(scene.version.pk),
                action__in=["card.edit", "version.move"],
            )
            .order_by("id")
            .values_list("action", flat=True)
        )
        # Either the move came first, or the edit voided the first approval and nothing moved.
        assert events in (["version.move", "card.edit"], ["card.edit"])


def test_two_versions_entering_a_stage_for_one_leave_one_there() -> None:
    archive = factories.make_stage("archived", approvals_required=0, single_occupancy=False)
    sandbox = factories.make_stage("sandbox", approvals_required=0)
    from_here = Scene()
    for _ in range(ROUNDS):
        model = factories.make_model(from_here.project, by=from_here.scientist)
        versions = [factories.make_version(model, by=from_here.scientist) for _ in range(2)]
        results = together(
            *(lambda v=v: stage_services.move(v, sandbox, by=from_here.owner) for v in versions)
        )
        assert all(isinstance(result, StageMove) for result in results), results
        placed = sorted(
            Placement.objects.filter(version__in=versions).values_list("stage__slug", flat=True)
        )
        assert placed == [archive.slug, sandbox.slug]
