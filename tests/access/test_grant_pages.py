"""Grants on single objects, given and taken back on a page and over REST."""

from collections.abc import Callable
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.utils import timezone

from apps.access import listing, services
from apps.access.models import GroupGrant, UserGrant
from apps.accounts import services as accounts
from apps.accounts.models import User
from apps.audit.models import AuditEvent
from apps.registry.models import ModelVersion, RegisteredModel
from tests import factories
from tests.sessions import sign_in

API = "/api/v1/grants"
Signed = Callable[[User], Client]


@pytest.fixture
def signed_in() -> Signed:
    return lambda user: sign_in(Client(), user)


def text_of(response: Any) -> str:
    return unescape(response.content.decode())


def bearer(user: User, **limits: Any) -> dict[str, str]:
    _, secret = accounts.create_token(user, name="test", by=user, **limits)
    return {"HTTP_AUTHORIZATION": f"Bearer {secret}"}


def codes(user: User) -> list[str]:
    found = UserGrant.objects.filter(user=user).values_list("permission__codename", flat=True)
    return sorted(found)


def test_an_owner_grants_one_model_to_a_stranger_and_takes_it_back(
    signed_in: Signed, model: RegisteredModel, owner: User, stranger: User
) -> None:
    giving, receiving = signed_in(owner), signed_in(stranger)
    page = f"/access/of/model/{model.pk}"
    assert receiving.get("/models/scoring").status_code == 404
    assert page in text_of(giving.get("/models/scoring"))

    given = {"person": "stranger", "actions": ["comment"], "reason": "Audit of June"}
    assert giving.post(page, given).status_code == 302
    assert codes(stranger) == ["comment", "view"]
    listed = text_of(giving.get(page))
    assert ("Audit of June" in listed, "Take back" in listed) == (True, True)
    assert receiving.get("/models/scoring").status_code == 200
    assert page not in text_of(receiving.get("/models/scoring"))
    profile = text_of(receiving.get("/account"))
    assert "Granted to you on single objects" in profile
    assert "/models/scoring" in profile

    taken = giving.post(f"{page}/take", {"person": "stranger", "actions": "comment view"})
    assert taken.status_code == 302
    assert codes(stranger) == []
    assert receiving.get("/models/scoring").status_code == 404
    assert "Granted to you" not in text_of(receiving.get("/account"))
    actions = AuditEvent.objects.filter(action__startswith="grant.").order_by("pk")
    assert [event.action for event in actions] == ["grant.give", "grant.take"]


def test_a_group_is_granted_until_a_day(
    signed_in: Signed, version: ModelVersion, owner: User, stranger: User
) -> None:
    group = Group.objects.create(name="validators")
    stranger.groups.add(group)
    client, page = signed_in(owner), f"/access/of/version/{version.pk}"
    day = timezone.localdate() + timedelta(days=3)
    given = {"group": "validators", "actions": ["view"], "expires_on": day.isoformat()}
    assert client.post(page, given).status_code == 302
    assert GroupGrant.objects.get().expires_at.date() == day
    assert signed_in(stranger).get("/models/scoring/versions/1").status_code == 200
    GroupGrant.objects.update(expires_at=timezone.now() - timedelta(minutes=1))
    assert signed_in(stranger).get("/models/scoring/versions/1").status_code == 404
    assert "Expired" in text_of(client.get(page))


def test_what_is_wrong_is_told_at_its_field_and_grants_nothing(
    signed_in: Signed, model: RegisteredModel, owner: User, data_scientist: User
) -> None:
    client, page = signed_in(owner), f"/access/of/model/{model.pk}"
    Group.objects.create(name="validators")
    good = {"person": "scientist", "actions": ["comment"]}
    for odd, told in (
        ({"person": ""}, "Name a person, or choose a group."),
        ({"person": "nobody"}, "Nobody has this name or address here."),
        ({"group": "validators"}, "not both"),
        ({"actions": []}, "Choose at least one action."),
        ({"actions": ["manage_members"]}, "Select a valid choice"),
        ({"expires_on": "2020-01-01"}, "Choose a time that is still to come"),
        ({"expires_on": "soon"}, "Enter a valid date"),
        ({"reason": "x" * 301}, "at most 300"),
        ({"person": "owner"}, "Nobody grants himself anything"),
    ):
        refused = client.post(page, {**good, **odd})
        assert refused.status_code in (403, 422), odd
        assert told in text_of(refused), odd
    assert not UserGrant.objects.exists()
    for kind, pk in (("project", model.project_id), ("rule", 1), ("model", 10**9)):
        assert client.get(f"/access/of/{kind}/{pk}").status_code == 404
    assert client.post(f"{page}/take", {"person": "nobody", "actions": "x"}).status_code == 404


