"""Who has access to a project is looked through, signed, and kept as it was signed."""

import csv
import io
import json
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.conf import LazySettings
from django.contrib.auth.models import Group
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone

from apps.access import services as access
from apps.access.models import AccessReview, GroupGrant, UserGrant
from apps.accounts import services as accounts
from apps.accounts.models import User
from apps.audit import triggers
from apps.audit.models import AuditEvent
from apps.core.digests import digest_of
from apps.core.errors import Conflict, Invalid, NotPermitted
from apps.notifications.models import Notification
from apps.outbox.models import OutboxMessage
from apps.outbox.services import deliver
from apps.projects import access_reviews
from apps.projects.access_tables import Row, digest_of_table, table_of
from apps.projects.models import Membership, Project, Visibility
from apps.registry.models import ModelVersion
from tests import factories
from tests.sessions import sign_in

PAGE = "/projects/credit/access"
Signed = Callable[[User], Client]


@pytest.fixture
def signed_in() -> Signed:
    return lambda user: sign_in(Client(), user)


@pytest.fixture
def auditor(db: None) -> User:
    user = factories.make_user("auditor")
    user.groups.add(Group.objects.get_or_create(name="auditors")[0])
    return user


def text_of(response: Any) -> str:
    return unescape(response.content.decode())


def named(rows: list[Row]) -> dict[str, list[tuple[str, str]]]:
    return {row.name: [(item.kind, item.what) for item in row.items] for row in rows}


def all_kept(project: Project, *, but: str = "") -> dict[str, str]:
    return {
        row.key: "remove" if row.name == but else "keep"
        for row in table_of(project)
        if row.is_removable
    }


def sign(project: Project, by: User, *, but: str = "", remark: str = "") -> AccessReview:
    seen = digest_of_table(table_of(project))
    decisions = all_kept(project, but=but)
    return access_reviews.sign(project, decisions=decisions, seen=seen, remark=remark, by=by)


def test_the_table_has_everybody_with_access_and_what_gives_it(
    project: Project,
    version: ModelVersion,
    owner: User,
    data_scientist: User,
    stranger: User,
    auditor: User,
    administrator: User,
) -> None:
    validators = Group.objects.create(name="validators")
    access.give(version, to=stranger, actions=["comment"], by=owner, reason="Knows it")
    access.give(version.model, to=validators, actions=["view"], by=owner)
    factories.make_user("helper")
    access.create_rule(
        by=administrator, name="Helpers", effect="allow", actions=["view"],
        conditions=['user.username is "helper"', "version.number is 1"],
    )  # fmt: skip
    access.create_rule(
        by=administrator, name="Elsewhere", effect="allow", actions=["view"],
        conditions=['user.username is "helper"', 'project.slug is "elsewhere"'],
    )  # fmt: skip
    outside = factories.make_model(Project.objects.get(slug="elsewhere"), "foreign", by=stranger)
    access.give(outside, to=data_scientist, actions=["view"], by=stranger)

    assert named(table_of(project)) == {
        "administrator": [("administrator", "everything, everywhere")],
        "auditor": [("group", "auditors, in all projects")],
        "helper": [("rule", "view by the rule “Helpers”")],
        "owner": [("role", "Owner")],
        "scientist": [("role", "Data scientist")],
        "stranger": [("grant", "comment, view on the version scoring v1")],
        "validators": [("grant", "view on the model scoring")],
    }


