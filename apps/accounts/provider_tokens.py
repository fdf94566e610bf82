"""Signed tokens that a sign-on provider sends by itself.

Nothing but the token is believed: it is for us, from the provider, and signed with its own key.
Refusals carry the codes of RFC 8935, 2.4.
"""

import hashlib
from collections.abc import Collection
from typing import Any, TypeGuard

import jwt
import requests
from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.models import SocialApp
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.core.cache import cache
from django.http import HttpRequest

from apps.core.errors import Invalid, NotFound, Unavailable

# Signed with a key that the provider keeps to itself: never with a secret, never not at all.
ALGORITHMS = [
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512", "EdDSA"),
]
LONGEST = 20_000
LONGEST_NAME = 1_000
LEEWAY = 60
KEYS_HOLD = 600
# A token with an unknown key may mean that keys were changed, or that somebody makes tokens up.
ASK_AGAIN_AFTER = 30
OF_ANOTHER_SHAPE = (AttributeError, KeyError, TypeError, ValueError)
# What the library lets through of numbers and nesting that no token has.
NO_TOKEN = (jwt.PyJWTError, OverflowError, RecursionError)
CODES: dict[type[Exception], str] = {
    jwt.InvalidIssuerError: "invalid_issuer",
    jwt.InvalidAudienceError: "invalid_audience",
    jwt.InvalidSignatureError: "authentication_failed",
}


def provider_named(provider_id: str) -> SocialApp:
    app = SocialApp.objects.filter(provider="openid_connect", provider_id=provider_id).first()
    if app is None:
        raise NotFound("There is no such sign-on provider.")
    return app


def read(
    request: HttpRequest,
    app: SocialApp,
    token: str,
    *,
    types: Collection[str],
    audience: list[str],
) -> dict[str, Any]:
    """The claims of a token that holds, `iss` spelled as the provider does in its ID tokens.

    Raises `Invalid` for any other. How old it may be, and how often used, is for the caller.
    """
    if not token or len(token) > LONGEST:
        raise Invalid("Send one signed token.")
    try:
        header = jwt.get_unverified_header(token)
        if type_of(token) not in types:
            raise Invalid("The token is of another kind.")
        if header.get("alg") not in ALGORITHMS:
            raise Invalid("The token is signed in another way.", code="invalid_key")
        issuer, key = _key(request, app, header.get("kid"))
        claims: dict[str, Any] = jwt.decode(
            token,
            key=key,
            algorithms=ALGORITHMS,
            audience=audience,
            # Google ends it with a slash here, and not in its ID tokens.
            issuer=(issuer, f"{issuer.rstrip('/')}/", issuer.rstrip("/")),
            leeway=LEEWAY,
            options={"require": ["iss", "aud", "iat", "jti", "events"]},
        )
    except NO_TOKEN as error:
        code = CODES.get(type(error))
        raise Invalid(f"The token does not hold: {error}.", code=code) from None
    if "nonce" in claims:
        raise Invalid("This is an ID token, and tells of nothing that happened.")
    if not isinstance(claims["iat"], int | float):
        raise Invalid("The token does not say when it was made.")
    if not is_name(claims["jti"]):
        raise Invalid("The token has no name.")
    return {**claims, "iss": issuer}


def type_of(token: str) -> str:
    """What kind of token it says it is, in small letters; nothing where it does not say."""
    return str(jwt.get_unverified_header(token).get("typ") or "").lower()


def is_name(value: Any) -> TypeGuard[str]:
    """Whether it can be what somebody, or something, is called."""
    return isinstance(value, str) and 0 < len(value) <= LONGEST_NAME and value.isprintable()


def digest_of_name(claims: dict[str, Any]) -> str:
    """What a token is known by when it comes again."""
    return hashlib.sha256(f"{claims['iss']} {claims['jti']}".encode()).hexdigest()


def _key(request: HttpRequest, app: SocialApp, kid: Any) -> tuple[str, jwt.PyJWK]:
    """The provider's issuer, and the key of this name."""
    address = hashlib.sha256(str(app.settings.get("server_url")).encode()).hexdigest()
    name = f"sign-on-keys-{app.pk}-{address}"
    known = cache.get(name)
    found = _among(known, kid) if known else None
    if found is None and cache.add(f"{name}-asked", True, timeout=ASK_AGAIN_AFTER):
        known = _asked(request, app)
        cache.set(name, known, timeout=KEYS_HOLD)
        found = _among(known, kid)
    if found is None:
        raise Invalid(
            "The token is signed with a key that the provider does not name.", code="invalid_key"
        )
    return known["issuer"], found


def _among(known: dict[str, Any], kid: Any) -> jwt.PyJWK | None:
    keys = jwt.PyJWKSet.from_dict(known["keys"]).keys
    if kid is None:
        return keys[0] if len(keys) == 1 else None
    return next((key for key in keys if key.key_id == kid), None)


def _asked(request: HttpRequest, app: SocialApp) -> dict[str, Any]:
    adapter = OpenIDConnectOAuth2Adapter(request, app.provider_id)
    try:
        with get_adapter().get_requests_session() as session:
            config = adapter.openid_config
            answer = session.get(config["jwks_uri"])
            answer.raise_for_status()
            keys = answer.json()
            jwt.PyJWKSet.from_dict(keys)
            return {"issuer": str(config["issuer"]), "keys": keys}
    except (requests.RequestException, jwt.PyJWTError, *OF_ANOTHER_SHAPE):
        raise Unavailable("The provider does not tell its keys. Try again.") from None
