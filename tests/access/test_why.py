"""Why may somebody do something? On a page, over REST, and beside buttons that are greyed out."""

from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from apps.access import services
from apps.accounts import services as accounts
from apps.accounts.models import User
from apps.projects.models import Project
from apps.registry.models import ModelVersion
from apps.reviews.models import ReviewRequest
from tests import factories
from tests.sessions import sign_in

PAGE = "/access/why"
API = "/api/v1/access/why"
Signed = Callable[[User], Client]


@pytest.fixture
def signed_in() -> Signed:
    return lambda user: sign_in(Client(), user)


def text_of(response: Any) -> str:
    return unescape(response.content.decode())


def ask(client: Client, **question: str) -> Any:
    return client.get(PAGE, question)


def test_a_person_is_told_the_role_that_lets_him_and_what_would_let_him(
    signed_in: Signed, version: ModelVersion, viewer: User, data_scientist: User
) -> None:
    named = f"version:{version.pk}"
    may_not = text_of(ask(signed_in(viewer), action="edit_card", object=named))
    may = text_of(ask(signed_in(data_scientist), action="edit_card", object=named))

    assert "Viewer may not edit the card of scoring v1." in may_not
    assert "No role, grant or rule allows it" in may_not
    assert "An owner of the project gives it: Owner" in may_not
    assert "Scientist may edit the card of scoring v1." in may
    assert "As data scientist of Credit." in may


def test_objects_are_asked_for_by_name(
    signed_in: Signed, version: ModelVersion, viewer: User
) -> None:
    client = signed_in(viewer)
    factories.make_environment("staging")
    for named in ("version:scoring/1", "model:scoring", "project:credit", "environment:staging"):
        answered = ask(client, action="view", object=named)
        assert answered.status_code == 200, named
        assert f"{named}</a>" in text_of(answered), named
    for odd in ("", "version", "version:", "verse:1", "version:scoring"):
        assert ask(client, action="view", object=odd).status_code in (404, 422), odd
    for gone in ("version:scoring/x", "version:scoring/99999999999999999999", "model:١"):
        assert ask(client, action="view", object=gone).status_code == 404, gone


def test_a_foreign_object_does_not_exist_for_who_asks(
    signed_in: Signed, version: ModelVersion, stranger: User, owner: User
) -> None:
    client = signed_in(stranger)
    for named in (f"version:{version.pk}", "version:scoring/1", "model:scoring", "project:credit"):
        for person in ("", "owner", "nobody"):
            answered = ask(client, action="view", object=named, person=person)
            assert answered.status_code == 404, (named, person)
            assert "Owner may" not in text_of(answered)


def test_only_who_decides_asks_about_others_and_nobody_else_learns_who_there_is(
    signed_in: Signed, version: ModelVersion, viewer: User, owner: User, stranger: User
) -> None:
    question = {"action": "view", "object": "version:scoring/1"}
    for person in ("owner", "stranger", "nobody at all"):
        assert ask(signed_in(viewer), **question, person=person).status_code == 403, person
    asking = signed_in(owner)
    assert "Stranger may not view" in text_of(ask(asking, **question, person="stranger"))
    unknown = ask(asking, **question, person="nobody at all")
    assert (unknown.status_code, "Nobody here is called" in text_of(unknown)) == (422, True)


def test_conditions_are_shown_to_who_reads_rules_alone(
    signed_in: Signed, version: ModelVersion, viewer: User, owner: User, administrator: User
) -> None:
    services.create_rule(
        by=administrator, name="Not now", effect="deny", actions=["comment"],
        conditions=['user.role is "viewer"', "version.number is at least 1"],
    )  # fmt: skip
    auditor = factories.make_user("auditor")
    auditor.groups.add(Group.objects.get_or_create(name="auditors")[0])
    question = {"action": "comment", "object": "version:scoring/1", "person": "viewer"}
    condition = "version.number is at least 1 (version.number is 1)"
    for user, sees in ((viewer, False), (owner, False), (auditor, True), (administrator, True)):
        page = text_of(ask(signed_in(user), **question))
        assert "The rule “Not now” does not let Viewer do it." in page, user
        assert (condition in page, "Show the rule" in page) == (sees, sees), user


def test_what_would_be_wanted_is_part_of_the_question(
    signed_in: Signed, version: ModelVersion, owner: User, administrator: User
) -> None:
    services.create_rule(
        by=administrator, name="Freeze", effect="deny", actions=["move"],
        conditions=['wanted.stage is "production"'],
    )  # fmt: skip
    client = signed_in(owner)
    question = {"action": "move", "object": "version:scoring/1"}
    assert "Owner may not move" in text_of(ask(client, **question, stage="production"))
    assert "Owner may move" in text_of(ask(client, **question, stage="staging"))


def test_the_same_is_answered_over_rest(
    client: Client, version: ModelVersion, viewer: User, stranger: User
) -> None:
    def bearer(user: User, **limits: Any) -> dict[str, str]:
        _, secret = accounts.create_token(user, name="test", by=user, **limits)
        return {"HTTP_AUTHORIZATION": f"Bearer {secret}"}

    who = bearer(viewer)
    question = {"action": "predict", "object": "version:scoring/1"}
    found = client.get(API, question, **who)
    assert found.status_code == 200
    assert (found.json()["allowed"], found.json()["person"], found.json()["object"]) == (
        False,
        "viewer",
        "version:scoring/1",
    )
    assert "It can be granted on this version alone." in found.json()["remedies"]
    assert client.get(API, {**question, "person": "owner"}, **who).status_code == 403
    assert client.get(API, question, **bearer(stranger)).status_code == 404
    for odd in ({"action": "fly"}, {"object": "x"}, {"action": ""}, {"stage": "\x00"}):
        assert client.get(API, {**question, **odd}, **who).status_code == 400, odd


def test_a_limited_token_is_told_that_the_token_is_the_reason(
    client: Client, version: ModelVersion, data_scientist: User
) -> None:
    _, secret = accounts.create_token(
        data_scientist, name="reads", actions=["view"], by=data_scientist
    )
    found = client.get(
        API,
        {"action": "edit_card", "object": "version:scoring/1"},
        HTTP_AUTHORIZATION=f"Bearer {secret}",
    ).json()
    assert found["allowed"] is False
    assert "Use an access token that includes it." in found["remedies"]


def test_buttons_that_somebody_may_not_press_lead_to_the_reason(
    signed_in: Signed,
    version: ModelVersion,
    review: ReviewRequest,
    viewer: User,
    owner: User,
    project: Project,
) -> None:
    reader, runner = signed_in(viewer), signed_in(owner)
    card = f"/models/scoring/versions/{version.number}"
    for path, asked in (
        (card, f"action=edit_card&object=version:{version.pk}"),
        (card, f"action=comment&object=version:{version.pk}"),
        (f"/reviews/{review.pk}", f"action=review&object=review:{review.pk}"),
        (f"/reviews/{review.pk}", f"action=comment&object=review:{review.pk}"),
        ("/projects/credit", f"action=manage_project&object=project:{project.pk}"),
        ("/projects/credit/members", f"action=manage_members&object=project:{project.pk}"),
    ):
        link = f"{PAGE}?{asked}"
        assert link in text_of(reader.get(path)), path
        assert link not in text_of(runner.get(path)), path
        followed = reader.get(link)
        assert (followed.status_code, "Viewer may not" in text_of(followed)) == (200, True), link
