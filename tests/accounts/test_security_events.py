"""A sign-on provider tells of security events: with its own key, for us, once, about its people."""

import base64
import logging
import secrets
import time
from typing import Any

import jwt
import pytest
from allauth.socialaccount.models import SocialAccount, SocialApp
from cryptography.hazmat.primitives.asymmetric import rsa
from django.core.cache import cache
from django.http import HttpResponse
from django.test import Client

from apps.accounts import services
from apps.accounts.models import AccessToken, HeardEvent, User
from apps.accounts.people import update_person
from apps.audit.models import AuditEvent
from apps.projects.models import Project, Role
from tests import factories
from tests.accounts.test_back_channel import EVENT as LOGOUT
from tests.accounts.test_back_channel import Telling, is_signed_in, provider, signed_on
from tests.sessions import sign_in

__all__ = ["provider", "signed_on"]
ADDRESS = "/accounts/oidc/idp/security-events"
EVENTS = "https://schemas.openid.net/secevent"
DISABLED = f"{EVENTS}/risc/event-type/account-disabled"
ENABLED = f"{EVENTS}/risc/event-type/account-enabled"
PURGED = f"{EVENTS}/risc/event-type/account-purged"
REVOKED = f"{EVENTS}/caep/event-type/session-revoked"
ENDING = [
    f"{EVENTS}/risc/event-type/account-credential-change-required",
    f"{EVENTS}/risc/event-type/credential-compromise",
    f"{EVENTS}/risc/event-type/sessions-revoked",
    f"{EVENTS}/oauth/event-type/tokens-revoked",
    REVOKED,
]
pytestmark = pytest.mark.filterwarnings("ignore")


def event(
    there: Telling,
    name: str,
    told: Any = None,
    *,
    key: Any = None,
    algorithm: str = "RS256",
    typ: str | None = "secevent+jwt",
    **claims: Any,
) -> str:
    """A token as OpenID Shared Signals 1.0 has it: with `sub_id`, without an end."""
    given = {
        "iss": there.url, "aud": "mlgov", "iat": int(time.time()), "jti": secrets.token_hex(8),
        "events": {name: {} if told is None else told}, "sub_id": subject(there), **claims,
    }  # fmt: skip
    headers = {"typ": typ} | ({"kid": there.key_name} if there.key_name else {})
    sent = {name: value for name, value in given.items() if value is not None}
    return jwt.encode(sent, key or there.key, algorithm=algorithm, headers=headers)


def subject(there: Telling, name: Any = "ada", **further: Any) -> dict[str, Any]:
    return {"format": "iss_sub", "iss": there.url, "sub": name, **further}


def tell(
    token: str, address: str = ADDRESS, kind: str = "application/secevent+jwt"
) -> HttpResponse:
    return Client(enforce_csrf_checks=True).post(address, token.encode(), content_type=kind)


def refusal(answer: HttpResponse) -> tuple[int, str]:
    assert answer["Content-Language"] == "en"
    said = answer.json()  # type: ignore[attr-defined]
    assert set(said) == {"err", "description"}
    return answer.status_code, said["err"]


@pytest.fixture
def ada(signed_on: Client) -> User:
    return User.objects.get(username="ada")


@pytest.fixture
def secret(ada: User) -> str:
    return services.create_token(ada, name="ci", by=ada)[1]


def works(secret: str) -> bool:
    return services.user_for_token(secret) is not None