def test_signing_takes_away_what_is_decided_on_and_keeps_the_rest(
    project: Project, version: ModelVersion, owner: User, viewer: User, stranger: User
) -> None:
    access.give(version, to=stranger, actions=["comment"], by=owner)
    review = sign(project, owner, but="stranger", remark="Validation is over")

    assert not UserGrant.objects.filter(user=stranger).exists()
    assert Membership.objects.filter(project=project, user=viewer).exists()
    decided = {row["name"]: row["decision"] for row in review.document["table"]}
    assert (decided["stranger"], decided["viewer"], decided["owner"]) == ("remove", "keep", "keep")
    assert review.digest == digest_of(review.document)
    event = AuditEvent.objects.get(action="access_review.sign")
    assert (event.actor_id, event.reason, event.data["removed"]) == (
        owner.pk,
        "Validation is over",
        ["stranger"],
    )
    sign(project, owner, but="viewer")
    assert not Membership.objects.filter(project=project, user=viewer).exists()
    review.refresh_from_db()
    assert review.digest == digest_of(review.document)


def test_a_group_loses_what_it_was_granted(
    project: Project, version: ModelVersion, owner: User
) -> None:
    access.give(version, to=Group.objects.create(name="validators"), actions=["view"], by=owner)
    sign(project, owner, but="validators")
    assert not GroupGrant.objects.exists()


def test_what_changed_while_somebody_read_is_not_signed(
    project: Project, owner: User, viewer: User, stranger: User
) -> None:
    seen, decisions = digest_of_table(table_of(project)), all_kept(project)
    factories.join(project, stranger, "viewer")
    with pytest.raises(Conflict, match="changed while you read"):
        access_reviews.sign(project, decisions=decisions, seen=seen, by=owner)
    seen = digest_of_table(table_of(project))
    with pytest.raises(Invalid, match="Decide whether Stranger"):
        access_reviews.sign(project, decisions=decisions, seen=seen, by=owner)
    with pytest.raises(Invalid, match="nothing to decide"):
        access_reviews.sign(
            project, decisions=all_kept(project) | {"person-0": "keep"}, seen=seen, by=owner
        )
    assert not AccessReview.objects.exists()


def test_nobody_signs_himself_away_and_the_last_owner_stays(
    project: Project, owner: User, administrator: User
) -> None:
    with pytest.raises(NotPermitted, match="sign yourself away"):
        sign(project, owner, but="owner")
    with pytest.raises(Conflict, match="last owner"):
        sign(project, administrator, but="owner")
    assert not AccessReview.objects.exists()
    assert Membership.objects.filter(project=project, user=owner).exists()


def test_only_owners_sign_and_auditors_read(
    signed_in: Signed,
    project: Project,
    owner: User,
    viewer: User,
    stranger: User,
    auditor: User,
) -> None:
    review = sign(project, owner)
    seen = digest_of_table(table_of(project))
    posted = {"seen": seen} | {f"decision-{k}": v for k, v in all_kept(project).items()}
    pages = [PAGE, f"{PAGE}/{review.pk}", f"{PAGE}/{review.pk}.csv", f"{PAGE}/{review.pk}.json"]
    for user, status, signing in (
        (owner, 200, 302), (auditor, 200, 422), (viewer, 403, 403), (stranger, 404, 404),
    ):  # fmt: skip
        client = signed_in(user)
        assert [client.get(page).status_code for page in pages] == [status] * 4, user
        answered = client.post(PAGE, posted).status_code
        assert answered == (403 if user == auditor else signing), user
    assert AccessReview.objects.count() == 2
    elsewhere = f"/projects/elsewhere/access/{review.pk}"
    assert signed_in(stranger).get(elsewhere).status_code == 404


def test_the_page_signs_and_shows_what_changed_since(
    signed_in: Signed, project: Project, owner: User, viewer: User, stranger: User
) -> None:
    client = signed_in(owner)
    first = text_of(client.get(PAGE))
    assert ("Not reviewed yet" in first, "Since the review" in first) == (True, False)
    seen = digest_of_table(table_of(project))
    decided = {f"decision-{k}": v for k, v in all_kept(project, but="viewer").items()}
    refused = client.post(PAGE, {"seen": "old", "remark": "All fine", **decided})
    assert refused.status_code == 409
    page = text_of(refused)
    assert ("changed while you read" in page, "All fine" in page) == (True, True)
    signed = client.post(PAGE, {"seen": seen, "remark": "All fine", **decided})
    assert signed.status_code == 302
    shown = text_of(client.get(signed["Location"]))
    assert ("Removed" in shown, "Kept" in shown, "All fine" in shown) == (True, True, True)
    assert "Since the review" not in text_of(client.get(PAGE))
    factories.join(project, stranger, "reviewer")
    changed = text_of(client.get(PAGE))
    assert "Since the review" in changed
    assert "<strong>stranger</strong> Reviewer" in changed
    assert "<strong>viewer</strong>" not in changed


