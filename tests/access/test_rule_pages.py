"""Administrators write access rules on their page, over REST and in the admin; auditors read."""

from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.access import services
from apps.access.models import Rule
from apps.accounts import services as accounts
from apps.accounts.models import Attribute, User
from apps.audit.models import AuditEvent
from apps.projects.models import Project
from apps.registry.models import RegisteredModel
from tests import factories
from tests.sessions import sign_in

PAGE = "/access/rules"
API = "/api/v1/rules"
DENIAL = {
    "name": "No viewers",
    "effect": "deny",
    "actions": ["view"],
    "conditions": 'user.role is "viewer"\n\n  project.slug is "credit"',
    "is_active": "on",
}
Signed = Callable[[User], Client]


@pytest.fixture
def signed_in() -> Signed:
    return lambda user: sign_in(Client(), user)


@pytest.fixture
def auditor(db: None) -> User:
    user = factories.make_user("auditor")
    user.groups.add(Group.objects.get_or_create(name="auditors")[0])
    return user


def bearer(user: User) -> dict[str, str]:
    _, secret = accounts.create_token(user, name="test", by=user)
    return {"HTTP_AUTHORIZATION": f"Bearer {secret}"}


def text_of(response: Any) -> str:
    return unescape(response.content.decode())


def test_a_rule_holds_from_the_next_request_and_no_longer_when_it_is_switched_off(
    signed_in: Signed, administrator: User, model: RegisteredModel, viewer: User
) -> None:
    writer, reader = signed_in(administrator), signed_in(viewer)
    assert reader.get("/models/scoring").status_code == 200

    made = writer.post(f"{PAGE}/new", DENIAL)
    assert (made.status_code, made["Location"]) == (302, PAGE)
    rule = Rule.objects.get()
    assert (rule.author, rule.conditions) == (
        administrator,
        ['user.role is "viewer"', 'project.slug is "credit"'],
    )
    assert reader.get("/models/scoring").status_code == 404

    writer.post(f"{PAGE}/{rule.pk}/switch")
    assert reader.get("/models/scoring").status_code == 200
    writer.post(f"{PAGE}/{rule.pk}/switch")
    assert reader.get("/models/scoring").status_code == 404
    writer.post(f"{PAGE}/{rule.pk}", {**DENIAL, "actions": ["predict"]})
    assert reader.get("/models/scoring").status_code == 200
    writer.post(f"{PAGE}/{rule.pk}/delete")
    assert not Rule.objects.exists()
    assert list(
        AuditEvent.objects.filter(action__startswith="rule.")
        .order_by("pk")
        .values_list("action", flat=True)
    ) == ["rule.create", "rule.edit", "rule.edit", "rule.edit", "rule.delete"]


def test_what_is_wrong_stands_at_its_field_and_what_was_typed_stays(
    signed_in: Signed, administrator: User
) -> None:
    client = signed_in(administrator)
    wrong = 'user.department is "risk"\nproject.slug has "x"\nuser.username is "ada"'
    refused = client.post(f"{PAGE}/new", {**DENIAL, "conditions": wrong, "actions": []})
    page = text_of(refused)

    assert (refused.status_code, Rule.objects.count()) == (422, 0)
    assert "Condition 1: There is no attribute “user.department”" in page
    assert "Condition 2: project.slug is a text" in page
    assert "Condition 3" not in page
    assert "Choose at least one action." in page
    assert wrong in page
    for odd in ({"conditions": "\x00"}, {"valid_from": "x"}, {"effect": "maybe"}, {"name": ""}):
        assert client.post(f"{PAGE}/new", {**DENIAL, **odd}).status_code == 422, odd
    client.post(f"{PAGE}/new", DENIAL)
    again = client.post(f"{PAGE}/new", DENIAL)
    assert again.status_code == 422
    assert "There is a rule of this name already" in text_of(again)
    times = {"valid_from": "2030-01-02T00:00", "valid_until": "2030-01-01T00:00"}
    assert "has to begin before it ends" in text_of(
        client.post(f"{PAGE}/new", {**DENIAL, "name": "Other", **times})
    )


def test_the_form_lists_what_conditions_may_name(signed_in: Signed, administrator: User) -> None:
    Attribute.objects.create(
        about="person", name="clearance", kind="choice", values=["low", "high"],
        description="What somebody may see.",
    )  # fmt: skip
    page = text_of(signed_in(administrator).get(f"{PAGE}/new"))

    for told in ("user.clearance", "one of: low, high", "What somebody may see.", "wanted.stage"):
        assert told in page
    assert "version.tags.…" in page
    assert "owner, maintainer" in page


