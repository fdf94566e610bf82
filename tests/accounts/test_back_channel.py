"""A sign-on provider tells of a logout: with its own key, for us, once; then sessions end here."""

import secrets
import time
from collections.abc import Iterator
from typing import Any

import jwt
import oidc_provider_mock
import pytest
from allauth.socialaccount.models import SocialAccount, SocialApp
from cryptography.hazmat.primitives.asymmetric import rsa
from django.core.cache import cache
from django.http import HttpResponse
from django.test import Client
from flask import g

from apps.accounts import services
from apps.accounts.models import AccessToken, User
from apps.audit.models import AuditEvent
from tests import factories
from tests.accounts.test_oidc import ADD, Provider
from tests.sessions import sign_in

EVENT = "http://schemas.openid.net/event/backchannel-logout"
ADDRESS = "/accounts/oidc/idp/back-channel-logout"
pytestmark = pytest.mark.filterwarnings("ignore")


class Telling(Provider):
    """The provider of the tests, which can sign a logout token with the key that it publishes."""

    key: Any
    key_name: str | None

    def token(self, *, key: Any = None, algorithm: str = "RS256", **claims: Any) -> str:
        given = {
            "iss": self.url, "aud": "mlgov", "iat": int(time.time()), "exp": int(time.time()) + 120,
            "jti": secrets.token_hex(8), "events": {EVENT: {}}, "sub": "ada", **claims,
        }  # fmt: skip
        headers = {"typ": "logout+jwt"} | ({"kid": self.key_name} if self.key_name else {})
        told = {name: value for name, value in given.items() if value is not None}
        return jwt.encode(told, key or self.key, algorithm=algorithm, headers=headers)


@pytest.fixture
def provider(administrator: User) -> Iterator[Telling]:
    cache.clear()
    with oidc_provider_mock.run_server_in_thread() as server:
        url = f"http://localhost:{server.server_port}"
        client = sign_in(Client(), administrator)
        given = {"name": "Team", "provider_id": "idp", "client_id": "mlgov", "secret": "s3cret"}
        assert client.post(ADD, {**given, "server_url": url}).status_code == 302
        found = Telling(url)
        app: Any = server.app
        with app.test_request_context():
            app.preprocess_request()
            own = g.oidc_provider_mock_storage.jwk
        object.__setattr__(found, "key", own.get_private_key())
        object.__setattr__(found, "key_name", own.as_dict().get("kid"))
        found.knows("ada", email="ada@example.org", name="Ada L.", preferred_username="ada")
        yield found


@pytest.fixture
def signed_on(provider: Telling) -> Client:
    client = Client()
    provider.sign_on(client, "ada")
    assert client.get("/").status_code == 200
    return client


def tell(token: str, address: str = ADDRESS) -> HttpResponse:
    return Client(enforce_csrf_checks=True).post(address, {"logout_token": token})


def is_signed_in(client: Client) -> bool:
    return client.get("/").status_code == 200


def test_a_logout_over_there_ends_the_sessions_here(provider: Telling, signed_on: Client) -> None:
    other = Client()
    provider.knows("bob", email="bob@example.org", preferred_username="bob")
    provider.sign_on(other, "bob")
    ada = User.objects.get(username="ada")
    _, secret = services.create_token(ada, name="ci", by=ada)
    token = provider.token()
    answer = tell(token)
    assert (answer.status_code, "no-store" in answer["Cache-Control"]) == (200, True)
    assert (is_signed_in(signed_on), is_signed_in(other)) == (False, True)
    event = AuditEvent.objects.get(action="user.sign_out")
    assert (event.actor_name, event.object_name) == ("mlgov", "Ada L.")
    assert event.data == {"provider": "idp", "sessions": 1}
    # A program goes on, unless an administrator wanted otherwise.
    assert services.user_for_token(secret) is not None
    # Once only.
    provider.sign_on(signed_on, "ada")
    assert (tell(token).status_code, is_signed_in(signed_on)) == (400, True)


