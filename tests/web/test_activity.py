import pytest

from apps.accounts.models import User
from apps.audit.queries import activity_of
from apps.registry.models import ModelVersion
from apps.reviews import queries, services
from apps.reviews.models import ReviewRequest
from apps.stages import services as stages
from apps.stages.models import Stage
from apps.web import activity
from tests.docs import code


def test_each_audit_action_is_told_in_words() -> None:
    assert set(activity.TOLD) == code.audit_actions()


@pytest.mark.django_db
def test_the_reason_of_a_request_is_told_once(
    review: ReviewRequest,
    version: ModelVersion,
    archived: Stage,
    reviewer: User,
    risk_reviewer: User,
    owner: User,
) -> None:
    for person in (reviewer, risk_reviewer):
        digest = queries.content_digest(review)
        services.approve(review, by=person, read_digest=digest, comment="Fine.")
    stages.move(version, archived, by=owner, reason="Not needed.")

    told = activity.told(activity_of(version))
    assert [(line.event.action, line.note) for line in told] == [
        ("version.move", "Not needed."),
        ("version.move", ""),
        ("review.complete", ""),
        ("review.approve", "Fine."),
        ("review.approve", "Fine."),
        ("review.request", "Please look at the features."),
    ]
    # The trail keeps it in both.
    assert told[1].event.reason == told[5].event.reason
