"""Signing in with one factor or two, and what a session has to keep to."""

import io
import re
import time
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import (
    format_hotp_value,
    hotp_value,
    yield_hotp_counters_from_time,
)
from django.core import mail
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.http import HttpResponse
from django.test import Client

from apps.accounts.models import User
from apps.audit.models import AuditEvent
from apps.outbox.services import sweep
from tests.sessions import sign_in

LOGIN, FACTORS = "/accounts/login/", "/accounts/2fa/"
PASSWORD = "a long passphrase"


@pytest.fixture(autouse=True)
def no_attempts_yet(db: None) -> None:
    cache.clear()


def enter(client: Client, login: str = "viewer", password: str = PASSWORD) -> HttpResponse:
    return client.post(LOGIN, {"login": login, "password": password})


def code_now(secret: str) -> str:
    return format_hotp_value(hotp_value(secret, next(iter(yield_hotp_counters_from_time()))))


def test_an_authenticator_app_is_asked_for_after_the_password(
    viewer: User, django_capture_on_commit_callbacks: Any
) -> None:
    client = sign_in(Client(), viewer)
    page = client.get(f"{FACTORS}totp/activate/")
    # Signed in a while ago, he is asked again before factors are changed.
    assert (page.status_code, page["Location"].split("?")[0]) == (302, "/accounts/reauthenticate/")
    client.post(page["Location"], {"password": PASSWORD})
    shown = client.get(f"{FACTORS}totp/activate/").content.decode()
    secret = str(re.search(r'value="([A-Z2-7]{32})"', shown)[1])  # type: ignore[index]
    with django_capture_on_commit_callbacks(execute=True):
        made = client.post(f"{FACTORS}totp/activate/", {"code": code_now(secret)})
    assert made.status_code == 302
    kept = Authenticator.objects.get(type="totp")
    assert secret not in str(kept.data)
    assert AuditEvent.objects.filter(action="mfa.add").count() == 2

    other = Client()
    assert enter(other)["Location"].startswith(f"{FACTORS}authenticate/")
    assert other.get("/").status_code == 302
    refused = other.post(f"{FACTORS}authenticate/", {"code": "000000"})
    assert (refused.status_code, other.get("/").status_code) == (200, 302)
    codes = Authenticator.objects.get(type="recovery_codes").wrap().get_unused_codes()
    assert other.post(f"{FACTORS}authenticate/", {"code": codes[0]}).status_code == 302
    assert other.get("/").status_code == 200
    third = Client()
    enter(third)
    assert third.post(f"{FACTORS}authenticate/", {"code": codes[0]}).status_code == 200


@pytest.mark.parametrize(
    ("demanded", "person", "led"),
    [
        ("optional", "administrator", False), ("administrators", "administrator", True),
        ("administrators", "viewer", False), ("everybody", "viewer", True),
    ],
)  # fmt: skip
def test_a_second_factor_can_be_demanded(
    settings: Any, viewer: User, administrator: User, demanded: str, person: str, led: bool
) -> None:
    settings.MLGOV_MFA = demanded
    client = sign_in(Client(), User.objects.get(username=person))
    page = client.get("/models")
    assert page.headers.get("Location") == (FACTORS if led else None)
    assert client.get("/api/v1/me").status_code == (403 if led else 200)
    assert client.get(FACTORS).status_code == 200
    Authenticator.objects.create(
        user=User.objects.get(username=person), type="totp", data={"secret": "x"}
    )
    assert client.get("/models").status_code == 200


def test_after_wrong_passwords_the_right_one_has_to_wait(viewer: User) -> None:
    for _ in range(5):
        enter(Client(), password="wrong")
    client = Client()
    page = enter(client)
    assert (page.status_code, client.get("/").status_code) == (200, 302)
    assert "Too many failed login attempts" in page.content.decode()


def test_a_session_ends_when_it_is_idle_or_old(settings: Any, viewer: User) -> None:
    for name, age in (("mlgov_seen", settings.MLGOV_SESSION_IDLE),
                      ("mlgov_started", settings.SESSION_COOKIE_AGE)):  # fmt: skip
        client = sign_in(Client(), viewer)
        assert client.get("/").status_code == 200
        session = client.session
        session[name] = int(time.time()) - age + 30
        session.save()
        assert client.get("/").status_code == 200
        session = client.session
        session[name] = int(time.time()) - age - 1
        session.save()
        assert client.get("/")["Location"].startswith(LOGIN)
        assert client.session.get("_auth_user_id") is None


def test_a_page_that_asks_by_itself_keeps_no_session_alive(viewer: User) -> None:
    client = sign_in(Client(), viewer)
    client.get("/")
    long_ago = int(time.time()) - 600
    session = client.session
    session["mlgov_seen"] = long_ago
    session.save()
    client.get("/", headers={"HX-Request": "true"})
    assert client.session["mlgov_seen"] == long_ago
    client.get("/")
    assert client.session["mlgov_seen"] > long_ago


