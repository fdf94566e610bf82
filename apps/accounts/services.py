"""Tokens: made, used, revoked. Sign-ons at the host of MLflow's pages."""

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.sessions.backends.db import SessionStore
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from apps.accounts import lifetimes, resting
from apps.accounts.models import AccessToken, SignOn, User
from apps.audit.services import record
from apps.core import full
from apps.core.errors import AlreadyExists, Invalid, NotFound, NotPermitted
from apps.core.prepared import Prepared, object_of, with_related
from apps.core.validation import require_valid

TOKEN_MARK = "mlgov_pat_"  # nosec B105 - how a token begins, not one
TOKEN = re.compile(TOKEN_MARK + r"([0-9a-f]{12})_([A-Za-z0-9_-]{20,100})", re.ASCII)
NOTE_USE_AFTER = timedelta(minutes=1)
TICKET_HOLDS = timedelta(seconds=60)


def digest_of_secret(secret: str) -> str:
    """Plain SHA-256: the secret has 256 random bits, so there is nothing to guess."""
    return hashlib.sha256(secret.encode()).hexdigest()


@transaction.atomic
def create_token(
    user: User,
    *,
    name: str,
    by: User,
    expires_at: datetime | None = None,
    default_project: str = "",
    actions: Iterable[str] | None = None,
    projects: Iterable[int] | None = None,
) -> tuple[AccessToken, str]:
    """Make a token and return it with its secret, which can never be read again.

    Without an expiry it works for MLGOV_TOKEN_DAYS, or for ever where that is allowed. `actions`
    and `projects` are what it is limited to, see `limits`.
    """
    require_no_limits(by)
    if not _answers_for(by, user):
        raise NotPermitted("You can make tokens for yourself and your service accounts only.")
    name = name.strip()
    if not name:
        raise Invalid("Give the token a name.", details={"name": "Give the token a name."})
    expires_at = _expiry(expires_at)
    prefix, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    token = AccessToken(
        user=user,
        name=name,
        prefix=prefix,
        digest=digest_of_secret(secret),
        expires_at=expires_at,
        default_project=default_project,
        actions=None if actions is None else sorted(set(actions)),
        projects=None if projects is None else sorted(set(projects)),
    )
    require_valid(token, "name", "default_project")
    try:
        with transaction.atomic():
            token.save()
    except IntegrityError:
        raise AlreadyExists(
            f"{user} has a token named “{name}” already. Revoke it first, or choose another name."
        ) from None
    told = ("default_project", "actions", "projects")
    data = {name: value for name in told if (value := getattr(token, name)) not in ("", None)}
    record(actor=by, action="token.create", obj=token, also=[user], data=data)
    return token, f"{TOKEN_MARK}{prefix}_{secret}"


def require_no_limits(user: User) -> None:
    """Raise `NotPermitted` for a limited token: what is about oneself asks for all of oneself."""
    if user.limits is not None:
        raise user.limits.refusal()


def _answers_for(by: User, user: User) -> bool:
    owned = user.is_service_account and user.owner_id == by.pk
    return by == user or owned or by.is_superuser


def tokens_answered_for(user: User) -> QuerySet[AccessToken]:
    """The person's own, and those of his service accounts."""
    owned = Q(user__is_service_account=True, user__owner=user)
    return AccessToken.objects.filter(Q(user=user) | owned).select_related("user")


def _expiry(asked: datetime | None) -> datetime | None:
    now, most = timezone.now(), settings.MLGOV_TOKEN_DAYS_MAX
    if asked is None:
        return now + timedelta(days=min(settings.MLGOV_TOKEN_DAYS, most)) if most else None
    if asked <= now:
        raise Invalid("The expiry lies in the past.", details={"expires_at": "This is past."})
    # A minute for whoever reckons from his own clock.
    if most and asked > now + timedelta(days=most, minutes=1):
        sentence = f"A token works for {most} days at most. Choose an earlier end."
        raise Invalid(sentence, details={"expires_at": sentence})
    return asked


@transaction.atomic
def revoke_token(token: AccessToken, *, by: User) -> AccessToken:
    require_no_limits(by)
    token = AccessToken.objects.select_for_update().get(pk=token.pk)
    if not _answers_for(by, token.user):
        raise NotPermitted("You can revoke tokens of your own and your service accounts only.")
    if token.revoked_at is None:
        token.revoked_at = timezone.now()
        token.save(update_fields=["revoked_at"])
        record(actor=by, action="token.revoke", obj=token, also=[token.user])
    return token


def user_for_token(text: str) -> User | None:
    """The person that a token stands for, or None for one that is wrong, expired or revoked.

    Raises `TokenRests` where he has to sign on again before.
    """
    token = usable_token(text)
    return token.user if token else None


# What those who decide about rights want to know of each person, asked along with his token.
_noted: list[Any] = []


