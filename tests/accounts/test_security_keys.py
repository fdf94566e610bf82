"""What is sent of a security key, by a browser or made up by somebody, is no failure of ours."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP
from django.test import Client

from apps.accounts.models import User
from tests.security_keys import registration
from tests.sessions import sign_in

FACTORS = "/accounts/2fa/"
KEY = registration()
MADE_UP: list[Any] = [
    {},
    [],
    "key",
    1,
    {"id": "a"},
    {"id": "a", "rawId": "b"},
    {"id": 1, "rawId": 1},
    {"rawId": "YQ", "response": []},
    {"rawId": "YQ", "response": {"clientDataJSON": "YQ", "attestationObject": "YQ"}},
    {**KEY, "response": {**KEY["response"], "attestationObject": "oA"}},
    {**KEY, "response": {**KEY["response"], "clientDataJSON": "e30"}},
    {**KEY, "response": {"clientDataJSON": "e30", "authenticatorData": "YQ", "signature": "YQ"}},
    {**KEY, "clientExtensionResults": 1},
    KEY,
]
TEXTS = [*map(json.dumps, MADE_UP), "{", "[" * 30_000, "NaN", '"\\ud800"', '{"id": "\\u0000"}']


@pytest.fixture
def person(viewer: User) -> User:
    TOTP.activate(viewer, "A" * 32)
    data = {"name": "Key", "credential": KEY}
    Authenticator.objects.create(user=viewer, type="webauthn", data=data)
    return viewer


def adding(person: User) -> tuple[Client, str]:
    return sign_in(Client(), person, asked_again=True), f"{FACTORS}webauthn/add/"


def confirming(person: User) -> tuple[Client, str]:
    return sign_in(Client(), person), f"{FACTORS}webauthn/reauthenticate/"


def signing_in(person: User) -> tuple[Client, str]:
    client = Client()
    given = {"login": person.username, "password": "a long passphrase"}
    assert client.post("/accounts/login/", given)["Location"].startswith(f"{FACTORS}authenticate/")
    return client, f"{FACTORS}authenticate/"


@pytest.mark.parametrize("asked", [adding, confirming, signing_in])
def test_a_made_up_security_key_is_a_wrong_one(
    person: User, asked: Callable[[User], tuple[Client, str]], settings: Any
) -> None:
    settings.ACCOUNT_RATE_LIMITS = False
    client, path = asked(person)
    assert client.get(path).status_code == 200

    found = {text[:80]: client.post(path, {"credential": text}).status_code for text in TEXTS}

    assert {t: s for t, s in found.items() if s not in (200, 302)} == {}
    assert person.authenticator_set.filter(type="webauthn").count() == 1
    assert client.get(path).status_code == 200