def test_a_new_browser_is_told_by_mail(viewer: User) -> None:
    first, second = Client(), Client(headers={"User-Agent": "Another/1.0"})
    enter(first)
    first.post("/accounts/logout/")
    enter(first)
    sweep()
    assert mail.outbox == []
    entered = enter(second)
    cookie = entered.cookies["mlgov_browser"]
    assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")
    sweep()
    assert [m.subject for m in mail.outbox] == ["[mlgov] You signed in with a new browser"]
    assert ("Another/1.0" in mail.outbox[0].body, mail.outbox[0].to) == (True, [viewer.email])
    assert AuditEvent.objects.get(action="user.new_browser").data == {"browser": "Another/1.0"}


def test_ones_sessions_are_listed_and_ended(viewer: User, stranger: User) -> None:
    here, there, other = Client(), Client(headers={"User-Agent": "Lost/1.0"}), Client()
    for client, name in ((here, "viewer"), (there, "viewer"), (other, "stranger")):
        enter(client, name)
    page = here.get("/account/sessions").content.decode()
    assert ("Lost/1.0" in page, page.count('aria-label="End the session')) == (True, 1)
    assert here.post("/account/sessions/end").status_code == 302
    assert [client.get("/").status_code for client in (here, there, other)] == [200, 302, 200]
    assert AuditEvent.objects.get(action="session.end").data["browser"] == "Lost/1.0"


def test_a_token_is_made_after_the_password_was_given_again(viewer: User) -> None:
    client = Client()
    client.force_login(viewer)
    asked = client.post("/account/tokens", {"name": "notebook", "days": "30"})
    assert asked["Location"].startswith("/accounts/reauthenticate/")
    assert not viewer.access_tokens.exists()
    wrong = client.post(asked["Location"], {"password": "wrong"})
    assert (wrong.status_code, viewer.access_tokens.exists()) == (200, False)
    made = client.post(asked["Location"], {"password": PASSWORD, "next": "/account/tokens"})
    assert "MLFLOW_TRACKING_TOKEN=mlgov_pat_" in made.content.decode()


def test_a_session_becomes_a_token_over_rest_only_when_it_was_confirmed(viewer: User) -> None:
    client = Client()
    client.force_login(viewer)
    given = {"name": "x"}
    refused = client.post("/api/v1/tokens", given, content_type="application/json")
    assert (refused.status_code, refused.json()["code"]) == (403, "confirm_first")
    made = sign_in(client, viewer).post("/api/v1/tokens", given, content_type="application/json")
    assert made.status_code == 201


def test_no_other_form_lets_people_in_or_changes_who_they_are(administrator: User) -> None:
    client = Client()
    given = {"username": "administrator", "password": PASSWORD}
    for answer in (client.get("/admin/login/"), client.post("/admin/login/", given)):
        assert (answer.status_code, answer["Location"].split("?")[0]) == (302, LOGIN)
    assert client.get("/admin/").status_code == 302
    sign_in(client, administrator)
    for path in ("email/", "3rdparty/", "3rdparty/signup/"):
        assert client.post(f"/accounts/{path}", {})["Location"] == "/account", path
    signed_up = Client().post("/accounts/signup/", {"username": "x", "email": "x@example.org"})
    assert "closed" in signed_up.content.decode().lower()
    assert User.objects.count() == 1


def test_cookies_are_for_this_site_and_no_script(settings: Any, viewer: User) -> None:
    cookie = enter(Client()).cookies["sessionid"]
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Lax", "/")
    assert settings.SESSION_COOKIE_SECURE is settings.CONFIGURATION.behind_tls


def test_factors_that_were_lost_are_removed_by_command(viewer: User) -> None:
    Authenticator.objects.create(user=viewer, type="totp", data={"secret": "x"})
    call_command("remove_factors", "viewer", stdout=io.StringIO())
    assert not Authenticator.objects.exists()
    assert AuditEvent.objects.get(action="mfa.remove").actor_name == "mlgov"
    with pytest.raises(CommandError, match="no account"):
        call_command("remove_factors", "nobody")


def test_a_new_password_is_recorded_and_what_it_is_nowhere(administrator: User) -> None:
    client = Client()
    enter(client, "administrator")
    # The admin's own form leads to the one that records.
    led = client.get("/admin/password_change/")
    assert led["Location"] == "/accounts/password/change/"
    new = "another long passphrase"
    given = {"oldpassword": PASSWORD, "password1": new, "password2": new}
    assert client.post("/accounts/password/change/", given).status_code == 302
    told = AuditEvent.objects.get(action="user.set_password")
    assert (told.actor_id, told.data) == (administrator.pk, {"how": "by its person"})

    client.logout()
    client.post("/accounts/password/reset/", {"email": administrator.email})
    link = re.search(r"https?://[^/]+(/accounts/password/reset/key/\S+)", mail.outbox[-1].body)
    assert link is not None
    form = client.get(link[1], follow=True).redirect_chain[-1][0]
    client.post(form, {"password1": PASSWORD, "password2": PASSWORD})
    assert AuditEvent.objects.filter(action="user.set_password", data={"how": "by mail"}).exists()
    assert not AuditEvent.objects.filter(data__icontains="passphrase").exists()
