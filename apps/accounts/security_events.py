"""Security events of sign-on providers: Security Event Tokens (RFC 8417), pushed (RFC 8935).

The events are those of OpenID RISC 1.0 and CAEP 1.0. Whom they are about is believed by issuer and
subject alone, as at each sign-on.
"""

import logging
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from allauth.socialaccount.models import SocialAccount, SocialApp
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone

from apps.accounts import back_channel, elsewhere, provider_tokens
from apps.accounts.models import HeardEvent, User
from apps.accounts.provider_tokens import is_name
from apps.accounts.sign_on import identity
from apps.core.errors import Invalid

log = logging.getLogger(__name__)
CONTENT_TYPE = "application/secevent+jwt"
EVENTS = "https://schemas.openid.net/secevent"
# Without a type it may be another token of the provider, see `_require_event`.
TYPED = ("secevent+jwt", CONTENT_TYPE)
TYPES = (*TYPED, "jwt", "")
ISSUER_AND_SUBJECT = ("iss_sub", "iss-sub")
# What was sent while mlgov was away comes late, and is as true as before.
OLDEST = timedelta(days=30)


def hear(request: HttpRequest, provider_id: str, token: str) -> None:
    """Do what the events of a token ask for. Raises `Invalid` for one that does not hold.

    What comes a second time, is not known, or is about nobody here, is heard and changes nothing.
    """
    app = provider_tokens.provider_named(provider_id)
    audience = [app.client_id, *filter(None, [app.settings.get("events_audience")])]
    claims = provider_tokens.read(request, app, token, types=TYPES, audience=audience)
    _require_event(claims, is_typed=provider_tokens.type_of(token) in TYPED)
    # Of one token either all is carried out or nothing: what is wrong is found before.
    found = [
        (event, told, user)
        for event, told in claims["events"].items()
        if event in CARRIED_OUT
        for user in _people(app, claims, event, told)
    ]
    with transaction.atomic():
        if found and _is_new(claims):
            for event, told, user in found:
                CARRIED_OUT[event](app, user, event.removeprefix(f"{EVENTS}/"), told)


def _require_event(claims: dict[str, Any], *, is_typed: bool) -> None:
    # ID tokens and logout tokens always end; RFC 8417, 4.6, tells events from them by that.
    if "exp" in claims and not is_typed:
        raise Invalid("The token is another than a security event.")
    events = claims["events"]
    if not isinstance(events, dict) or not events:
        raise Invalid("The token tells of no event.")
    if claims["iat"] < time.time() - OLDEST.total_seconds():
        raise Invalid("The token is too old.")


def _people(app: SocialApp, claims: dict[str, Any], event: str, told: Any) -> list[User]:
    if not isinstance(told, dict):
        raise Invalid(f"What is told of {event} is no object.")
    subject = claims["sub_id"] if "sub_id" in claims else told.get("subject")
    if not isinstance(subject, dict):
        raise Invalid(f"{event} is about nobody.")
    named = _by_issuer_and_subject(subject)
    if named is None:
        # An address can change hands. That it was no use should show somewhere, though.
        log.warning("%s tells of %s without issuer and subject", app.provider_id, event)
        return []
    issuer, name = named.get("iss"), named.get("sub")
    if not isinstance(issuer, str) or not is_name(name):
        raise Invalid(f"{event} is about nobody.")
    if issuer.rstrip("/") != claims["iss"].rstrip("/"):
        # About people of other issuers the provider has nothing to say.
        return []
    accounts = SocialAccount.objects.filter(
        provider=app.provider_id, uid=identity(claims["iss"], name)
    )
    return [account.user for account in accounts.select_related("user")]


def _by_issuer_and_subject(subject: dict[str, Any]) -> dict[str, Any] | None:
    """The one of the names that counts: alone, as the user of a session, or among aliases."""
    aliases = subject.get("identifiers")
    given = [subject, subject.get("user"), *(aliases if isinstance(aliases, list) else [])]
    names = [name for name in given if isinstance(name, dict)]
    kinds = ((name.get("format", name.get("subject_type")), name) for name in names)
    return next((name for kind, name in kinds if kind in ISSUER_AND_SUBJECT), None)


def _is_new(claims: dict[str, Any]) -> bool:
    # Kept with what is carried out, in one transaction: what failed is done when it comes again.
    HeardEvent.objects.filter(at__lt=timezone.now() - 2 * OLDEST).delete()
    digest = provider_tokens.digest_of_name(claims)
    return HeardEvent.objects.get_or_create(digest=digest)[1]


# ---- what is carried out ------------------------------------------------------------------------


def _disable(app: SocialApp, user: User, event: str, told: dict[str, Any]) -> None:
    reason = told.get("reason")
    elsewhere.disabled(
        user,
        provider=app.provider_id,
        event=event,
        reason=reason[:200] if is_name(reason) else "",
    )


def _purge(app: SocialApp, user: User, event: str, told: dict[str, Any]) -> None:
    elsewhere.disabled(user, provider=app.provider_id, event=event, for_good=True)


def _enable(app: SocialApp, user: User, event: str, told: dict[str, Any]) -> None:
    elsewhere.enabled(user, provider=app.provider_id, event=event)


def _end(app: SocialApp, user: User, event: str, told: dict[str, Any]) -> None:
    elsewhere.signed_out(user, provider=app.provider_id, tokens_too=True, event=event)


def _end_session(app: SocialApp, user: User, event: str, told: dict[str, Any]) -> None:
    # Who signs out is no danger, and his programs go on, as after a back-channel logout.
    tokens_too = told.get("initiating_entity") != "user" or back_channel.ends_tokens(app)
    elsewhere.signed_out(user, provider=app.provider_id, tokens_too=tokens_too, event=event)


CARRIED_OUT: dict[str, Callable[[SocialApp, User, str, dict[str, Any]], None]] = {
    f"{EVENTS}/risc/event-type/account-disabled": _disable,
    f"{EVENTS}/risc/event-type/account-purged": _purge,
    f"{EVENTS}/risc/event-type/account-enabled": _enable,
    f"{EVENTS}/risc/event-type/account-credential-change-required": _end,
    f"{EVENTS}/risc/event-type/credential-compromise": _end,
    f"{EVENTS}/risc/event-type/sessions-revoked": _end,
    f"{EVENTS}/oauth/event-type/tokens-revoked": _end,
    f"{EVENTS}/caep/event-type/session-revoked": _end_session,
}
