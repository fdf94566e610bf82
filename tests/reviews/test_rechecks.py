"""Reviews that end by something else than a verdict."""

from collections.abc import Iterator

import pytest
from django.test import Client

from apps.accounts.models import User
from apps.audit.queries import activity_of
from apps.core.errors import Conflict
from apps.deployments.models import Deployment
from apps.notifications.models import Notification
from apps.projects import services as projects
from apps.projects.models import Membership, Project, ReviewerRole
from apps.registry.models import ModelVersion, RegisteredModel
from apps.reviews import queries, services
from apps.reviews.models import ReviewRequest
from apps.reviews.states import ReviewState
from apps.stages import gates
from apps.stages import services as stages
from apps.stages.models import Placement, Stage, StageMove
from apps.stages.queries import current_stage
from tests import factories
from tests.builds.parts import drive, in_memory_parts
from tests.people import AskForReview

__all__ = ["in_memory_parts"]


class Shutter(gates.Gate):
    name = "shutter"

    def check(self, version: ModelVersion, stage: Stage) -> gates.GateResult:
        return gates.GateResult(self.name, False, "The shutter is down.")


@pytest.fixture
def shutter(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setattr(gates, "_gates", [*gates._gates, Shutter()])
        yield


def approve(review: ReviewRequest, by: User) -> None:
    digest = queries.content_digest(ReviewRequest.objects.get(pk=review.pk))
    services.approve(review, by=by, read_digest=digest)


def membership_of(project: Project, user: User) -> Membership:
    return Membership.objects.get(project=project, user=user)


def state_of(review: ReviewRequest) -> str:
    return ReviewRequest.objects.get(pk=review.pk).state


@pytest.fixture
def approved_twice_as_domain(
    review: ReviewRequest, project: Project, reviewer: User, domain_role: ReviewerRole
) -> User:
    """Two approvals, and nobody has approved as risk; returns the second person."""
    other = factories.make_reviewer(project, domain_role, "other")
    approve(review, reviewer)
    approve(review, other)
    return other


def test_a_role_that_was_missing_and_is_given_lets_the_version_in(
    review: ReviewRequest,
    version: ModelVersion,
    staging: Stage,
    project: Project,
    approved_twice_as_domain: User,
    risk_role: ReviewerRole,
    data_scientist: User,
    owner: User,
) -> None:
    projects.set_member(
        project,
        user=approved_twice_as_domain,
        role="reviewer",
        reviewer_roles=[risk_role],
        by=owner,
    )
    drive()

    move = StageMove.objects.get(version=version)
    assert (state_of(review), move.to_stage, move.by, move.review_id) == (
        ReviewState.APPROVED,
        staging,
        None,
        review.pk,
    )
    done = activity_of(version).filter(action__in=["review.complete", "version.move"])
    assert [event.actor_name for event in done] == ["mlgov", "mlgov"]
    told = Notification.objects.get(user=data_scientist, kind="review.approved")
    assert told.subject == "scoring v1 for Staging: approved"
    # The verdict keeps the role in which it counted in the end.
    verdict = review.verdicts.get(by=approved_twice_as_domain)
    assert verdict.roles == [{"id": risk_role.pk, "name": "Risk"}]


def test_what_mlgov_itself_lets_in_is_deployed_and_shown(
    in_memory_parts: None,
    staging: Stage,
    model: RegisteredModel,
    project: Project,
    ask_for_review: AskForReview,
    reviewer: User,
    risk_reviewer: User,
    domain_role: ReviewerRole,
    data_scientist: User,
    owner: User,
) -> None:
    staging.environment = factories.make_environment("staging")
    staging.save()
    review = ask_for_review(factories.make_stored_version(model, by=data_scientist))
    other = factories.make_reviewer(project, domain_role, "other")
    digest = queries.content_digest(review)
    services.request_changes(review, by=other, read_digest=digest, comment="No.")
    approve(review, reviewer)
    approve(review, risk_reviewer)
    projects.set_member(project, user=other, role="viewer", by=owner)
    drive()

    deployment = Deployment.objects.get(version=review.version)
    assert (deployment.state, deployment.move.by) == ("serving", None)
    client = Client()
    client.force_login(owner)
    pages = [
        "/models/scoring",
        "/models/scoring/versions/1",
        "/models/scoring/versions/1/activity",
        f"/reviews/{review.pk}",
        f"/deployments/{deployment.pk}",
        f"/api/v1/reviews/{review.pk}",
        f"/api/v1/deployments/{deployment.pk}",
        "/api/v1/models/scoring/versions/1",
    ]
    assert [client.get(page).status_code for page in pages] == [200] * len(pages)


def test_who_asked_for_changes_and_left_blocks_no_longer(
    review: ReviewRequest,
    version: ModelVersion,
    staging: Stage,
    project: Project,
    reviewer: User,
    risk_reviewer: User,
    domain_role: ReviewerRole,
    owner: User,
) -> None:
    other = factories.make_reviewer(project, domain_role, "other")
    digest = queries.content_digest(review)
    services.request_changes(review, by=other, read_digest=digest, comment="No.")
    approve(review, reviewer)
    approve(review, risk_reviewer)
    drive()
    assert state_of(review) == ReviewState.CHANGES_REQUESTED

    projects.remove_member(membership_of(project, other), by=owner)
    drive()

    assert state_of(review) == ReviewState.APPROVED
    assert current_stage(ModelVersion.objects.get(pk=version.pk)) == staging
    counted = dict(review.verdicts.values_list("by__username", "counts"))
    assert counted == {"other": False, "reviewer": True, "risk-reviewer": True}


def test_a_disabled_account_blocks_no_longer(
    review: ReviewRequest,
    project: Project,
    reviewer: User,
    risk_reviewer: User,
    domain_role: ReviewerRole,
    administrator: User,
) -> None:
    other = factories.make_reviewer(project, domain_role, "other")
    digest = queries.content_digest(review)
    services.request_changes(review, by=other, read_digest=digest, comment="No.")
    approve(review, reviewer)
    approve(review, risk_reviewer)

    client = Client()
    client.force_login(administrator)
    url = f"/admin/accounts/user/{other.pk}/change/"
    change = {
        "username": "other",
        "name": "Other",
        "email": other.email,
        "attributes": "{}",
        "date_joined_0": "2026-01-01",
        "date_joined_1": "00:00",
    }
    answer = client.post(url, change)
    assert answer.status_code == 302
    drive()

    assert state_of(review) == ReviewState.APPROVED


def test_an_approval_by_who_left_does_not_count(
    review: ReviewRequest,
    version: ModelVersion,
    project: Project,
    approved_twice_as_domain: User,
    risk_reviewer: User,
    risk_role: ReviewerRole,
    reviewer: User,
    owner: User,
) -> None:
    projects.remove_member(membership_of(project, approved_twice_as_domain), by=owner)
    projects.set_member(
        project, user=reviewer, role="reviewer", reviewer_roles=[risk_role], by=owner
    )
    drive()

    assert (state_of(review), version.moves.count()) == (ReviewState.OPEN, 0)


def test_who_lost_the_right_to_review_does_not_count_until_he_has_it_again(
    review: ReviewRequest,
    project: Project,
    reviewer: User,
    risk_reviewer: User,
    domain_role: ReviewerRole,
    owner: User,
) -> None:
    approve(review, reviewer)
    projects.set_member(project, user=reviewer, role="viewer", by=owner)
    approve(review, risk_reviewer)
    drive()
    assert state_of(review) == ReviewState.OPEN

    projects.set_member(
        project, user=reviewer, role="reviewer", reviewer_roles=[domain_role], by=owner
    )
    drive()
    assert state_of(review) == ReviewState.APPROVED


def test_where_a_gate_refuses_the_review_stays_open(
    review: ReviewRequest,
    version: ModelVersion,
    project: Project,
    approved_twice_as_domain: User,
    risk_role: ReviewerRole,
    owner: User,
    shutter: None,
) -> None:
    projects.set_member(
        project,
        user=approved_twice_as_domain,
        role="reviewer",
        reviewer_roles=[risk_role],
        by=owner,
    )
    drive()

    assert (state_of(review), version.moves.count()) == (ReviewState.OPEN, 0)
    assert not activity_of(version).filter(action="review.complete").exists()


def test_a_gate_that_opened_is_noticed_when_the_stage_changes(
    review: ReviewRequest,
    version: ModelVersion,
    staging: Stage,
    project: Project,
    approved_twice_as_domain: User,
    risk_role: ReviewerRole,
    owner: User,
    administrator: User,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(gates, "_gates", [*gates._gates, Shutter()])
        projects.set_member(
            project,
            user=approved_twice_as_domain,
            role="reviewer",
            reviewer_roles=[risk_role],
            by=owner,
        )
        drive()
    client = Client()
    client.force_login(administrator)
    url = f"/admin/stages/stage/{staging.pk}/change/"
    form = client.get(url).context["adminform"].form
    values = {name: form[name].value() for name in form.fields}
    answer = client.post(
        url, {k: v for k, v in values.items() if v is not None} | {"approvals_required": 1}
    )
    assert answer.status_code == 302
    drive()

    assert state_of(review) == ReviewState.APPROVED


def test_a_stage_that_asks_for_less_leaves_open_reviews_as_they_were_opened(
    review: ReviewRequest,
    version: ModelVersion,
    staging: Stage,
    project: Project,
    reviewer: User,
    owner: User,
) -> None:
    # What reviewers sign includes the policy: another one would void what they signed.
    approve(review, reviewer)
    override = stages.override_stage(
        project, staging, approvals_required=3, extra_roles=[], by=owner
    )
    staging.approvals_required = 1
    staging.save()
    staging.required_roles.clear()
    stages.remove_override(override, by=owner)
    drive()

    assert (state_of(review), version.moves.count()) == (ReviewState.OPEN, 0)


def test_looking_again_twice_changes_nothing(
    review: ReviewRequest, version: ModelVersion, reviewer: User, risk_reviewer: User
) -> None:
    services.recheck(review)
    assert (state_of(review), version.moves.count()) == (ReviewState.OPEN, 0)
    approve(review, reviewer)
    approve(review, risk_reviewer)
    services.recheck(review)
    services.recheck(review)
    assert (state_of(review), version.moves.count()) == (ReviewState.APPROVED, 1)


def test_archiving_a_version_closes_its_reviews(
    review: ReviewRequest,
    version: ModelVersion,
    archived: Stage,
    data_scientist: User,
    reviewer: User,
    risk_reviewer: User,
    owner: User,
    stranger: User,
) -> None:
    stages.move(version, archived, by=owner)
    # Nobody slips in before the event is heard.
    with pytest.raises(Conflict, match="was archived after this review was requested"):
        approve(review, reviewer)
    drive()

    review.refresh_from_db()
    assert (review.state, review.closing_reason) == (
        ReviewState.WITHDRAWN,
        "scoring v1 was archived by Owner.",
    )
    event = activity_of(version).get(action="review.close")
    assert (event.actor_name, event.reason) == ("mlgov", "scoring v1 was archived by Owner.")
    told = Notification.objects.filter(kind="review.closed")
    assert {n.user for n in told} == {data_scientist, reviewer, risk_reviewer}
    assert {n.subject for n in told} == {"scoring v1 for Staging: closed"}
    client = Client()
    client.force_login(reviewer)
    page = client.get(f"/reviews/{review.pk}").content.decode()
    assert "scoring v1 was archived by Owner." in page

    assert services.close_archived(version) == []


def test_a_version_that_makes_room_takes_its_reviews_along(
    version: ModelVersion,
    archived: Stage,
    ask_for_review: AskForReview,
    data_scientist: User,
    owner: User,
) -> None:
    live = factories.make_stage("live", approvals_required=0, order=2)
    stages.move(version, live, by=owner)
    review = ask_for_review(version)
    newer = factories.make_version(version.model, by=data_scientist)
    unaffected = ask_for_review(newer)
    stages.move(newer, live, by=owner)
    drive()

    assert Placement.objects.get(version=version).stage == archived
    assert (state_of(review), state_of(unaffected)) == (ReviewState.WITHDRAWN, ReviewState.OPEN)


def test_an_archived_version_can_be_asked_back_at_once(
    review: ReviewRequest,
    version: ModelVersion,
    staging: Stage,
    archived: Stage,
    ask_for_review: AskForReview,
    reviewer: User,
    risk_reviewer: User,
    owner: User,
) -> None:
    stages.move(version, archived, by=owner)
    again = ask_for_review(version)
    drive()
    assert (state_of(review), state_of(again)) == (ReviewState.WITHDRAWN, ReviewState.OPEN)

    approve(again, reviewer)
    approve(again, risk_reviewer)
    assert current_stage(ModelVersion.objects.get(pk=version.pk)) == staging