def test_a_review_is_exported(
    signed_in: Signed, project: Project, owner: User, viewer: User
) -> None:
    review = sign(project, owner)
    client = signed_in(owner)
    as_json = json.loads(client.get(f"{PAGE}/{review.pk}.json").content)
    assert digest_of(as_json["document"]) == as_json["digest"] == review.digest
    answered: Any = client.get(f"{PAGE}/{review.pk}.csv")
    text = b"".join(answered.streaming_content).decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [(row["name"], row["access"], row["decision"]) for row in rows] == [
        ("owner", "Owner", "keep"),
        ("viewer", "Viewer", "keep"),
    ]


def test_what_was_signed_is_neither_changed_nor_deleted(project: Project, owner: User) -> None:
    sign(project, owner)
    triggers.install()
    for change in (
        lambda: AccessReview.objects.update(remark="Otherwise"),
        lambda: AccessReview.objects.all().delete(),
    ):
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
            change()
    sign(project, owner)
    assert AccessReview.objects.count() == 2


def test_a_document_that_was_changed_is_told_from_what_was_signed(
    signed_in: Signed, project: Project, owner: User
) -> None:
    review = sign(project, owner)
    AccessReview.objects.update(document=review.document | {"signed_by": "somebody"})
    assert "This is not what was signed" in text_of(signed_in(owner).get(f"{PAGE}/{review.pk}"))


def test_owners_are_reminded_when_a_review_is_due_and_once_in_two_weeks(
    project: Project, owner: User, viewer: User, settings: LazySettings
) -> None:
    def told() -> list[str]:
        access_reviews.remind()
        for message in OutboxMessage.objects.filter(event="projects.AccessReviewDue"):
            deliver(message.pk)
        found = Notification.objects.filter(kind="project.access_review")
        return [notification.user.username for notification in found]

    assert told() == []
    past = timezone.now() - timedelta(days=91)
    Project.objects.update(created_at=past)
    assert told() == ["owner"]
    assert told() == ["owner"]
    Project.objects.update(created_at=past - timedelta(days=14))
    assert told() == ["owner", "owner"]
    sign(project, owner)
    assert access_reviews.overdue_days(project) is None
    Notification.objects.all().delete()
    assert told() == []
    AccessReview.objects.update(signed_at=past)
    assert told() == ["owner"]
    settings.MLGOV_ACCESS_REVIEW_DAYS = 0
    Notification.objects.all().delete()
    assert (told(), access_reviews.due_at(project)) == ([], None)


def test_a_project_is_reviewed_sooner_than_everywhere_and_never_later(
    signed_in: Signed, project: Project, owner: User, viewer: User, settings: LazySettings
) -> None:
    def reminded() -> int:
        access_reviews.remind()
        return OutboxMessage.objects.filter(event="projects.AccessReviewDue").count()

    page = "/projects/credit/settings"
    described = {"name": "Credit", "description": "", "visibility": "private"}
    Project.objects.update(created_at=timezone.now() - timedelta(days=31))
    assert reminded() == 0
    client = signed_in(owner)
    assert "after 90 days everywhere" in text_of(client.get(page))
    for odd in ("91", "0", "-1", "4000", "many"):
        assert client.post(page, {**described, "access_review_days": odd}).status_code == 422, odd
    assert client.post(page, {**described, "access_review_days": "30"}).status_code == 302
    project.refresh_from_db()
    assert (project.access_review_days, access_reviews.overdue_days(project)) == (30, 1)
    assert reminded() == 1
    event = AuditEvent.objects.get(action="project.edit")
    assert event.data["before"]["access_review_days"] is None
    assert event.data["access_review_days"] == 30
    # Whatever was chosen, it is never later than everywhere; and is asked for where nobody else is.
    settings.MLGOV_ACCESS_REVIEW_DAYS = 10
    assert access_reviews.overdue_days(project) == 21
    settings.MLGOV_ACCESS_REVIEW_DAYS = 0
    assert access_reviews.overdue_days(project) == 1
    assert client.post(page, described).status_code == 302
    project.refresh_from_db()
    assert (project.access_review_days, access_reviews.due_at(project)) == (None, None)
    assert signed_in(viewer).post(page, described).status_code == 403


