"""Names: suggested to those who may see them, and the nearest where one is wrong."""

from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from apps.access.models import Rule
from apps.accounts.models import User
from apps.registry.models import ModelVersion, RegisteredModel
from tests import factories
from tests.sessions import sign_in

PAGE = "/access/names"
Signed = Callable[[User], Client]


@pytest.fixture
def signed_in() -> Signed:
    return lambda user: sign_in(Client(), user)


def text_of(response: Any) -> str:
    return unescape(response.content.decode())


def suggested(client: Client, kind: str, text: str) -> list[str]:
    options = text_of(client.get(PAGE, {"kind": kind, "field": "person", "person": text}))
    return [option.partition('"')[0] for option in options.split('value="')[1:]]


def test_people_are_suggested_by_user_name_and_by_name(
    signed_in: Signed, viewer: User, owner: User
) -> None:
    factories.make_user("ada", name="Ada Lovelace")
    factories.make_user("adam", is_active=False)
    client = signed_in(viewer)
    assert suggested(client, "person", "AD") == ["ada"]
    assert suggested(client, "person", "lovel") == ["ada"]
    assert suggested(client, "person", "") == suggested(client, "person", "\x00") == []


def test_objects_are_suggested_to_who_sees_them(
    signed_in: Signed, version: ModelVersion, viewer: User, stranger: User
) -> None:
    mine, theirs = signed_in(viewer), signed_in(stranger)
    assert suggested(mine, "object", "scor") == ["model:scoring", "version:scoring/1"]
    assert suggested(mine, "object", "version:scor") == ["version:scoring/1"]
    assert suggested(mine, "object", "project:cred") == ["project:credit"]
    for odd in ("", "  ", "\x00", "verse:scor", ":", "model:"):
        assert suggested(mine, "object", odd) == [], odd
    for text in ("scor", "model:scor", "project:c"):
        assert suggested(theirs, "object", text) == [], text


def test_at_most_twenty_are_suggested(
    signed_in: Signed, version: ModelVersion, viewer: User
) -> None:
    project, by = version.project, version.registered_by
    RegisteredModel.objects.bulk_create(
        RegisteredModel(project=project, name=f"churn-{n}", created_by=by) for n in range(30)
    )
    assert len(suggested(signed_in(viewer), "object", "model:churn")) == 20


def test_conditions_that_name_something_are_found_by_who_reads_rules(
    signed_in: Signed, version: ModelVersion, viewer: User, administrator: User
) -> None:
    Group.objects.create(name="scorers")
    page = text_of(signed_in(administrator).get(PAGE, {"q": "scor"}))
    for line in ('user.groups has "scorers"', 'model.name is "scoring"'):
        assert f'<code class="anywhere">{line}</code>' in page, line
    part = signed_in(administrator).get(
        PAGE, {"q": "scor"}, headers={"HX-Request": "true", "HX-Target": "names"}
    )
    assert 'model.name is "scoring"' in text_of(part)
    assert "<html" not in text_of(part)
    assert "scorers" not in text_of(signed_in(viewer).get(PAGE, {"q": "scor"}))


def test_a_wrong_name_is_answered_with_the_nearest(
    signed_in: Signed, version: ModelVersion, viewer: User, owner: User
) -> None:
    client = signed_in(owner)
    question = {"action": "view", "object": "version:scoring/1"}
    wrong_person = client.get("/access/why", {**question, "person": "viewr"})
    assert wrong_person.status_code == 422
    assert "Nobody here is called “viewr”. Did you mean viewer?" in text_of(wrong_person)
    for page in ("/access/why", "/access/who"):
        wrong_object = client.get(page, {"action": "view", "object": "model:scorin"})
        assert wrong_object.status_code == 404, page
        assert "There is no such model. Did you mean scoring?" in text_of(wrong_object), page
    grant = client.post(f"/access/of/version/{version.pk}", {"person": "viewr", "actions": "view"})
    assert "Did you mean viewer?" in text_of(grant)
    member = client.post("/projects/credit/members", {"person": "viewr", "role": "viewer"})
    assert (member.status_code, "Did you mean viewer?" in text_of(member)) == (422, True)


def test_what_is_not_ones_own_is_never_the_nearest(
    signed_in: Signed, version: ModelVersion, stranger: User
) -> None:
    answered = signed_in(stranger).get("/access/why", {"action": "view", "object": "model:scorin"})
    assert (answered.status_code, "Did you mean" in text_of(answered)) == (404, False)


def test_a_rule_about_what_is_not_there_is_saved_with_a_doubt(
    signed_in: Signed, version: ModelVersion, administrator: User
) -> None:
    """It may be written before there is such a model: it is no error."""
    client = signed_in(administrator)
    rule = {
        "name": "Later", "effect": "deny", "actions": ["view"],
        "conditions": 'model.name is "scorin"\nuser.groups has "auditors"', "is_active": "on",
    }  # fmt: skip
    doubt = 'model.name is nowhere "scorin" now. Did you mean scoring?'
    assert doubt in text_of(client.post("/access/rules/new", {**rule, "try": "1"}))
    saved = client.post("/access/rules/new", rule, follow=True)
    assert (saved.status_code, doubt in text_of(saved)) == (200, True)
    assert doubt in text_of(client.get(f"/access/rules/{Rule.objects.get().pk}"))
    Rule.objects.update(conditions=['model.name is "scoring"'])
    assert "nowhere" not in text_of(client.get(f"/access/rules/{Rule.objects.get().pk}"))


def test_fields_ask_for_suggestions_while_somebody_types(
    signed_in: Signed, version: ModelVersion, owner: User
) -> None:
    page = text_of(signed_in(owner).get("/access/why"))
    assert 'hx-get="/access/names?kind=object&field=object"' in page
    assert '<datalist id="id_object_suggested"></datalist>' in page
