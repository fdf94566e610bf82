"""OpenID Connect Back-Channel Logout 1.0: a provider says that somebody is signed in no longer.

The logout token is new, and used once. Most providers send it for each ordinary sign-out.
"""

import time
from typing import Any

from allauth.socialaccount.models import SocialAccount, SocialApp
from django.core.cache import cache
from django.http import HttpRequest

from apps.accounts import elsewhere, provider_tokens
from apps.accounts.models import User
from apps.accounts.provider_tokens import LEEWAY, is_name
from apps.accounts.sign_on import identity
from apps.core.errors import Invalid

EVENT = "http://schemas.openid.net/event/backchannel-logout"
TYPES = ("", "jwt", "logout+jwt")
OLDEST = 600


def sign_out(request: HttpRequest, provider_id: str, token: str) -> None:
    """End the sessions of whom a logout token names. Raises `Invalid` for one that does not hold.

    Somebody who has no account here is signed out already.
    """
    app = provider_tokens.provider_named(provider_id)
    claims = provider_tokens.read(request, app, token, types=TYPES, audience=[app.client_id])
    _require_logout(claims)
    seen = provider_tokens.digest_of_name(claims)
    if not cache.add(f"logout-token-{seen}", True, timeout=OLDEST + 2 * LEEWAY):
        raise Invalid("The token was used already.")
    for user in _people(app, claims):
        elsewhere.signed_out(user, provider=app.provider_id, tokens_too=ends_tokens(app))


def ends_tokens(app: SocialApp) -> bool:
    """Whether an ordinary sign-out over there ends access tokens, too."""
    return bool(app.settings.get("logout_ends_tokens"))


def _require_logout(claims: dict[str, Any]) -> None:
    events = claims["events"]
    if not isinstance(events, dict) or not isinstance(events.get(EVENT), dict):
        raise Invalid("The token tells of no logout.")
    if claims["iat"] < time.time() - OLDEST - LEEWAY:
        raise Invalid("The token is too old.")
    named = [claims[name] for name in ("sub", "sid") if claims.get(name) is not None]
    if not named or not all(is_name(name) for name in named):
        raise Invalid("The token names nobody.")


def _people(app: SocialApp, claims: dict[str, Any]) -> list[User]:
    accounts = SocialAccount.objects.filter(provider=app.provider_id).select_related("user")
    if claims.get("sub"):
        accounts = accounts.filter(uid=identity(claims["iss"], claims["sub"]))
    else:
        accounts = accounts.filter(extra_data__id_token__sid=claims["sid"])
    return [account.user for account in accounts]