def test_the_days_between_reviews_over_rest(
    client: Client, project: Project, owner: User, viewer: User
) -> None:
    def patch(user: User, **given: Any) -> Any:
        _, secret = accounts.create_token(user, name=f"test {given}", by=user)
        return client.patch(
            "/api/v1/projects/credit",
            given,
            content_type="application/json",
            HTTP_AUTHORIZATION=f"Bearer {secret}",
        )

    assert patch(owner, access_review_days=30).json()["access_review_days"] == 30
    assert patch(owner, description="Kept.").json()["access_review_days"] == 30
    for odd in (0, 91, -1, "x", 1.5):
        assert patch(owner, access_review_days=odd).status_code == 400, odd
    assert patch(viewer, access_review_days=20).status_code == 403
    assert patch(owner, access_review_days=None).json()["access_review_days"] is None


def test_who_reads_by_visibility_alone_is_told_on_the_page(
    signed_in: Signed, project: Project, owner: User
) -> None:
    Project.objects.update(visibility=Visibility.INTERNAL)
    assert "Everybody who is signed in reads it" in text_of(signed_in(owner).get(PAGE))


def test_a_review_is_signed_and_read_over_rest(
    client: Client, project: Project, owner: User, viewer: User, stranger: User, auditor: User
) -> None:
    def bearer(user: User, **limits: Any) -> dict[str, str]:
        name = f"test {user.access_tokens.count()}"
        _, secret = accounts.create_token(user, name=name, by=user, **limits)
        return {"HTTP_AUTHORIZATION": f"Bearer {secret}"}

    api, as_json = "/api/v1/projects/credit", {"content_type": "application/json"}
    signing, reading = bearer(owner), bearer(auditor)
    table = client.get(f"{api}/access", **signing).json()
    decisions = {
        row["key"]: "remove" if row["name"] == "viewer" else "keep"
        for row in table["rows"]
        if row["is_removable"]
    }
    body = {"digest": table["digest"], "decisions": decisions, "remark": "Quarter 3"}
    for who, status in (
        (reading, 403),
        (bearer(viewer), 403),
        (bearer(stranger), 404),
        (bearer(owner, actions=["view", "manage_members"]), 403),
    ):
        signed = client.post(f"{api}/access-reviews", body, **as_json, **who)
        assert signed.status_code == status
    for odd, status in (({"digest": "x"}, 409), ({"decisions": {}}, 400), ({"decisions": 1}, 400)):
        refused = client.post(f"{api}/access-reviews", {**body, **odd}, **as_json, **signing)
        assert refused.status_code == status, odd
    signed = client.post(f"{api}/access-reviews", body, **as_json, **signing)
    assert signed.status_code == 201
    assert digest_of(signed.json()["document"]) == signed.json()["digest"]
    assert not Membership.objects.filter(user=viewer, project=project).exists()
    there = f"{api}/access-reviews/{signed.json()['id']}"
    assert client.get(there, **reading).json() == signed.json()
    listed = client.get(f"{api}/access-reviews", **reading).json()["results"]
    assert [review["remark"] for review in listed] == ["Quarter 3"]