def test_auditors_read_the_rules_and_others_do_not(
    signed_in: Signed, administrator: User, auditor: User, owner: User, project: Project
) -> None:
    rule = services.create_rule(
        by=administrator, name="Closed", effect="deny", actions=["view"],
        conditions=['project.slug is "secret"'],
    )  # fmt: skip
    reading, outside = signed_in(auditor), signed_in(owner)
    page = text_of(reading.get(PAGE))

    assert 'project.slug is "secret"' in page
    assert "Switch off" not in page
    assert outside.get(PAGE).status_code == 403
    for client in (reading, outside):
        assert client.get(f"{PAGE}/new").status_code == 403
        for path in (f"{PAGE}/new", f"{PAGE}/{rule.pk}"):
            assert client.post(path, DENIAL).status_code == 403
        for path in ("switch", "delete"):
            assert client.post(f"{PAGE}/{rule.pk}/{path}").status_code == 403
    rule.refresh_from_db()
    assert (rule.name, rule.is_active) == ("Closed", True)
    assert outside.get(f"{PAGE}/{rule.pk}").status_code == 403
    shown = text_of(reading.get(f"{PAGE}/{rule.pk}"))
    assert 'project.slug is "secret"' in shown
    assert ("Save" in shown, "Delete" in shown) == (False, False)


def test_a_rule_that_cannot_be_read_any_more_stands_out(
    signed_in: Signed, administrator: User
) -> None:
    attribute = Attribute.objects.create(about="person", name="team", kind="text")
    services.create_rule(
        by=administrator, name="Teams", effect="deny", actions=["deploy"],
        conditions=['user.team is "red"'],
    )  # fmt: skip
    services.create_rule(
        by=administrator, name="Nobody at all", effect="deny", actions=["view"],
        conditions=['user.username is "nobody"'],
    )  # fmt: skip
    attribute.delete()
    client = signed_in(administrator)
    page = text_of(client.get(PAGE))

    assert "Some rules cannot be read any more" in page
    assert "There is no attribute “user.team”" in page
    filtered = text_of(client.get(f"{PAGE}?state=fault"))
    assert "Teams" in filtered
    assert "Nobody at all" not in filtered
    for odd in (
        "?state=x",
        "?page=99",
        "?action=view&q=nobody",
        "?effect=deny&state=off",
    ):
        assert client.get(PAGE + odd).status_code == 200, odd


def test_the_list_asks_as_often_for_three_rules_as_for_one(
    signed_in: Signed, administrator: User
) -> None:
    client = signed_in(administrator)

    def add(name: str) -> None:
        services.create_rule(
            by=administrator, name=name, effect="deny", actions=["view"],
            conditions=['user.username is "nobody"'],
        )  # fmt: skip

    add("one")
    client.get(PAGE)
    with CaptureQueriesContext(connection) as one:
        client.get(PAGE)
    add("two")
    add("three")
    with CaptureQueriesContext(connection) as three:
        client.get(PAGE)
    assert len(one) == len(three)


def test_rules_are_written_and_read_over_rest(
    client: Client, administrator: User, auditor: User, owner: User
) -> None:
    body = {
        "name": "No viewers",
        "effect": "deny",
        "actions": ["view"],
        "conditions": ['user.role is "viewer"'],
    }
    json = {"content_type": "application/json"}
    writing, reading, outside = bearer(administrator), bearer(auditor), bearer(owner)
    made = client.post(API, body, **json, **writing)
    there = f"{API}/{made.json()['id']}"

    assert made.status_code == 201
    assert {name: made.json()[name] for name in body} == body
    assert (made.json()["author"], made.json()["fault"], made.json()["is_in_force"]) == (
        "administrator",
        "",
        True,
    )
    assert client.get(API, **reading).json()["results"] == [made.json()]
    off = client.patch(there, {"is_active": False}, **json, **writing)
    assert (off.json()["is_active"], off.json()["conditions"]) == (False, body["conditions"])
    for who in (reading, outside):
        assert client.post(API, body, **json, **who).status_code == 403
        assert client.patch(there, {"is_active": True}, **json, **who).status_code == 403
        assert client.delete(there, **who).status_code == 403
    assert client.get(API, **outside).status_code == 403
    assert client.get(there, **outside).status_code == 403
    refused = client.post(API, {**body, "conditions": ["x"]}, **json, **writing)
    assert refused.status_code == 400
    assert refused.json()["details"]["conditions"].startswith("Condition 1: “x” does not begin")
    for odd in ({"actions": "view"}, {"actions": []}, {"effect": "?"}, {"name": "\x00"}):
        assert client.post(API, {**body, **odd}, **json, **writing).status_code == 400, odd
    assert client.delete(there, **writing).status_code == 204
    assert client.get(there, **writing).status_code == 404


