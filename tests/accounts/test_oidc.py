"""Signing on with a real OpenID provider, which a package of the tests runs on loopback."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import oidc_provider_mock
import pytest
import requests
from allauth.socialaccount.models import SocialAccount, SocialApp
from django.contrib.auth.models import Group
from django.core.cache import cache
from django.http import HttpResponse
from django.test import Client

from apps.accounts.models import Attribute, ClaimMapping, User
from apps.accounts.people import update_person
from apps.accounts.sign_on import claims_of, identity
from apps.audit.models import AuditEvent
from tests import factories
from tests.sessions import sign_in

ADD = "/admin/socialaccount/socialapp/add/"
pytestmark = pytest.mark.filterwarnings("ignore")


@dataclass(frozen=True)
class Provider:
    url: str

    def knows(self, subject: str, **claims: Any) -> None:
        response = requests.put(f"{self.url}/users/{subject}", json=claims, timeout=5)
        response.raise_for_status()

    def sign_on(self, client: Client, subject: str, process: str = "login") -> HttpResponse:
        """Click the button, say who one is over there, and come back."""
        led = client.get(f"/accounts/oidc/idp/login/?process={process}")
        assert led.status_code == 302, led.content
        there = requests.post(
            led["Location"], data={"sub": subject}, allow_redirects=False, timeout=5
        )
        assert there.status_code == 302, there.text
        back = urlsplit(there.headers["Location"])
        return client.get(f"{back.path}?{back.query}")


@pytest.fixture
def provider(administrator: User) -> Iterator[Provider]:
    cache.clear()
    with oidc_provider_mock.run_server_in_thread() as server:
        url = f"http://localhost:{server.server_port}"
        client = sign_in(Client(), administrator)
        given = {"name": "Team", "provider_id": "idp", "client_id": "mlgov", "secret": "s3cret"}
        assert client.post(ADD, {**given, "server_url": url}).status_code == 302
        found = Provider(url)
        found.knows("ada", email="ada@example.org", name="Ada L.", preferred_username="ada")
        yield found


def test_a_new_person_gets_an_account_under_issuer_and_subject(provider: Provider) -> None:
    assert "s3cret" not in SocialApp.objects.get().secret
    assert "Sign in with Team" in Client().get("/accounts/login/").content.decode()
    client = Client()
    assert provider.sign_on(client, "ada")["Location"] == "/"
    assert client.get("/").status_code == 200
    user = User.objects.get(username="ada")
    assert (user.name, user.email) == ("Ada L.", "ada@example.org")
    assert (user.has_usable_password(), user.is_staff, user.is_superuser) == (False, False, False)
    assert SocialAccount.objects.get().uid == f"{provider.url} ada"
    actions = ["user.create", "user.join"]
    assert [AuditEvent.objects.filter(action=a, object_name="Ada L.").count() for a in actions] == [
        1, 1,
    ]  # fmt: skip

    # Another name and address over there: still the same person here.
    provider.knows("ada", email="new@example.org", preferred_username="other")
    provider.sign_on(Client(), "ada")
    assert User.objects.filter(email__in=["ada@example.org", "new@example.org"]).count() == 1


def test_an_address_takes_over_no_account(provider: Provider, administrator: User) -> None:
    known = factories.make_user("known", email="known@example.org")
    provider.knows("thief", email="KNOWN@example.org", email_verified=True)
    provider.knows("boss", email=administrator.email, email_verified=True)
    provider.knows("nobody", name="No address")
    for subject, sentence in (
        ("thief", "not joined"), ("boss", "not joined"), ("nobody", "mail address"),
    ):  # fmt: skip
        client = Client()
        refused = provider.sign_on(client, subject)
        assert (refused.status_code, sentence in refused.content.decode()) == (403, True)
        assert client.get("/").status_code == 302

    app = SocialApp.objects.get()
    app.settings["link_verified_email"] = True
    app.save()
    assert provider.sign_on(Client(), "boss").status_code == 403
    provider.knows("unverified", email="known@example.org")
    assert provider.sign_on(Client(), "unverified").status_code == 403
    assert provider.sign_on(Client(), "thief").status_code == 302
    assert SocialAccount.objects.get().user == known


def test_claims_give_and_take_groups_and_attributes_at_each_sign_on(provider: Provider) -> None:
    auditors, own = Group.objects.create(name="auditors"), Group.objects.create(name="own")
    department = Attribute.objects.create(name="department", kind="choice", values=["risk"])
    roles = Attribute.objects.create(name="job_roles", kind="list")
    ClaimMapping.objects.create(claim="groups", value="audit", group=auditors)
    ClaimMapping.objects.create(claim="org.department", attribute=department)
    ClaimMapping.objects.create(claim="roles", attribute=roles, provider="idp")
    ClaimMapping.objects.create(claim="roles", attribute=department, provider="another")

    def after(**claims: Any) -> tuple[list[str], dict[str, Any]]:
        provider.knows("ada", email="ada@example.org", preferred_username="ada", **claims)
        assert provider.sign_on(Client(), "ada").status_code == 302
        user = User.objects.get(username="ada")
        return sorted(user.groups.values_list("name", flat=True)), user.attributes

    risk = {"department": "risk"}
    assert after(groups=["x", "audit"], org=risk, roles=["a"]) == (
        ["auditors"], {**risk, "job_roles": ["a"]},
    )  # fmt: skip
    event = AuditEvent.objects.get(action="user.sign_on")
    given = {**risk, "job_roles": ["a"]}
    assert event.data["now"] == {"groups": ["auditors"], "attributes": given}
    User.objects.get(username="ada").groups.add(own)
    assert after(groups="audit", org=risk, roles="b")[0] == ["auditors", "own"]
    # What a claim says does not have to fit.
    assert after(groups={"audit": 1}, org={"department": "boss"}, roles=3) == (["own"], {})
    count = AuditEvent.objects.filter(action="user.sign_on").count()
    assert after() == (["own"], {})
    assert AuditEvent.objects.filter(action="user.sign_on").count() == count


def test_who_is_disabled_here_is_not_let_in(provider: Provider, administrator: User) -> None:
    client = Client()
    provider.sign_on(client, "ada")
    update_person(User.objects.get(username="ada"), is_active=False, by=administrator)
    assert client.get("/").status_code == 302
    again = Client()
    provider.sign_on(again, "ada")
    assert again.get("/").status_code == 302


def test_nobody_joins_accounts_himself_or_comes_with_a_state_of_others(
    provider: Provider, viewer: User
) -> None:
    client = sign_in(Client(), viewer)
    assert provider.sign_on(client, "ada", "connect").status_code == 403
    stranger = Client()
    forged = stranger.get("/accounts/oidc/idp/login/callback/?code=x&state=y")
    assert "did not answer" in forged.content.decode()
    assert stranger.get("/").status_code == 302
    assert not SocialAccount.objects.exists()
    assert Client().get("/accounts/oidc/unknown/login/").status_code == 404


def test_a_provider_that_is_down_is_told_as_that(provider: Provider) -> None:
    app = SocialApp.objects.get()
    app.settings["server_url"] = "http://127.0.0.1:1"
    app.save()
    page = Client().get("/accounts/oidc/idp/login/")
    assert (page.status_code, "did not answer" in page.content.decode()) == (503, True)


def test_a_provider_is_entered_with_care(administrator: User) -> None:
    client = sign_in(Client(), administrator)
    given = {"name": "T", "provider_id": "idp", "client_id": "c", "server_url": "https://a.example"}
    for wrong in (
        {"server_url": "http://a.example"}, {"server_url": "ftp://a.example"},
        {"server_url": "https://a.example?x=1"}, {"server_url": "https://u@a.example"},
        {"server_url": "https://["}, {"provider_id": "a/b"}, {"secret": "x" * 80},
    ):  # fmt: skip
        assert client.post(ADD, {**given, **wrong}).status_code == 200, wrong
    assert client.post(ADD, {**given, "secret": "first"}).status_code == 302
    app = SocialApp.objects.get()
    change = f"/admin/socialaccount/socialapp/{app.pk}/change/"
    assert "first" not in client.get(change).content.decode()
    assert client.post(change, {**given, "name": "Other", "secret": ""}).status_code == 302
    kept = SocialApp.objects.get()
    assert (kept.name, kept.secret, kept.provider) == ("Other", app.secret, "openid_connect")
    told = str(list(AuditEvent.objects.filter(action__startswith="sign_on").values_list("data")))
    assert ("first" in told, "Other" in told) == (False, True)
    mapping = "/admin/accounts/claimmapping/add/"
    assert client.post(mapping, {"claim": "groups", "value": "x"}).status_code == 200
    group = Group.objects.create(name="g")
    assert client.post(mapping, {"claim": "g", "group": group.pk}).status_code == 200
    fits = {"claim": "groups", "value": "x", "group": group.pk}
    assert client.post(mapping, fits).status_code == 302


def test_who_it_is_has_to_be_told_once() -> None:
    token = {"iss": "https://a", "sub": "1", "email": "x"}
    assert claims_of({"id_token": token}) == token
    assert claims_of({"id_token": token, "userinfo": {"sub": "1", "email": "y"}}) == {
        **token, "email": "y",
    }  # fmt: skip
    for wrong in (
        {}, {"userinfo": {"sub": "1"}}, {"id_token": {"sub": "1"}},
        {"id_token": token, "userinfo": {"sub": "2"}}, {"id_token": {"iss": "", "sub": "1"}},
    ):  # fmt: skip
        assert claims_of(wrong) is None
    assert len(identity("https://a", "x" * 300)) <= 191
    assert identity("https://a", "1") == "https://a 1"