def test_only_who_decides_gives_and_auditors_read(
    signed_in: Signed, model: RegisteredModel, owner: User, viewer: User, stranger: User
) -> None:
    services.give(model, to=viewer, actions=["comment"], by=owner, reason="Knows it best")
    auditor = factories.make_user("auditor")
    auditor.groups.add(Group.objects.get_or_create(name="auditors")[0])
    page = f"/access/of/model/{model.pk}"
    taken = {"person": "viewer", "actions": "view"}
    for user, reads, writes in ((viewer, 403, 403), (stranger, 404, 404), (auditor, 200, 403)):
        client = signed_in(user)
        assert client.get(page).status_code == reads, user
        given = {"person": "viewer", "actions": ["predict"]}
        assert client.post(page, given).status_code == writes, user
        assert client.post(f"{page}/take", taken).status_code == writes, user
    assert "Take back" not in text_of(signed_in(auditor).get(page))
    assert codes(viewer) == ["comment", "view"]


def test_people_of_the_infrastructure_decide_on_environments(
    signed_in: Signed, stranger: User, owner: User
) -> None:
    environment = factories.make_environment("staging")
    keeper = factories.make_user("keeper")
    keeper.groups.add(Group.objects.get_or_create(name="infrastructure-admins")[0])
    page = f"/access/of/environment/{environment.pk}"
    given = {"person": "stranger", "actions": ["deploy"]}
    assert page in text_of(signed_in(keeper).get("/environments/staging"))
    assert page not in text_of(signed_in(owner).get("/environments/staging"))
    assert signed_in(owner).post(page, given).status_code == 403
    assert signed_in(keeper).post(page, given).status_code == 302
    assert [held.actions for held in listing.held_by(stranger)] == [("deploy", "view")]


def test_grants_over_rest(
    client: Client, model: RegisteredModel, owner: User, viewer: User, stranger: User
) -> None:
    json = {"content_type": "application/json"}
    giving, reading, outside = bearer(owner), bearer(viewer), bearer(stranger)
    body = {"object": "model:scoring", "person": "viewer", "actions": ["predict"], "reason": "QA"}
    made = client.post(API, body, **json, **giving)

    assert made.status_code == 201
    [row] = made.json()
    assert (row["kind"], row["name"], row["actions"], row["reason"], row["given_by"]) == (
        "person",
        "viewer",
        ["predict", "view"],
        "QA",
        "owner",
    )
    assert client.get(API, {"object": "model:scoring"}, **giving).json()["results"] == [row]
    for who, status in ((reading, 403), (outside, 404)):
        assert client.get(API, {"object": "model:scoring"}, **who).status_code == status
        assert client.post(API, body, **json, **who).status_code == status
        assert client.post(f"{API}/take", body, **json, **who).status_code == status
    for odd in (
        {"actions": []},
        {"actions": ["fly"]},
        {"person": "nobody"},
        {"group": "x"},
        {"object": "model"},
        {"expires_at": "2020-01-01T00:00:00Z"},
    ):
        assert client.post(API, {**body, **odd}, **json, **giving).status_code == 400, odd
    taken = client.post(f"{API}/take", {**body, "actions": ["predict"]}, **json, **giving)
    assert taken.json() == {"taken": 1}
    assert codes(viewer) == ["view"]


def test_a_limited_token_gives_nothing(
    client: Client, model: RegisteredModel, owner: User, viewer: User
) -> None:
    who = bearer(owner, actions=["view", "manage_members", "predict"])
    body = {"object": "model:scoring", "person": "viewer", "actions": ["predict"]}
    assert client.post(API, body, content_type="application/json", **who).status_code == 403
    assert not UserGrant.objects.exists()