def test_who_is_disabled_there_loses_everything_here_at_once(
    provider: Telling, signed_on: Client, ada: User, secret: str, project: Project
) -> None:
    """Also as an administrator, as the last owner, and with a pipeline of his own."""
    project.memberships.filter(role=Role.OWNER).update(user=ada)
    User.objects.filter(pk=ada.pk).update(is_superuser=True)
    pipeline = factories.make_user("pipeline", is_service_account=True, owner=ada)
    _, of_pipeline = services.create_token(pipeline, name="job", by=ada)
    program = Client(headers={"authorization": f"Bearer {secret}"})
    assert program.get("/api/v1/me").status_code == 200

    answer = tell(event(provider, DISABLED, {"reason": "hijacking"}))
    assert (answer.status_code, answer.content) == (202, b"")
    assert "no-store" in answer["Cache-Control"]
    assert (is_signed_in(signed_on), program.get("/api/v1/me").status_code) == (False, 401)
    assert (works(secret), works(of_pipeline)) == (False, False)
    ada.refresh_from_db()
    assert not ada.is_active
    assert not AccessToken.objects.filter(revoked_at=None, user__in=[ada, pipeline]).exists()
    found = AuditEvent.objects.get(action="user.disable")
    assert (found.actor_id, found.actor_name, found.object_name) == (None, "mlgov", "Ada L.")
    assert found.data == {
        "provider": "idp", "event": "risc/event-type/account-disabled", "reason": "hijacking",
    }  # fmt: skip
    # Nor does he get in again.
    provider.sign_on(signed_on, "ada")
    assert not is_signed_in(signed_on)


def test_sessions_and_tokens_end_and_the_account_stays(
    provider: Telling, signed_on: Client, ada: User
) -> None:
    bystander = Client()
    provider.knows("bob", email="bob@example.org", preferred_username="bob")
    provider.sign_on(bystander, "bob")
    for name in ENDING:
        secret = services.create_token(ada, name="ci", by=ada)[1]
        token = event(provider, name)
        assert tell(token).status_code == 202
        assert (is_signed_in(signed_on), works(secret)) == (False, False), name
        found = AuditEvent.objects.filter(action="user.sign_out").latest("id")
        assert found.data == {
            "provider": "idp", "sessions": 1, "event": name.removeprefix(f"{EVENTS}/"),
        }  # fmt: skip
        provider.sign_on(signed_on, "ada")
        # What comes a second time is taken, as it has to be, and changes nothing.
        assert (tell(token).status_code, is_signed_in(signed_on)) == (202, True)
    assert is_signed_in(bystander)


def test_an_ordinary_sign_out_leaves_programs_alone(
    provider: Telling, signed_on: Client, ada: User, secret: str
) -> None:
    by_himself = {"initiating_entity": "user"}
    assert tell(event(provider, REVOKED, by_himself)).status_code == 202
    assert (is_signed_in(signed_on), works(secret)) == (False, True)
    # Unless an administrator wanted otherwise, as for back-channel logout.
    app = SocialApp.objects.get()
    app.settings["logout_ends_tokens"] = True
    app.save()
    assert tell(event(provider, REVOKED, by_himself)).status_code == 202
    assert not works(secret)


def test_only_who_disabled_an_account_enables_it_again(
    provider: Telling, signed_on: Client, ada: User, secret: str, administrator: User
) -> None:
    def told(name: str) -> bool:
        assert tell(event(provider, name)).status_code == 202
        return User.objects.get(pk=ada.pk).is_active

    def switch(is_active: bool) -> None:
        update_person(User.objects.get(pk=ada.pk), is_active=is_active, by=administrator)

    assert (told(DISABLED), told(ENABLED)) == (False, True)
    assert AuditEvent.objects.get(action="user.enable").data["provider"] == "idp"
    # What he had is gone for good.
    assert (works(secret), is_signed_in(signed_on)) == (False, False)
    assert told(ENABLED)
    # Disabled here: whatever the provider says then, it does not give that back.
    switch(False)
    assert (told(ENABLED), told(DISABLED), told(ENABLED)) == (False, False, False)
    # Enabled and disabled here meanwhile.
    switch(True)
    assert not told(DISABLED)
    switch(True)
    switch(False)
    assert not told(ENABLED)
    # Two providers disabled it, so that one alone does not enable it.
    switch(True)
    assert not told(DISABLED)
    ada.disabled_elsewhere.create(provider="another")
    assert not told(ENABLED)
    ada.disabled_elsewhere.all().delete()
    # Gone over there, and so for good.
    switch(True)
    assert (told(PURGED), told(ENABLED)) == (False, False)
    switch(True)
    assert (told(DISABLED), told(PURGED), told(ENABLED)) == (False, False, False)


