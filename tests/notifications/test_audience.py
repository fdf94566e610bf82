"""Nobody is told what he may not see: not when it is written, not by mail, not later on."""

from typing import Any

import pytest
from django.core import mail
from django.test import Client

from apps.accounts.models import User
from apps.notifications import services
from apps.notifications.models import Notification
from apps.notifications.queries import notifications_of, unread_of
from apps.projects import services as projects
from apps.registry import services as registry
from apps.registry.models import ModelVersion
from apps.reviews import queries as review_queries
from apps.reviews import services as reviews
from apps.reviews.models import ReviewRequest
from tests import factories
from tests.notifications.test_mails import deliver_everything
from tests.people import AskForReview
from tests.sessions import sign_in

pytestmark = pytest.mark.django_db


def leave(person: User, owner: User) -> None:
    projects.remove_member(person.memberships.get(), by=owner)


def test_who_has_left_before_it_is_written_is_not_told(
    ask_for_review: AskForReview, version: ModelVersion, reviewer: User, data_scientist: User,
    owner: User,
) -> None:  # fmt: skip
    review = ask_for_review(version)
    deliver_everything()
    mail.outbox.clear()
    leave(data_scientist, owner)
    deliver_everything()
    digest = review_queries.content_digest(review)
    reviews.approve(review, by=reviewer, read_digest=digest, comment="Fine.")
    deliver_everything()
    assert not Notification.objects.filter(user=data_scientist, kind="review.verdict").exists()
    assert data_scientist.email not in {to for message in mail.outbox for to in message.to}


@pytest.mark.parametrize("loss", ["leaves", "is disabled", "the version is deleted"])
def test_who_may_not_see_it_any_more_gets_no_mail(
    ask_for_review: AskForReview, version: ModelVersion, reviewer: User, owner: User, loss: str
) -> None:
    review = ask_for_review(version)
    _write_without_mailing(review, reviewer)
    notification = Notification.objects.get(user=reviewer)
    if loss == "leaves":
        leave(reviewer, owner)
    elif loss == "is disabled":
        User.objects.filter(pk=reviewer.pk).update(is_active=False)
    else:
        ModelVersion.objects.filter(pk=version.pk).update(deleted_at=version.created_at)
        notification.context["about"] = ["registry.modelversion", version.pk]
        notification.save()
    assert services.send_mail(notification.pk) is False
    assert mail.outbox == []


def test_who_still_sees_it_gets_the_mail_also_of_a_notification_of_before(
    ask_for_review: AskForReview, version: ModelVersion, reviewer: User, owner: User
) -> None:
    _write_without_mailing(ask_for_review(version), reviewer)
    notification = Notification.objects.get(user=reviewer)
    del notification.context["about"]
    notification.save()
    leave(reviewer, owner)
    assert services.send_mail(notification.pk) is False
    factories.join(version.project, reviewer, "viewer")
    assert services.send_mail(notification.pk) is True
    assert [message.to for message in mail.outbox] == [[reviewer.email]]


def _write_without_mailing(review: ReviewRequest, reviewer: User) -> None:
    from_now = Notification.objects.count()
    deliver_everything()
    assert Notification.objects.count() > from_now
    Notification.objects.update(mailed_at=None)
    mail.outbox.clear()


def test_what_was_told_of_a_project_goes_with_the_membership(
    client: Client, ask_for_review: AskForReview, version: ModelVersion, reviewer: User, owner: User
) -> None:
    ask_for_review(version)
    deliver_everything()
    notification = Notification.objects.get(user=reviewer)
    sign_in(client, reviewer)
    assert "please review" in client.get("/notifications").content.decode()
    assert unread_of(reviewer).count() == 1
    leave(reviewer, owner)
    assert "please review" not in client.get("/notifications").content.decode()
    assert client.get(f"/notifications/{notification.pk}").status_code == 404
    assert (list(notifications_of(reviewer)), unread_of(reviewer).count()) == ([], 0)
    # One from before the project was noted belongs to nobody's project.
    old = Notification.objects.create(user=reviewer, key="old", kind="k", subject="s", path="/")
    assert list(notifications_of(reviewer)) == [old]


def test_a_failed_registration_is_not_told_to_who_left(
    version: ModelVersion, data_scientist: User, owner: User
) -> None:
    ModelVersion.objects.filter(pk=version.pk).update(state="PENDING_REGISTRATION")
    leave(data_scientist, owner)
    registry.reject_version(version, reason="Gone.")
    deliver_everything()
    told: Any = Notification.objects.filter(user=data_scientist, kind="version.failed")
    assert not told.exists()