def test_a_limited_token_of_an_administrator_writes_no_rule(
    client: Client, administrator: User
) -> None:
    _, secret = accounts.create_token(
        administrator, name="reads", actions=["view"], by=administrator
    )
    who = {"HTTP_AUTHORIZATION": f"Bearer {secret}"}
    assert client.get(API, **who).status_code == 403
    assert client.post(API, {}, content_type="application/json", **who).status_code == 403


def test_the_admin_keeps_the_author_and_refuses_what_the_service_refuses(
    signed_in: Signed, administrator: User
) -> None:
    client = signed_in(administrator)
    page = "/admin/access/rule/"
    assert client.get(f"{page}add/").status_code == 200
    refused = client.post(f"{page}add/", {**DENIAL, "conditions": "nonsense"})
    assert "Condition 1: “nonsense” does not begin with a name" in text_of(refused)
    assert client.post(f"{page}add/", DENIAL).status_code == 302
    rule = Rule.objects.get()
    assert (rule.author, rule.actions) == (administrator, ["view"])
    changed = client.post(f"{page}{rule.pk}/change/", {**DENIAL, "actions": ["predict"]})
    assert changed.status_code == 302
    rule.refresh_from_db()
    assert rule.actions == ["predict"]
    assert client.get(page).status_code == 200
    assert client.get(f"{page}{rule.pk}/history/").status_code == 200
    assert client.post(f"{page}{rule.pk}/delete/", {"post": "yes"}).status_code == 302
    events = AuditEvent.objects.filter(action__startswith="rule.").order_by("pk")
    assert [event.action for event in events] == [
        "rule.create",
        "rule.edit",
        "rule.delete",
    ]


def test_staff_who_are_no_administrators_do_not_write_rules_in_the_admin(
    signed_in: Signed, db: None
) -> None:
    staff = factories.make_user("staff", is_staff=True)
    client = signed_in(staff)
    assert client.post("/admin/access/rule/add/", DENIAL).status_code == 403
    assert not Rule.objects.exists()


def test_a_rule_is_tried_before_it_is_saved(
    signed_in: Signed, administrator: User, model: RegisteredModel, viewer: User
) -> None:
    client = signed_in(administrator)
    tried = client.post(f"{PAGE}/new", {**DENIAL, "try": "1"})
    page = text_of(tried)

    assert (tried.status_code, Rule.objects.count()) == (200, 0)
    assert "1 person would lose something" in page.replace("<strong>", "").replace("</strong>", "")
    assert "loses 1 model" in page
    assert "scoring" in page
    assert 'value="No viewers"' in page
    wrong = client.post(f"{PAGE}/new", {**DENIAL, "conditions": "x", "try": "1"})
    assert wrong.status_code == 422
    assert "What it would change" not in text_of(wrong)

    client.post(f"{PAGE}/new", DENIAL)
    rule = Rule.objects.get()
    off = {name: value for name, value in DENIAL.items() if name != "is_active"}
    page = text_of(client.post(f"{PAGE}/{rule.pk}", {**off, "try": "1"}))
    assert "The rule would not hold now" in page
    assert "gains 1 model" in page
    rule.refresh_from_db()
    assert rule.is_active


def test_a_rule_is_tried_over_rest(
    client: Client, administrator: User, model: RegisteredModel, viewer: User, owner: User
) -> None:
    body = {"effect": "deny", "actions": ["view"], "conditions": ['user.role is "viewer"']}
    json = {"content_type": "application/json"}
    writing = bearer(administrator)
    found = client.post(f"{API}/dry-run", body, **json, **writing)

    assert found.status_code == 200
    assert (found.json()["examined"], Rule.objects.count()) == (3, 0)
    models = [change for change in found.json()["changes"] if change["noun"] == "model"]
    assert models == [
        {
            "person": "viewer", "action": "view", "noun": "model", "gains": 0, "loses": 1,
            "examples": ["scoring"],
        }
    ]  # fmt: skip
    assert client.post(f"{API}/dry-run", body, **json, **bearer(owner)).status_code == 403
    for odd in ({"conditions": ["?"]}, {"replaces": 99}, {"replaces": "x"}, {"actions": ["x"]}):
        refused = client.post(f"{API}/dry-run", {**body, **odd}, **json, **writing)
        assert refused.status_code in (400, 404), odd