def test_a_person_is_named_in_each_way_that_has_issuer_and_subject(
    provider: Telling, signed_on: Client, ada: User
) -> None:
    own = subject(provider)
    older = {"subject_type": "iss-sub", "iss": f"{provider.url}/", "sub": "ada"}
    session = {"format": "opaque", "id": "s-1"}
    aliases = [{"format": "email", "email": "x@example.org"}, own]
    ways: list[dict[str, Any]] = [
        {"sub_id": {"format": "complex", "user": own, "session": session}},
        {"sub_id": {"format": "aliases", "identifiers": aliases}},
        {"sub_id": None, "told": {"subject": own}},
        {"sub_id": None, "told": {"subject": {**older, "subject_type": "iss_sub"}}},
        # As Google sends it: the issuer with a slash, and no end.
        {"sub_id": None, "told": {"subject": older}, "iss": f"{provider.url}/", "typ": "JWT"},
        {"typ": "application/SecEvent+JWT"},
        {"typ": None},
        {"aud": ["another", "mlgov"]},
        # It was under way for a while.
        {"iat": int(time.time()) - 20 * 24 * 3600},
    ]
    for way in ways:
        provider.sign_on(signed_on, "ada")
        assert is_signed_in(signed_on)
        assert tell(event(provider, ENDING[2], **way)).status_code == 202, way
        assert not is_signed_in(signed_on), way