def test_access_tokens_end_too_where_an_administrator_wants_it(
    provider: Telling, signed_on: Client, administrator: User
) -> None:
    app = SocialApp.objects.get()
    client = sign_in(Client(), administrator)
    page = f"/admin/socialaccount/socialapp/{app.pk}/change/"
    given = {"name": "Team", "client_id": "mlgov", "secret": "", "server_url": provider.url}
    assert client.post(page, {**given, "logout_ends_tokens": "on"}).status_code == 302
    ada = User.objects.get(username="ada")
    _, secret = services.create_token(ada, name="ci", by=ada)
    assert tell(provider.token()).status_code == 200
    assert services.user_for_token(secret) is None
    assert AccessToken.objects.get().revoked_at is not None


def test_a_session_is_found_by_its_id(provider: Telling, signed_on: Client) -> None:
    account = SocialAccount.objects.get()
    account.extra_data["id_token"]["sid"] = "s-1"
    account.save()
    assert tell(provider.token(sub=None, sid="s-2")).status_code == 200
    assert is_signed_in(signed_on)
    assert tell(provider.token(sub=None, sid="s-1")).status_code == 200
    assert not is_signed_in(signed_on)


WRONG: list[dict[str, Any]] = [
    {"iss": "https://elsewhere.example.org"},
    {"aud": "another"},
    {"aud": None},
    {"iat": None},
    {"iat": 1},
    {"iat": "soon"},
    {"iat": str(int(time.time()))},
    {"iat": int(time.time()) + 9_999},
    {"exp": 1},
    {"jti": None},
    {"jti": ""},
    {"events": None},
    {"events": {}},
    {"events": EVENT},
    {"events": {EVENT: True}},
    {"events": {"http://schemas.openid.net/event/another": {}}},
    {"nonce": "n"},
    {"sub": None},
    {"sub": ""},
    {"sub": 7},
    {"sub": "x" * 1001},
    {"sid": ["s"]},
]


def test_a_token_that_does_not_hold_ends_nothing(provider: Telling, signed_on: Client) -> None:
    for wrong in WRONG:
        answer = tell(provider.token(**wrong))
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request"), wrong
    assert is_signed_in(signed_on)
    assert not AuditEvent.objects.filter(action="user.sign_out").exists()


def test_only_the_providers_own_key_is_believed(provider: Telling, signed_on: Client) -> None:
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    for token in (
        provider.token(key=stranger),
        provider.token(key="s3cret" * 8, algorithm="HS256"),
        jwt.encode({"iss": provider.url, "aud": "mlgov", "sub": "ada"}, None, algorithm="none"),
        "", "a.b.c", "x" * 30_000, "é",
    ):  # fmt: skip
        assert tell(token).status_code == 400, token[:80]
    object.__setattr__(provider, "key_name", "made-up")
    assert tell(provider.token()).status_code == 400
    assert is_signed_in(signed_on)


def test_an_id_token_is_no_logout_token(provider: Telling, signed_on: Client) -> None:
    claims = SocialAccount.objects.get().extra_data["id_token"]
    headers = {"kid": provider.key_name} if provider.key_name else {}
    token = jwt.encode(claims, provider.key, algorithm="RS256", headers=headers)
    assert tell(token).status_code == 400
    assert is_signed_in(signed_on)


def test_who_has_no_account_here_is_signed_out_already(
    provider: Telling, signed_on: Client
) -> None:
    assert tell(provider.token(sub="nobody")).status_code == 200
    assert is_signed_in(signed_on)
    assert tell(provider.token(), "/accounts/oidc/other/back-channel-logout").status_code == 404
    assert Client().get(ADDRESS).status_code == 405


def test_a_provider_that_is_down_is_asked_again_later(administrator: User) -> None:
    cache.clear()
    factories.make_user("ada")
    SocialApp.objects.create(
        provider="openid_connect", provider_id="idp", name="Team", client_id="mlgov",
        settings={"server_url": "http://127.0.0.1:9"},
    )  # fmt: skip
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    token = jwt.encode({"iss": "x"}, key, algorithm="RS256", headers={"kid": "k"})
    assert tell(token).status_code == 503
