import pytest
from django.db import IntegrityError, transaction

from apps.accounts.models import User
from apps.audit.queries import activity_of
from apps.cards import services as card_services
from apps.core.errors import AlreadyExists, Conflict, Invalid, NotFound, NotPermitted
from apps.projects.models import Project, ReviewerRole
from apps.registry.models import ModelVersion
from apps.registry.states import VersionState
from apps.reviews import queries, services
from apps.reviews.models import ReviewRequest, Verdict
from apps.reviews.states import ReviewState, VerdictKind
from apps.stages.models import Placement, Stage, StageMove
from apps.stages.queries import current_stage
from tests import factories


def read(review: ReviewRequest) -> str:
    return queries.content_digest(ReviewRequest.objects.get(pk=review.pk))


def test_the_last_approval_moves_the_version(
    review: ReviewRequest,
    version: ModelVersion,
    staging: Stage,
    reviewer: User,
    risk_reviewer: User,
) -> None:
    services.approve(review, by=reviewer, read_digest=read(review))
    assert not Placement.objects.filter(version=version).exists()

    services.approve(review, by=risk_reviewer, read_digest=read(review))

    review.refresh_from_db()
    move = StageMove.objects.get(version=version)
    assert review.state == ReviewState.APPROVED
    assert (move.to_stage, move.by, move.review_id, move.artifact_digest) == (
        staging,
        risk_reviewer,
        review.pk,
        version.artifact_digest,
    )
    assert current_stage(ModelVersion.objects.get(pk=version.pk)) == staging
    actions = list(activity_of(version).values_list("action", flat=True))
    assert actions == [
        "version.move",
        "review.complete",
        "review.approve",
        "review.approve",
        "review.request",
    ]


def test_two_approvals_without_the_role_that_must_approve_are_not_enough(
    review: ReviewRequest, project: Project, reviewer: User, domain_role: ReviewerRole
) -> None:
    another = factories.make_user("another")
    factories.join(project, another, "reviewer", domain_role)
    services.approve(review, by=reviewer, read_digest=read(review))
    services.approve(review, by=another, read_digest=read(review))

    standing = queries.standing(ReviewRequest.objects.get(pk=review.pk))
    assert (standing.approvals, standing.missing_roles, standing.is_met) == (2, ["Risk"], False)
    assert standing.sentence == "2 of 2 approvals; still to approve: Risk."


def test_requester_cannot_approve_even_as_a_reviewer(
    version: ModelVersion,
    staging: Stage,
    project: Project,
    reviewer: User,
    risk_reviewer: User,
    owner: User,
) -> None:
    review = services.request_review(
        version, stage=staging, reviewers=[reviewer, risk_reviewer], note="Please.", by=owner
    )

    with pytest.raises(NotPermitted, match="You asked for this review, so someone else"):
        services.approve(review, by=owner, read_digest=read(review))

    assert not review.verdicts.exists()


def test_who_registered_the_version_cannot_approve_it(
    version: ModelVersion, review: ReviewRequest, project: Project, risk_role: ReviewerRole
) -> None:
    membership = project.memberships.get(user=version.registered_by)
    membership.role = "owner"
    membership.save()

    with pytest.raises(NotPermitted):
        services.approve(review, by=version.registered_by, read_digest=read(review))


def test_who_edited_the_card_cannot_approve_it(
    version: ModelVersion,
    staging: Stage,
    data_scientist: User,
    reviewer: User,
    risk_reviewer: User,
    owner: User,
) -> None:
    card_services.edit_card(
        version, by=owner, changes={"/overview/description": "Better words."}, base_revision=1
    )
    review = services.request_review(
        version, stage=staging, reviewers=[reviewer, risk_reviewer], note="x", by=data_scientist
    )

    with pytest.raises(NotPermitted, match="edited the model card"):
        services.approve(review, by=owner, read_digest=read(review))


def test_the_database_refuses_a_verdict_on_ones_own_work(
    review: ReviewRequest, data_scientist: User
) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Verdict.objects.create(
            review=review,
            by=data_scientist,
            kind=VerdictKind.APPROVE,
            content_digest=read(review),
            card_revision=review.version.card_revisions.get(),
            requester=data_scientist,
            registrant=data_scientist,
        )


def test_an_administrator_who_is_no_member_cannot_approve(
    review: ReviewRequest, administrator: User
) -> None:
    with pytest.raises(NotPermitted, match="You are not a reviewer"):
        services.approve(review, by=administrator, read_digest=read(review))


def test_a_review_does_not_exist_for_a_stranger(review: ReviewRequest, stranger: User) -> None:
    with pytest.raises(NotFound):
        services.approve(review, by=stranger, read_digest=read(review))
    with pytest.raises(NotFound):
        services.comment(review, by=stranger, text="hello")


def test_a_viewer_may_read_but_not_decide(review: ReviewRequest, viewer: User) -> None:
    with pytest.raises(NotPermitted):
        services.approve(review, by=viewer, read_digest=read(review))