def test_an_address_or_anybody_elses_subject_is_not_believed(
    provider: Telling, signed_on: Client, ada: User, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    by_address: list[dict[str, Any]] = [
        {"sub_id": {"format": "email", "email": "ada@example.org"}},
        {"sub_id": {"format": "complex", "user": {"format": "email", "email": "ada@example.org"}}},
        {"sub_id": {"format": "opaque", "id": "ada"}},
        {"sub_id": {"format": ["iss_sub"], "iss": provider.url, "sub": "ada"}},
        {"sub_id": None, "told": {"subject": {"subject_type": "email", "email": ada.email}}},
    ]
    for way in by_address:
        caplog.clear()
        assert tell(event(provider, DISABLED, **way)).status_code == 202, way
        # Whoever set the provider up finds out why nothing happened.
        assert "without issuer and subject" in caplog.text
    for other in (
        subject(provider, iss="https://elsewhere.example.org"), subject(provider, "nobody"),
    ):  # fmt: skip
        assert tell(event(provider, DISABLED, sub_id=other)).status_code == 202
    # The same subject, at another provider of ours.
    SocialAccount.objects.update(provider="another")
    assert tell(event(provider, DISABLED)).status_code == 202
    assert is_signed_in(signed_on)
    assert not HeardEvent.objects.exists()


def test_what_is_unknown_is_heard_and_changes_nothing(
    provider: Telling, signed_on: Client, ada: User
) -> None:
    for name in (
        f"{EVENTS}/ssf/event-type/verification",
        f"{EVENTS}/caep/event-type/credential-change",
        f"{EVENTS}/caep/event-type/assurance-level-change",
        f"{EVENTS}/risc/event-type/identifier-changed",
        "https://example.org/something/new", LOGOUT,
    ):  # fmt: skip
        stream = {"format": "opaque", "id": "stream-1"}
        assert tell(event(provider, name, {"state": "x"}, sub_id=stream)).status_code == 202
    assert is_signed_in(signed_on)


def test_what_does_not_hold_is_refused_with_the_code_for_it(
    provider: Telling, signed_on: Client, ada: User
) -> None:
    now, request = int(time.time()), (400, "invalid_request")
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    wrong: list[tuple[dict[str, Any], tuple[int, str]]] = [
        ({"iss": "https://elsewhere.example.org"}, (400, "invalid_issuer")),
        ({"aud": "another"}, (400, "invalid_audience")),
        ({"key": stranger}, (400, "authentication_failed")),
        ({"key": "s3cret" * 8, "algorithm": "HS256"}, (400, "invalid_key")),
        *(({name: None}, request) for name in ("iss", "aud", "iat", "jti", "events")),
        *(({"jti": jti}, request) for jti in ("", 7, "x" * 1001, "\x00")),
        *(({"iat": iat}, request) for iat in ("soon", now + 9_999, now - 31 * 24 * 3600)),
        *(({"iat": iat}, request) for iat in (float("inf"), float("nan"))),
        *(({"events": events}, request) for events in ({}, [], DISABLED, {DISABLED: True})),
        *(({"sub_id": told}, request) for told in (None, "ada", [], 7)),
        *(({"sub_id": subject(provider, sub)}, request) for sub in (None, "", 7, "x" * 1001)),
        *(({"sub_id": subject(provider, sub)}, request) for sub in ("a\x00", "\ud800")),
        ({"sub_id": subject(provider, iss=7)}, request),
        ({"nonce": "n"}, request),
        ({"typ": "logout+jwt"}, request),
        ({"typ": "at+jwt"}, request),
        # Without a type it may be any token of the provider, and those end.
        ({"typ": None, "exp": now + 120}, request),
        ({"typ": "JWT", "exp": now + 120}, request),
        ({"exp": now - 120}, request),
        ({"events": {ENDING[0]: {}, DISABLED: "x"}}, request),
    ]
    for given, expected in wrong:
        assert refusal(tell(event(provider, DISABLED, **given))) == expected, given
    token = event(provider, DISABLED)
    deep = base64.urlsafe_b64encode(b"[" * 14_000).decode().rstrip("=")
    for text in ("", "a.b.c", "x" * 30_000, f"{deep}.{deep}.{deep}", "é", f"{token}.x"):
        assert refusal(tell(text)) == request, text[:80]
    for kind in ("application/jwt", "application/x-www-form-urlencoded", "text/plain", "x"):
        assert refusal(tell(token, kind=kind)) == request
    object.__setattr__(provider, "key_name", "made-up")
    assert refusal(tell(event(provider, DISABLED))) == (400, "invalid_key")
    assert is_signed_in(signed_on)
    assert not AuditEvent.objects.filter(action__in=["user.disable", "user.sign_out"]).exists()


def test_neither_an_id_token_nor_a_logout_token_is_an_event(
    provider: Telling, signed_on: Client, ada: User
) -> None:
    claims = SocialAccount.objects.get().extra_data["id_token"]
    headers = {"kid": provider.key_name} if provider.key_name else {}
    of_sign_on = jwt.encode(claims, provider.key, algorithm="RS256", headers=headers)
    for token in (of_sign_on, provider.token()):
        assert refusal(tell(token)) == (400, "invalid_request")
    # And the other way round.
    heard = Client().post("/accounts/oidc/idp/back-channel-logout", {
        "logout_token": event(provider, ENDING[2], sub="ada"),
    })  # fmt: skip
    assert heard.status_code == 400
    assert is_signed_in(signed_on)


def test_a_provider_may_name_another_audience_of_its_events(
    provider: Telling, signed_on: Client, ada: User, administrator: User
) -> None:
    name = "https://mlgov.example.com/events"
    assert refusal(tell(event(provider, ENDING[2], aud=name))) == (400, "invalid_audience")
    page = f"/admin/socialaccount/socialapp/{SocialApp.objects.get().pk}/change/"
    given = {"name": "Team", "client_id": "mlgov", "secret": "", "server_url": provider.url}
    client = sign_in(Client(), administrator)
    assert client.post(page, {**given, "events_audience": name}).status_code == 302
    assert tell(event(provider, ENDING[2], aud=name)).status_code == 202
    assert not is_signed_in(signed_on)


def test_what_cannot_be_asked_now_is_to_be_sent_again(administrator: User) -> None:
    cache.clear()
    SocialApp.objects.create(
        provider="openid_connect", provider_id="idp", name="Team", client_id="mlgov",
        settings={"server_url": "http://127.0.0.1:9"},
    )  # fmt: skip
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    headers = {"kid": "k", "typ": "secevent+jwt"}
    token = jwt.encode({"iss": "x"}, key, algorithm="RS256", headers=headers)
    assert refusal(tell(token)) == (503, "authentication_failed")
    assert refusal(tell(token, "/accounts/oidc/other/security-events"))[0] == 404
    assert Client().get(ADDRESS).status_code == 405
