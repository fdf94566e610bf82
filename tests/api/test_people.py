"""People and service accounts over REST: who makes, changes and disables whom."""

from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from rest_framework.test import APIClient

from apps.accounts.models import Attribute, User
from apps.accounts.people import PROVISIONERS
from apps.audit.models import AuditEvent
from apps.projects.models import Project
from tests import factories
from tests.api.conftest import Clients
from tests.sessions import sign_in

PEOPLE, ACCOUNTS = "/api/v1/people", "/api/v1/service-accounts"


@pytest.fixture
def provisioner(db: None) -> User:
    user = factories.make_user("identity-provider", is_service_account=True)
    user.groups.add(Group.objects.create(name=PROVISIONERS))
    return user


def send(client: APIClient, method: str, path: str, **body: Any) -> Any:
    return getattr(client, method)(path, body, format="json")


def test_people_are_made_changed_and_disabled(as_person: Clients, provisioner: User) -> None:
    Group.objects.create(name="auditors")
    Attribute.objects.create(name="department", kind="choice", values=["risk", "sales"])
    client = as_person(provisioner)
    given = {"username": "ada", "email": "ada@example.org", "name": "Ada", "groups": ["auditors"]}
    made = send(client, "post", PEOPLE, **given, attributes={"department": "risk"})
    whole = {
        **given, "is_active": True, "is_service_account": False, "owner": None,
        "attributes": {"department": "risk"},
    }  # fmt: skip
    assert (made.status_code, made.json()) == (201, whole)
    assert not User.objects.get(username="ada").has_usable_password()
    assert client.get(f"{PEOPLE}/ada").json() == whole

    changed = send(client, "patch", f"{PEOPLE}/ada", name="Ada L.", groups=[])
    assert changed.json() == {**whole, "name": "Ada L.", "groups": []}
    event = AuditEvent.objects.get(action="user.edit")
    assert event.data["now"] == {"name": "Ada L.", "groups": []}
    assert event.actor_id == provisioner.pk
    # The same again changes nothing, and is not recorded.
    assert send(client, "patch", f"{PEOPLE}/ada", name="Ada L.").status_code == 200
    assert AuditEvent.objects.filter(action="user.edit").count() == 1

    listed = client.get(PEOPLE).json()["results"]
    assert {row["username"] for row in listed} == {"ada", "identity-provider"}
    assert client.get(PEOPLE, {"email": "ADA@example.org"}).json()["count"] == 1


def test_who_is_disabled_is_refused_at_the_next_call_and_stays_out(
    as_person: Clients, provisioner: User, viewer: User, project: Project
) -> None:
    program, browser, client = as_person(viewer), Client(), as_person(provisioner)
    signed_in = {"login": "viewer", "password": "a long passphrase"}
    assert browser.post("/accounts/login/", signed_in).status_code == 302
    assert (program.get("/api/v1/me").status_code, browser.get("/").status_code) == (200, 200)

    answer = send(client, "patch", f"{PEOPLE}/viewer", is_active=False)
    assert (answer.status_code, answer.json()["is_active"]) == (200, False)
    assert (program.get("/api/v1/me").status_code, browser.get("/").status_code) == (401, 302)

    # Enabled again, he signs in again: what was out there meanwhile stays dead.
    assert send(client, "patch", f"{PEOPLE}/viewer", is_active=True).status_code == 200
    assert (program.get("/api/v1/me").status_code, browser.get("/").status_code) == (401, 302)
    assert AuditEvent.objects.filter(action="token.revoke").count() == 1


def test_only_those_who_manage_people_do(
    as_person: Clients, provisioner: User, owner: User, administrator: User, reviewer: User
) -> None:
    client = as_person(owner)
    new = {"username": "x", "email": "x@example.org"}
    assert client.get(PEOPLE).status_code == 400
    assert client.get(PEOPLE, {"search": "view"}).json()["results"] == [
        {"username": "reviewer", "name": "Reviewer"}
    ]
    for refused in (
        send(client, "post", PEOPLE, **new),
        client.get(f"{PEOPLE}/reviewer"),
        client.get(f"{PEOPLE}/nobody"),
        send(client, "patch", f"{PEOPLE}/reviewer", name="X"),
        client.get(PEOPLE, {"search": "view", "email": "reviewer@example.org"}),
    ):
        assert refused.status_code == 403
    program = as_person(provisioner)
    for username, body in (
        ("administrator", {"is_active": False}),
        ("identity-provider", {"groups": []}),
        ("reviewer", {"groups": [PROVISIONERS]}),
    ):
        assert send(program, "patch", f"{PEOPLE}/{username}", **body).status_code == 403, username
    admin = as_person(administrator)
    assert send(admin, "patch", f"{PEOPLE}/administrator", is_active=False).status_code == 409
    assert send(admin, "patch", f"{PEOPLE}/reviewer", groups=[PROVISIONERS]).status_code == 200