def note_with_tokens(columns: Iterable[Any]) -> None:
    """Let these columns be read with each token; `User.noted` has their values."""
    _noted.extend(columns)


# Asked for with every call of a program.
_TOKEN_AND_USER = Prepared(
    lambda prefix: with_related(AccessToken.objects.filter(prefix=prefix), "user", also=_noted)
)


def usable_token(text: str) -> AccessToken | None:
    """The token with this text, or None for one that is wrong, expired or revoked.

    Raises `TokenRests` where its person has to sign on again before.
    """
    parts = TOKEN.fullmatch(text)
    if parts is None:
        return None
    prefix, secret = parts.groups()
    found = _TOKEN_AND_USER.rows(prefix=prefix)
    token = object_of(found[0], AccessToken, "user") if found else None
    if token is not None and _noted:
        token.user.noted = found[0][-len(_noted) :]
    if token is None or not hmac.compare_digest(token.digest, digest_of_secret(secret)):
        return None
    if not token.is_usable or not token.user.is_active:
        return None
    now = timezone.now()
    is_noted = token.last_used_at is not None and token.last_used_at >= now - NOTE_USE_AFTER
    if not is_noted:
        # Asked as seldom as the use is noted: days matter here, and each call counts.
        resting.require_awake(token.user)
    if limits := token.limits:
        token.user.limit_to(limits)
    if not is_noted:
        with full.not_worth_a_refusal("the use of a token"):
            AccessToken.objects.filter(pk=token.pk).update(last_used_at=now)
    return token


@transaction.atomic
def end_sessions(user: User, *, but: str, only: int | None = None) -> int:
    """End one session of the person, or all but the one with this key. Returns how many."""
    found = UserSession.objects.filter(user=user)
    found = found.exclude(session_key=but) if only is None else found.filter(pk=only)
    if only is not None and not found:
        raise NotFound("There is no such session any more.")
    for session in found:
        told = {"browser": session.user_agent, "ip": session.ip}
        session.end()
        record(actor=user, action="session.end", obj=user, data=told)
    return len(found)


@transaction.atomic
def rename(user: User, *, name: str, by: User) -> User:
    """Change how a person is called; empty means by the user name."""
    require_no_limits(by)
    user = User.objects.select_for_update().get(pk=user.pk)
    if by != user and not by.is_superuser:
        raise NotPermitted("You can change your own name only.")
    before, user.name = user.name, name.strip()
    user.save(update_fields=["name"])
    record(actor=by, action="user.rename", obj=user, data={"before": before, "name": user.name})
    return user


# ---- sign-on at the host of MLflow's pages ------------------------------------------------------


@transaction.atomic
def begin_sign_on(user: User, *, session_key: str, browser: str) -> str:
    """A ticket for the browser with this digest, which it uses up within a minute."""
    now = timezone.now()
    SignOn.objects.filter(expires_at__lt=now).delete()
    ticket = secrets.token_urlsafe(32)
    SignOn.objects.create(
        user=user,
        session_key=session_key,
        browser=browser,
        ticket=digest_of_secret(ticket),
        expires_at=now + TICKET_HOLDS,
    )
    return ticket


@transaction.atomic
def complete_sign_on(ticket: str, *, browser: str) -> str:
    """Use up a ticket, and return the secret for the cookie."""
    now = timezone.now()
    found = (
        SignOn.objects.select_for_update()
        .filter(ticket=digest_of_secret(ticket), browser=browser, cookie=None, expires_at__gt=now)
        .first()
    )
    user = _signed_in(found) if found is not None else None
    if found is None or user is None:
        raise NotPermitted(
            "This way to MLflow's pages was used already, is too old, or began in another browser. "
            "Open them from mlgov again."
        )
    secret = secrets.token_urlsafe(32)
    found.cookie = digest_of_secret(secret)
    found.expires_at = now + timedelta(seconds=settings.SESSION_COOKIE_AGE)
    found.save(update_fields=["cookie", "expires_at"])
    record(actor=user, action="mlflow_pages.open", obj=found, also=[user])
    return secret


def person_behind(secret: str) -> User | None:
    """Who signed on with this cookie, as long as the session of mlgov lasts that he came from."""
    found = SignOn.objects.filter(cookie=digest_of_secret(secret), expires_at__gt=timezone.now())
    sign_on = found.first()
    return _signed_in(sign_on) if sign_on is not None else None


def _signed_in(sign_on: SignOn) -> User | None:
    # Django's own question: it knows of ended sessions, changed passwords and disabled accounts.
    asked = HttpRequest()
    asked.session = SessionStore(sign_on.session_key)
    user = get_user(asked)
    if user.is_authenticated and lifetimes.is_over(asked.session, is_activity=True):
        return None
    return user if isinstance(user, User) and user.pk == sign_on.user_id else None
