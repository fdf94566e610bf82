"""Who may do something with one object, and what one person may: pages, REST and files."""

import csv
import io
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.access import asking, policies, services, who
from apps.accounts import services as accounts
from apps.accounts.models import User
from apps.registry.models import ModelVersion, RegisteredModel
from tests import factories
from tests.sessions import sign_in

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


def table(response: Any) -> list[dict[str, str]]:
    text = b"".join(response.streaming_content).decode()
    return list(csv.DictReader(io.StringIO(text)))


def names(found: list[User]) -> list[str]:
    return [user.username for user in found]


def test_who_may_is_what_each_of_them_may(
    version: ModelVersion,
    owner: User,
    data_scientist: User,
    viewer: User,
    reviewer: User,
    stranger: User,
    administrator: User,
    auditor: User,
) -> None:
    """The list of people and the decision on each of them are one, with rules and grants."""
    services.create_rule(
        by=administrator, name="Not him", effect="deny", actions=["comment"],
        conditions=['user.username is "reviewer"', "version.number is 1"],
    )  # fmt: skip
    services.create_rule(
        by=administrator, name="Auditors talk", effect="allow", actions=["comment"],
        conditions=['user.groups has "auditors"', 'model.name is "scoring"'],
    )  # fmt: skip
    services.give(version, to=stranger, actions=["predict"], by=owner)
    services.give(version.model, to=Group.objects.get(name="auditors"), actions=["move"], by=owner)
    factories.make_user("gone", is_active=False, is_superuser=True)
    policy = policies.of(version)

    def may(action: str) -> list[str]:
        return names(who.People(policy, action, version).who_may())

    for action in asking.actions_of(policy):
        expected = [
            user.username
            for user in User.objects.filter(is_active=True).order_by("username")
            if policy.allows(user, action, version)
        ]
        assert may(action) == expected, action
    talking = may("comment")
    assert ("auditor" in talking, "reviewer" in talking) == (True, False)
    told = {
        found.person.username: who.told(found.reasons)
        for found in who.People(policy, "predict", version).reasons([stranger, auditor, owner])
    }
    assert "Owner granted it to him" in told["stranger"]
    assert told["owner"] == "As owner of Credit."


def test_people_are_asked_about_by_one_cheap_query_each_or_together(
    version: ModelVersion, owner: User, administrator: User
) -> None:
    """Rules that cannot concern the object cost nothing for each person."""
    User.objects.bulk_create(
        [User(username=f"many{n}", email=f"many{n}@example.org") for n in range(100)]
    )

    def asked() -> int:
        with CaptureQueriesContext(connection) as captured:
            found = who.People(policies.of(version), "view", version).who_may()
        assert names(found) == ["administrator", "owner", "scientist"]
        return len(captured)

    few = asked()
    assert few <= 103 + 15
    for n in range(30):
        services.create_rule(
            by=administrator, name=f"rule {n}", effect="deny", actions=["view"],
            conditions=[f"version.number is {n + 2}", 'user.username is "owner"'],
        )  # fmt: skip
    assert asked() <= few + 3


def test_owners_auditors_and_administrators_read_who_may(
    signed_in: Signed,
    version: ModelVersion,
    owner: User,
    viewer: User,
    stranger: User,
    auditor: User,
    administrator: User,
) -> None:
    question = {"action": "edit_card", "object": "version:scoring/1"}
    for user, status in (
        (owner, 200), (auditor, 200), (administrator, 200), (viewer, 403), (stranger, 404),
    ):  # fmt: skip
        client = signed_in(user)
        for path in ("/access/who", "/access/who.csv"):
            answered = client.get(path, question)
            assert answered.status_code == status, (user, path)
            if status != 200:
                assert "Scientist" not in text_of(answered)
    page = text_of(signed_in(owner).get("/access/who", question))
    assert "As data scientist of Credit." in page
    rows = table(signed_in(owner).get("/access/who.csv", question))
    assert [(row["username"], row["because"]) for row in rows] == [
        ("administrator", "Administrators may do everything."),
        ("owner", "As owner of Credit."),
        ("scientist", "As data scientist of Credit."),
    ]
    for odd in ({"action": "fly"}, {"object": "x"}, {"object": ""}, {"action": "override_stages"}):
        assert signed_in(owner).get("/access/who", {**question, **odd}).status_code == 422, odd


def test_what_a_person_may_is_read_by_himself_auditors_and_administrators(
    signed_in: Signed, version: ModelVersion, owner: User, viewer: User, auditor: User
) -> None:
    mine = text_of(signed_in(viewer).get("/access/what"))
    assert "/models/scoring" in mine
    rows = table(signed_in(viewer).get("/access/what.csv"))
    assert {row["username"] for row in rows} == {"viewer"}
    assert {"username": "viewer", "kind": "version", "action": "view",
            "object": "version:scoring/1"} in rows  # fmt: skip
    assert not any(row["action"] == "edit_card" for row in rows)
    for user, status in ((auditor, 200), (owner, 403)):
        for path in ("/access/what", "/access/what.csv"):
            assert signed_in(user).get(path, {"person": "viewer"}).status_code == status, path
            unknown = signed_in(user).get(path, {"person": "nobody"}).status_code
            assert unknown == (422 if status == 200 else 403), path


def test_counts_are_those_of_the_policies(
    version: ModelVersion, model: RegisteredModel, data_scientist: User, viewer: User
) -> None:
    factories.make_version(model, by=data_scientist)
    found = {(a.noun, a.action): a.count for a in who.what_may(data_scientist)}
    assert (found["version", "view"], found["version", "edit_card"]) == (2, 2)
    assert ("version", "move") not in found
    assert ("version", "edit_card") not in {(a.noun, a.action) for a in who.what_may(viewer)}


def test_the_same_over_rest(
    client: Client, version: ModelVersion, owner: User, viewer: User, stranger: User
) -> None:
    def bearer(user: User) -> dict[str, str]:
        _, secret = accounts.create_token(user, name="test", by=user)
        return {"HTTP_AUTHORIZATION": f"Bearer {secret}"}

    asking_, reading, outside = bearer(owner), bearer(viewer), bearer(stranger)
    question = {"action": "register", "object": "model:scoring"}
    found = client.get("/api/v1/access/who", question, **asking_)
    assert found.json()["results"] == [
        {"person": "owner", "because": ["As owner of Credit."]},
        {"person": "scientist", "because": ["As data scientist of Credit."]},
    ]
    assert client.get("/api/v1/access/who", question, **reading).status_code == 403
    assert client.get("/api/v1/access/who", question, **outside).status_code == 404
    assert client.get("/api/v1/access/who", {"action": "view"}, **asking_).status_code == 400
    mine = client.get("/api/v1/access/what", **reading).json()["results"]
    assert {"kind": "model", "action": "view", "count": 1, "examples": ["model:scoring"]} in mine
    other = client.get("/api/v1/access/what", {"person": "viewer"}, **asking_)
    assert other.status_code == 403
