"""What people are told when a review goes on. Events are delivered as the worker does it."""

import pytest
from django.core import mail

from apps.accounts.models import User
from apps.notifications import queries, services
from apps.notifications.models import Notification
from apps.outbox import services as outbox
from apps.outbox.models import OutboxMessage
from apps.registry.models import ModelVersion
from apps.reviews import queries as review_queries
from apps.reviews import services as reviews
from apps.reviews.models import ReviewRequest
from apps.stages import services as stages
from apps.stages.models import Stage
from tests.people import AskForReview

pytestmark = pytest.mark.django_db


def deliver_everything() -> None:
    for _ in range(10):
        if not outbox.sweep():
            return


@pytest.fixture
def review(version: ModelVersion, ask_for_review: AskForReview, stranger: User) -> ReviewRequest:
    made = ask_for_review(version, note="Trained on <b>new</b> data.")
    deliver_everything()
    return made


def test_each_reviewer_gets_one_mail_with_a_link_to_the_card(
    review: ReviewRequest, reviewer: User, risk_reviewer: User
) -> None:
    assert sorted(m.to[0] for m in mail.outbox) == sorted([reviewer.email, risk_reviewer.email])
    message = mail.outbox[0]
    assert message.subject == "[credit] scoring v1 for Staging: please review"
    assert "http://127.0.0.1:8000/models/scoring/versions/1" in message.body
    assert "Trained on <b>new</b> data." in message.body
    html = message.alternatives[0][0]
    assert "&lt;b&gt;new&lt;/b&gt;" in html


def test_hearing_an_event_twice_tells_once(review: ReviewRequest) -> None:
    OutboxMessage.objects.update(state="waiting")
    deliver_everything()
    assert len(mail.outbox) == 2


def test_the_requester_hears_of_verdicts_and_the_approval(
    review: ReviewRequest, data_scientist: User, reviewer: User, risk_reviewer: User
) -> None:
    digest = review_queries.content_digest(review)
    reviews.approve(review, by=reviewer, read_digest=digest, comment="Fine.")
    reviews.approve(review, by=risk_reviewer, read_digest=digest)
    deliver_everything()
    subjects = [m.subject for m in mail.outbox if m.to == [data_scientist.email]]
    assert subjects == [
        "[credit] scoring v1 for Staging: approved by Reviewer",
        "[credit] scoring v1 for Staging: approved",
    ]


def test_a_mail_server_that_is_down_loses_nothing(
    review: ReviewRequest, reviewer: User, data_scientist: User, settings: object
) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"  # type: ignore[attr-defined]
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1  # type: ignore[attr-defined]
    reviews.comment(review, by=data_scientist, text="Ready when you are.")
    deliver_everything()
    waiting = OutboxMessage.objects.filter(state="waiting", event__endswith="NotificationCreated")
    assert [m.attempts for m in waiting] == [1, 1]
    assert queries.unread_of(reviewer).count() == 2


def test_a_disabled_person_is_told_nothing(review: ReviewRequest, reviewer: User) -> None:
    reviewer.is_active = False
    reviewer.save()
    mail.outbox.clear()
    Notification.objects.all().delete()
    services.tell([reviewer], services.Message("k", "k", review, "credit", "s", "t", "/"))
    deliver_everything()
    assert (Notification.objects.count(), mail.outbox) == (0, [])


def test_the_project_is_named_in_the_subject_of_a_mail_and_not_in_the_application(
    review: ReviewRequest, reviewer: User
) -> None:
    told = queries.unread_of(reviewer).get()
    assert told.subject == "scoring v1 for Staging: please review"
    assert {m.subject for m in mail.outbox} == {f"[credit] {told.subject}"}


def test_the_end_of_a_review_by_archiving_is_told_without_a_mail(
    review: ReviewRequest,
    version: ModelVersion,
    archived: Stage,
    data_scientist: User,
    reviewer: User,
    risk_reviewer: User,
    owner: User,
    stranger: User,
) -> None:
    mail.outbox.clear()
    stages.move(version, archived, by=owner)
    deliver_everything()
    told = Notification.objects.filter(kind="review.closed")
    assert sorted(n.user.username for n in told) == ["reviewer", "risk-reviewer", "scientist"]
    assert "scoring v1 was archived by Owner." in told[0].text
    assert mail.outbox == []
