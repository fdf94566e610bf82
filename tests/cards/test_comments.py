"""The discussion of a version, on its page, over REST, and as people are told of it."""

import pytest
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from apps.accounts import services as accounts
from apps.accounts.models import User
from apps.audit.models import AuditEvent
from apps.cards import comments, queries, services
from apps.core.errors import Invalid, NotFound, NotPermitted, TooLarge
from apps.notifications.models import Notification
from apps.outbox import services as outbox
from apps.projects.models import Membership
from apps.registry import services as registry
from apps.registry.models import ModelVersion

pytestmark = pytest.mark.django_db


def page(version: ModelVersion, name: str = "cards:comments", *more: int) -> str:
    return reverse(name, args=[version.model.name, version.number, *more])


def test_a_comment_stands_on_the_card_and_its_markdown_does_no_harm(
    version: ModelVersion, data_scientist: User, reviewer: User
) -> None:
    client = Client()
    client.force_login(data_scientist)
    sent = client.post(
        page(version), {"text": "**March** <script>alert(1)</script> [x](javascript:alert(1))"}
    )
    (comment,) = queries.comments_on(version, data_scientist)
    card = reverse("web:card", args=[version.model.name, version.number])
    assert (sent.status_code, sent["Location"]) == (302, f"{card}#discussion")

    client.force_login(reviewer)
    shown = client.get(card).content.decode()

    assert "<strong>March</strong> &lt;script&gt;" in shown
    assert 'href="javascript' not in shown
    assert page(version, "cards:comment_delete", comment.pk) not in shown
    client.force_login(data_scientist)
    assert page(version, "cards:comment_delete", comment.pk) in client.get(card).content.decode()


def test_a_refused_comment_stays_in_its_form(version: ModelVersion, data_scientist: User) -> None:
    client = Client()
    client.force_login(data_scientist)
    refused = client.post(page(version), {"text": "x" * 20_001})
    assert refused.status_code == 422
    assert "x" * 20_001 in refused.content.decode()
    assert not queries.comments_on(version, data_scientist).exists()


def test_a_comment_is_edited_and_deleted_on_pages(
    version: ModelVersion, data_scientist: User, owner: User
) -> None:
    made = comments.add_comment(version, text="Frist.", by=data_scientist)
    client = Client()
    client.force_login(data_scientist)
    form = client.get(page(version, "cards:comment", made.pk)).content.decode()
    assert "Frist." in form
    client.post(page(version, "cards:comment", made.pk), {"text": "First."})
    made.refresh_from_db()
    assert (made.text, made.edited_at is not None) == ("First.", True)

    client.force_login(owner)
    client.post(page(version, "cards:comment_delete", made.pk))

    assert not queries.comments_on(version, data_scientist).exists()
    assert client.get(page(version, "cards:comment", made.pk)).status_code == 404
    told = AuditEvent.objects.filter(data__has_key="comment").order_by("id")
    assert [(event.action, event.actor_id) for event in told] == [
        ("version.comment", data_scientist.pk),
        ("version.edit_comment", data_scientist.pk),
        ("version.delete_comment", owner.pk),
    ]


def test_administrators_do_not_change_what_others_said(
    version: ModelVersion, data_scientist: User, administrator: User
) -> None:
    made = comments.add_comment(version, text="Mine.", by=data_scientist)
    with pytest.raises(NotPermitted, match="Only Scientist"):
        comments.edit_comment(made, text="Yours.", by=administrator)
    comments.delete_comment(made, by=administrator)


def test_what_cannot_be_a_comment_is_refused(
    version: ModelVersion, data_scientist: User, viewer: User, stranger: User
) -> None:
    for text, kind in ((" ", Invalid), ("a\x00b", Invalid), ("x" * 70_000, TooLarge)):
        with pytest.raises(kind):
            comments.add_comment(version, text=text, by=data_scientist)
    with pytest.raises(NotPermitted):
        comments.add_comment(version, text="May I?", by=viewer)
    with pytest.raises(NotFound):
        comments.add_comment(version, text="Is it there?", by=stranger)
    registry.delete_version(version, by=version.model.project.created_by)
    with pytest.raises(NotFound):
        comments.add_comment(version, text="Still there?", by=data_scientist)


def test_those_concerned_hear_of_a_comment_and_who_left_does_not(
    version: ModelVersion, data_scientist: User, reviewer: User, risk_reviewer: User, owner: User
) -> None:
    comments.add_comment(version, text="One.", by=reviewer)
    comments.add_comment(version, text="Two.", by=risk_reviewer)
    Membership.objects.filter(user=reviewer).delete()
    third = comments.add_comment(version, text="Three.", by=owner)
    while outbox.sweep():
        pass

    told = Notification.objects.filter(key=f"version-comment-{third.pk}")

    assert {row.user for row in told} == {data_scientist, risk_reviewer}
    assert not told.filter(by_mail=True).exists()


def test_the_discussion_over_rest(
    version: ModelVersion, data_scientist: User, reviewer: User, stranger: User
) -> None:
    def rest(user: User) -> APIClient:
        client = APIClient()
        token = accounts.create_token(user, name="rest", by=user)[1]
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
        return client

    author, other = rest(data_scientist), rest(reviewer)
    path = f"/api/v1/models/{version.model.name}/versions/{version.number}/comments"
    made = author.post(path, {"text": "Frist."}, format="json")
    assert (made.status_code, made.json()["text"]) == (201, "Frist.")
    one = f"{path}/{made.json()['id']}"
    assert author.put(one, {"text": "First."}, format="json").json()["text"] == "First."
    assert [row["text"] for row in other.get(path).json()["results"]] == ["First."]
    assert other.put(one, {"text": "No."}, format="json").status_code == 403
    assert other.delete(one).status_code == 403
    assert rest(stranger).get(path).status_code == 404
    assert author.delete(one).status_code == 204
    assert author.delete(one).status_code == 404
    assert other.get(path).json()["results"] == []


def test_a_comment_on_a_field_says_so_and_when_it_is_outdated(
    version: ModelVersion, data_scientist: User, reviewer: User
) -> None:
    client = Client()
    client.force_login(reviewer)
    asked = client.get(page(version), {"field": "/use/intended_use"})
    assert 'value="/use/intended_use"' in asked.content.decode()
    client.post(page(version), {"text": "For whom?", "pointer": "/use/intended_use"})
    comment = version.comments.get()
    assert (comment.pointer, comment.revision) == ("/use/intended_use", 1)
    shown = client.get(page(version)).content.decode()
    assert ("On <a" in shown, "outdated" in shown) == (True, False)
    services.edit_card(
        version,
        by=data_scientist,
        changes={"/use/intended_use": "For credit officers."},
        base_revision=1,
    )
    assert "outdated" in client.get(page(version)).content.decode()


def test_a_comment_on_no_field_of_the_card_is_refused(version: ModelVersion, owner: User) -> None:
    with pytest.raises(Invalid, match="no such field"):
        comments.add_comment(version, text="Hm.", by=owner, pointer="/use/colour")
