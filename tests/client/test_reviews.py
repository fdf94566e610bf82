"""Reviews, asked for and waited for from Python, against a live mlgov."""

import threading

import pytest
from django.db import connection

from apps.accounts.models import User
from apps.registry.models import ModelVersion
from apps.reviews import queries as review_queries
from apps.reviews import services as reviews
from apps.reviews.models import ReviewRequest
from apps.stages.models import Placement, Stage
from mlgov_client import Client, Misused, NotApproved, Refused, TimedOut
from tests.client.conftest import token_of

pytestmark = pytest.mark.django_db(transaction=True)
NOTE = "Retrained on June."


@pytest.fixture
def people(reviewer: User, risk_reviewer: User) -> list[User]:
    return [reviewer, risk_reviewer]


def approve(review_id: int, people: list[User]) -> None:
    for person in people:
        review = ReviewRequest.objects.get(pk=review_id)
        reviews.approve(review, by=person, read_digest=review_queries.content_digest(review))


def request_changes(review_id: int, by: User) -> None:
    review = ReviewRequest.objects.get(pk=review_id)
    digest = review_queries.content_digest(review)
    reviews.request_changes(review, by=by, read_digest=digest, comment="Say for whom.")


def test_a_review_is_asked_of_whom_the_stage_wants(
    client: Client, version: ModelVersion, staging: Stage, people: list[User], served: str
):
    review = client.version("scoring", 1).request_review(stage="Staging", note=NOTE)

    row = ReviewRequest.objects.get()
    assert (review.id, review.model, review.version, review.stage, review.state) == (
        row.pk,
        "scoring",
        1,
        "staging",
        "open",
    )
    assert (review.approvals, review.needed, review.requested_by) == (0, 2, "scientist")
    assert [(r.username, r.state) for r in review.reviewers] == [
        ("reviewer", "waiting"),
        ("risk-reviewer", "waiting"),
    ]
    assert review.url.endswith(f"/reviews/{row.pk}")


def test_reviewers_can_be_named_and_unknown_ones_are_refused(
    client: Client, version: ModelVersion, staging: Stage, people: list[User]
):
    asked = client.version("scoring/1")
    with pytest.raises(Refused) as refusal:
        asked.request_review(stage="staging", note=NOTE, reviewers=["nobody"])
    assert (refusal.value.code, refusal.value.status) == ("invalid", 400)
    assert str(refusal.value) == "Nobody here is called nobody."
    assert refusal.value.request_id
    assert not ReviewRequest.objects.exists()

    names = ["risk-reviewer", "reviewer"]
    review = asked.request_review(stage="staging", note=NOTE, reviewers=names)
    assert [row.username for row in review.reviewers] == names


def test_asking_again_finds_the_same_review_open_or_approved(
    client: Client, version: ModelVersion, staging: Stage, people: list[User]
):
    asked = client.version("scoring", "1")
    first = asked.request_review(stage="staging", note=NOTE)
    assert asked.request_review(stage="STAGING", note="Again.").id == first.id

    approve(first.id, people)
    again = asked.request_review(stage="staging", note="Again.")
    assert (again.id, again.state, again.note) == (first.id, "approved", NOTE)
    assert ReviewRequest.objects.count() == 1


def test_waiting_ends_with_the_last_approval(
    client: Client, version: ModelVersion, staging: Stage, people: list[User]
):
    asked = client.version("scoring", 1)
    review = asked.request_review(stage="staging", note=NOTE)

    def decide() -> None:
        approve(review.id, people)
        connection.close()

    timer = threading.Timer(0.5, decide)
    timer.start()
    approved = asked.wait_for_review(timeout="20s")
    timer.join()

    assert (approved.id, approved.state, approved.approvals) == (review.id, "approved", 2)
    assert approved.is_approved
    assert Placement.objects.get(version=version).stage == staging


def test_changes_and_withdrawal_are_told_with_what_was_said(
    client: Client, version: ModelVersion, staging: Stage, people: list[User], data_scientist: User
):
    asked = client.version("scoring", 1)
    review = asked.request_review(stage="staging", note=NOTE)
    request_changes(review.id, people[0])
    with pytest.raises(NotApproved, match="reviewer: Say for whom") as answer:
        asked.wait_for_review("staging", timeout=10)
    assert answer.value.review.state == "changes_requested"

    reviews.withdraw(ReviewRequest.objects.get(), by=data_scientist)
    with pytest.raises(NotApproved, match="withdrawn"):
        asked.wait_for_review(timeout=10)


def test_the_time_to_wait_ends_and_the_review_does_not(
    client: Client, version: ModelVersion, staging: Stage, people: list[User]
):
    asked = client.version("scoring", 1)
    asked.request_review(stage="staging", note=NOTE)

    with pytest.raises(TimedOut, match=r"longer than 0\.3 seconds to wait for review"):
        asked.wait_for_review(timeout=0.3)

    assert ReviewRequest.objects.get().state == "open"


def test_what_is_not_there_is_said(
    client: Client, version: ModelVersion, staging: Stage, people: list[User]
):
    asked = client.version("scoring", 1)
    with pytest.raises(Misused, match="no review of scoring/1 for staging"):
        asked.wait_for_review("staging", timeout=1)
    with pytest.raises(Misused, match=r"no stage “moon”\. Its stages: Staging"):
        asked.wait_for_review("moon", timeout=1)
    with pytest.raises(Refused, match="no stage “moon”") as refusal:
        asked.request_review(stage="moon", note=NOTE)
    assert refusal.value.code == "not_found"
    with pytest.raises(Refused, match="Some of the input is wrong"):
        asked.request_review(stage="staging", note="")


def test_strangers_and_bad_tokens_see_nothing(
    served: str, version: ModelVersion, staging: Stage, stranger: User
):
    with pytest.raises(Refused) as unseen:
        Client(served, token_of(stranger)).version("scoring", 1).status()
    with pytest.raises(Refused) as unknown:
        Client(served, "mlgov_pat_wrong").whoami()

    assert (unseen.value.status, unseen.value.code) == (404, "not_found")
    assert (unknown.value.status, unknown.value.message) == (
        401,
        "This token is wrong, expired or revoked. Make a new one on your tokens page.",
    )
