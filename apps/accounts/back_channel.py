"""OpenID Connect Back-Channel Logout 1.0: a provider says that somebody is signed in no longer.

Nothing but the signed token is believed. It is for us, from the provider, new, and used once.
"""

import hashlib
import time
from typing import Any

import jwt
import requests
from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.models import SocialAccount, SocialApp
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.core.cache import cache
from django.http import HttpRequest

from apps.accounts import people
from apps.accounts.models import User
from apps.accounts.sign_on import identity
from apps.core.errors import Invalid, NotFound, Unavailable

EVENT = "http://schemas.openid.net/event/backchannel-logout"
# Signed with a key that the provider keeps to itself: never with a secret, never not at all.
ALGORITHMS = [
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512", "EdDSA"),
]
TYPES = (None, "JWT", "logout+jwt")
LONGEST = 20_000
LONGEST_NAME = 1_000
OLDEST = 600
LEEWAY = 60
KEYS_HOLD = 600
# A token with an unknown key may mean that keys were changed, or that somebody makes tokens up.
ASK_AGAIN_AFTER = 30
OF_ANOTHER_SHAPE = (AttributeError, KeyError, TypeError, ValueError)


def sign_out(request: HttpRequest, provider_id: str, token: str) -> None:
    """End the sessions of whom a logout token names. Raises `Invalid` for one that does not hold.

    Somebody who has no account here is signed out already.
    """
    app = SocialApp.objects.filter(provider="openid_connect", provider_id=provider_id).first()
    if app is None:
        raise NotFound("There is no such sign-on provider.")
    claims = _claims(request, app, token)
    for user in _people(app, claims):
        people.signed_out_elsewhere(
            user,
            provider=app.provider_id,
            tokens_too=bool(app.settings.get("logout_ends_tokens")),
        )


def _claims(request: HttpRequest, app: SocialApp, token: str) -> dict[str, Any]:
    if not token or len(token) > LONGEST:
        raise Invalid("Send a logout_token.")
    try:
        header = jwt.get_unverified_header(token)
        if header.get("typ") not in TYPES or header.get("alg") not in ALGORITHMS:
            raise Invalid("The token is of another kind, or signed in another way.")
        issuer, key = _key(request, app, header.get("kid"))
        claims: dict[str, Any] = jwt.decode(
            token,
            key=key,
            algorithms=ALGORITHMS,
            audience=app.client_id,
            issuer=issuer,
            leeway=LEEWAY,
            options={"require": ["iss", "aud", "iat", "jti", "events"]},
        )
    except jwt.PyJWTError as error:
        raise Invalid(f"The token does not hold: {error}.") from None
    _require_logout(claims)
    seen = hashlib.sha256(f"{issuer} {claims['jti']}".encode()).hexdigest()
    if not cache.add(f"logout-token-{seen}", True, timeout=OLDEST + 2 * LEEWAY):
        raise Invalid("The token was used already.")
    return claims


def _require_logout(claims: dict[str, Any]) -> None:
    events = claims["events"]
    if not isinstance(events, dict) or not isinstance(events.get(EVENT), dict):
        raise Invalid("The token tells of no logout.")
    if "nonce" in claims:
        raise Invalid("This is an ID token, and tells of no logout.")
    if not isinstance(claims["iat"], int | float):
        raise Invalid("The token does not say when it was made.")
    if claims["iat"] < time.time() - OLDEST - LEEWAY:
        raise Invalid("The token is too old.")
    named = [claims.get("sub"), claims.get("sid"), claims["jti"]]
    if any(n is not None and (not isinstance(n, str) or len(n) > LONGEST_NAME) for n in named):
        raise Invalid("The token names nobody.")
    if not (claims.get("sub") or claims.get("sid")) or not claims["jti"]:
        raise Invalid("The token names nobody.")


def _people(app: SocialApp, claims: dict[str, Any]) -> list[User]:
    accounts = SocialAccount.objects.filter(provider=app.provider_id).select_related("user")
    if claims.get("sub"):
        accounts = accounts.filter(uid=identity(claims["iss"], claims["sub"]))
    else:
        accounts = accounts.filter(extra_data__id_token__sid=claims["sid"])
    return [account.user for account in accounts]


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
        raise Invalid("The token is signed with a key that the provider does not name.")
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