def test_an_edited_card_makes_an_approval_stale(
    review: ReviewRequest,
    version: ModelVersion,
    data_scientist: User,
    reviewer: User,
    risk_reviewer: User,
) -> None:
    services.approve(review, by=reviewer, read_digest=read(review))
    card_services.edit_card(
        version, by=data_scientist, changes={"/overview/description": "New."}, base_revision=1
    )
    services.approve(review, by=risk_reviewer, read_digest=read(review))

    review = ReviewRequest.objects.get(pk=review.pk)
    states = {row.user: row.state for row in queries.standing(review).rows}
    assert review.state == ReviewState.OPEN
    assert states == {reviewer: "stale", risk_reviewer: "approved"}

    services.approve(review, by=reviewer, read_digest=read(review))
    review.refresh_from_db()
    assert review.state == ReviewState.APPROVED


def test_an_approval_of_what_was_not_read_is_refused(
    review: ReviewRequest, version: ModelVersion, data_scientist: User, reviewer: User
) -> None:
    before = read(review)
    card_services.edit_card(
        version, by=data_scientist, changes={"/overview/description": "New."}, base_revision=1
    )

    with pytest.raises(Conflict, match="changed while you were reading"):
        services.approve(review, by=reviewer, read_digest=before)

    assert not review.verdicts.exists()


def test_changes_requested_block_until_the_card_is_mended(
    review: ReviewRequest,
    version: ModelVersion,
    data_scientist: User,
    reviewer: User,
    risk_reviewer: User,
) -> None:
    services.request_changes(review, by=reviewer, read_digest=read(review), comment="Say more.")
    services.approve(review, by=risk_reviewer, read_digest=read(review))
    review.refresh_from_db()
    assert review.state == ReviewState.CHANGES_REQUESTED

    card_services.edit_card(
        version, by=data_scientist, changes={"/overview/description": "More."}, base_revision=1
    )
    services.mark_stale(version)
    services.mark_stale(version)  # heard twice

    review.refresh_from_db()
    assert review.state == ReviewState.OPEN
    assert activity_of(review).filter(action="review.stale").count() == 1


def test_changes_without_a_word_are_refused(review: ReviewRequest, reviewer: User) -> None:
    with pytest.raises(Invalid, match="Say what has to change"):
        services.request_changes(review, by=reviewer, read_digest=read(review), comment=" ")


def test_one_open_review_per_version_and_stage(
    review: ReviewRequest,
    version: ModelVersion,
    staging: Stage,
    data_scientist: User,
    reviewer: User,
    risk_reviewer: User,
) -> None:
    with pytest.raises(AlreadyExists):
        services.request_review(
            version,
            stage=staging,
            reviewers=[reviewer, risk_reviewer],
            note="again",
            by=data_scientist,
        )

    services.withdraw(review, by=data_scientist, reason="A mistake.")
    again = services.request_review(
        version,
        stage=staging,
        reviewers=[reviewer, risk_reviewer],
        note="again",
        by=data_scientist,
    )
    assert again.state == ReviewState.OPEN


def test_reviewers_who_cannot_meet_the_policy_are_refused(
    version: ModelVersion, staging: Stage, data_scientist: User, reviewer: User, viewer: User
) -> None:
    for people, sentence in (
        ([reviewer], "wants an approval as Risk"),
        ([reviewer, viewer], "may not review"),
        ([reviewer, data_scientist], "may not review"),
    ):
        with pytest.raises(Invalid, match=sentence):
            services.request_review(
                version, stage=staging, reviewers=people, note="x", by=data_scientist
            )
    assert not ReviewRequest.objects.exists()


def test_a_version_that_is_not_ready_cannot_be_reviewed(
    version: ModelVersion,
    staging: Stage,
    data_scientist: User,
    reviewer: User,
    risk_reviewer: User,
) -> None:
    pending = factories.make_version(version.model, by=data_scientist, state=VersionState.PENDING)
    with pytest.raises(Conflict, match="not ready"):
        services.request_review(
            pending,
            stage=staging,
            reviewers=[reviewer, risk_reviewer],
            note="x",
            by=data_scientist,
        )


def test_a_withdrawn_review_takes_no_verdict(
    review: ReviewRequest, data_scientist: User, reviewer: User
) -> None:
    services.withdraw(review, by=data_scientist)
    with pytest.raises(Conflict, match="withdrawn already"):
        services.approve(review, by=reviewer, read_digest=read(review))


def test_only_who_asked_or_runs_the_project_withdraws(
    review: ReviewRequest, reviewer: User, owner: User
) -> None:
    with pytest.raises(NotPermitted):
        services.withdraw(review, by=reviewer)
    services.withdraw(review, by=owner)


def test_the_inbox_shows_what_waits_and_forgets_what_is_decided(
    review: ReviewRequest, reviewer: User, risk_reviewer: User, stranger: User
) -> None:
    services.approve(review, by=reviewer, read_digest=read(review))

    assert list(queries.waiting_for(reviewer)) == []
    assert list(queries.waiting_for(risk_reviewer)) == [review]
    assert list(queries.waiting_for(stranger)) == []


def test_a_review_keeps_the_policy_it_was_opened_under(
    review: ReviewRequest, staging: Stage, reviewer: User, risk_reviewer: User
) -> None:
    staging.approvals_required = 3
    staging.save()
    services.approve(review, by=reviewer, read_digest=read(review))
    services.approve(review, by=risk_reviewer, read_digest=read(review))
    review.refresh_from_db()
    assert review.state == ReviewState.APPROVED