def test_wrong_input_is_refused_in_words(as_person: Clients, provisioner: User) -> None:
    client = as_person(provisioner)
    good = {"username": "ada", "email": "ada@example.org"}
    assert send(client, "post", PEOPLE, **good).status_code == 201
    for wrong, status in (
        ({"username": "ada", "email": "other@example.org"}, 409),
        ({"username": "other", "email": "ADA@example.org"}, 409),
        ({"username": "a b/c", "email": "a@example.org"}, 400),
        ({"username": "x", "email": "no address"}, 400),
        ({"username": "x", "email": "x@example.org", "groups": ["none"]}, 400),
        ({"username": "x", "email": "x@example.org", "attributes": [1]}, 400),
        ({"username": "x", "email": "x@example.org", "attributes": {"rank": 1}}, 400),
    ):
        assert send(client, "post", PEOPLE, **wrong).status_code == status, wrong
    assert client.get(f"{PEOPLE}/nobody").status_code == 404


def test_a_service_account_works_by_tokens_of_its_owner_alone(
    as_person: Clients, administrator: User, owner: User, project: Project
) -> None:
    made = send(as_person(administrator), "post", ACCOUNTS, username="ci", owner="owner")
    assert (made.status_code, made.json()["owner"]) == (201, "owner")
    account = User.objects.get(username="ci")
    factories.join(project, account, "data_scientist")

    client, foreign = as_person(owner), as_person(factories.make_user("other"))
    token = send(client, "post", f"{ACCOUNTS}/ci/tokens", name="build", scope="write")
    program = APIClient(headers={"Authorization": f"Bearer {token.json()['secret']}"})
    assert program.get("/api/v1/me").json()["username"] == "ci"
    assert program.get("/api/v1/projects/credit").status_code == 200
    event = AuditEvent.objects.get(action="token.create", object_name__startswith="build")
    assert event.actor_id == owner.pk

    for path in (f"{ACCOUNTS}/ci/tokens", f"{ACCOUNTS}/ci"):
        verb = "post" if path.endswith("tokens") else "patch"
        assert send(foreign, verb, path, name="mine").status_code == 404
    assert foreign.get(ACCOUNTS).json()["count"] == 0
    assert send(foreign, "post", ACCOUNTS, username="mine").status_code == 403
    assert client.get(ACCOUNTS).json()["results"][0]["username"] == "ci"

    # Nobody signs in as it, whatever its password.
    account.set_password("a long passphrase")
    account.save()
    browser = Client()
    browser.post("/accounts/login/", {"login": "ci", "password": "a long passphrase"})
    assert browser.get("/").status_code == 302
    browser.force_login(account)
    assert browser.get("/").status_code == 302

    assert send(client, "patch", f"{ACCOUNTS}/ci", is_active=False).status_code == 200
    assert program.get("/api/v1/me").status_code == 401
    assert send(client, "patch", f"{ACCOUNTS}/ci", is_active=True).status_code == 200
    assert program.get("/api/v1/me").status_code == 401


def test_owners_make_service_accounts_for_their_project_alone(
    as_person: Clients, owner: User, viewer: User, stranger: User, project: Project
) -> None:
    path, given = "/api/v1/projects/credit/service-accounts", {"username": "ci", "role": "viewer"}
    for person, status in ((viewer, 403), (stranger, 404)):
        assert send(as_person(person), "post", path, **given).status_code == status
    client = as_person(owner)
    assert send(client, "post", path, username="ci", role="king").status_code == 400
    assert send(client, "post", path, **given).status_code == 201
    account = User.objects.get(username="ci")
    assert (account.owner, account.is_service_account) == (owner, True)
    assert [(m.project, m.role) for m in account.memberships.all()] == [(project, "viewer")]
    assert send(client, "post", path, **given).status_code == 409
    assert send(client, "post", f"{ACCOUNTS}/ci/tokens", name="build").status_code == 201


def test_service_accounts_stop_with_their_owner(
    as_person: Clients, administrator: User, owner: User
) -> None:
    admin = as_person(administrator)
    send(admin, "post", ACCOUNTS, username="ci", owner="owner")
    made = send(admin, "post", f"{ACCOUNTS}/ci/tokens", name="build")
    program = APIClient(headers={"Authorization": f"Bearer {made.json()['secret']}"})
    listed = admin.get(f"{ACCOUNTS}/ci/tokens").json()["results"]
    assert [row["name"] for row in listed] == ["build"]
    assert program.get("/api/v1/me").status_code == 200
    assert send(admin, "patch", f"{PEOPLE}/owner", is_active=False).status_code == 200
    assert program.get("/api/v1/me").status_code == 401


def test_an_owner_makes_and_revokes_tokens_of_his_accounts_on_the_page(
    owner: User, viewer: User
) -> None:
    account = factories.make_user("ci", is_service_account=True, owner=owner)
    browser, other = Client(), Client()
    sign_in(browser, owner)
    sign_in(other, viewer)
    given = {"name": "build", "days": "30", "account": "ci"}
    assert browser.post("/account/tokens", given).status_code == 200
    token = account.access_tokens.get()
    assert "ci, made" in browser.get("/account/tokens").content.decode()
    other.post("/account/tokens", {**given, "name": "stolen"})
    assert not account.access_tokens.filter(name="stolen").exists()
    path = f"/account/tokens/{token.pk}/revoke"
    assert [client.post(path).status_code for client in (other, browser)] == [404, 302]
    token.refresh_from_db()
    assert token.revoked_at is not None
