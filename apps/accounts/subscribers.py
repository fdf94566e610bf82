"""What follows when somebody signs in, or changes how he does."""

from typing import Any

from allauth.account.signals import (
    password_changed,
    password_reset,
    password_set,
    user_logged_in,
)
from allauth.mfa.models import Authenticator
from allauth.mfa.signals import authenticator_added, authenticator_removed, authenticator_reset
from django.core.mail import send_mail
from django.db import transaction
from django.dispatch import receiver
from django.http import HttpRequest

from apps.accounts import browsers
from apps.accounts.claims import apply_claims
from apps.accounts.events import SecurityMailDue
from apps.accounts.models import User
from apps.accounts.sign_on import claims_of
from apps.audit.services import record
from apps.outbox.subscriptions import subscribe


@receiver(user_logged_in, dispatch_uid="accounts.note_the_browser")
def note_the_browser(request: HttpRequest, user: User, response: Any = None, **_: Any) -> None:
    browsers.note_sign_in(request, response, user)


@receiver(user_logged_in, dispatch_uid="accounts.give_what_the_claims_say")
def give_what_the_claims_say(user: User, sociallogin: Any = None, **_: Any) -> None:
    if sociallogin is not None:
        account = sociallogin.account
        apply_claims(user, account.provider, claims_of(account.extra_data) or {})


@receiver(authenticator_added, dispatch_uid="accounts.record_an_added_factor")
def record_an_added_factor(user: User, authenticator: Authenticator, **_: Any) -> None:
    _record(user, "mfa.add", authenticator)


@receiver(authenticator_removed, dispatch_uid="accounts.record_a_removed_factor")
def record_a_removed_factor(user: User, authenticator: Authenticator, **_: Any) -> None:
    _record(user, "mfa.remove", authenticator)


@receiver(authenticator_reset, dispatch_uid="accounts.record_a_reset_factor")
def record_a_reset_factor(user: User, authenticator: Authenticator, **_: Any) -> None:
    _record(user, "mfa.reset", authenticator)


@receiver(password_changed, dispatch_uid="accounts.record_a_changed_password")
@receiver(password_set, dispatch_uid="accounts.record_a_first_password")
@receiver(password_reset, dispatch_uid="accounts.record_a_forgotten_password")
@transaction.atomic
def record_a_new_password(user: User, signal: Any = None, **_: Any) -> None:
    """How it was given, and nothing of what it is."""
    how = "by mail" if signal is password_reset else "by its person"
    record(actor=user, action="user.set_password", obj=user, data={"how": how})


# allauth tells of it after the commit.
@transaction.atomic
def _record(user: User, action: str, authenticator: Authenticator) -> None:
    record(actor=user, action=action, obj=user, data={"kind": str(authenticator.type)})


@subscribe(SecurityMailDue, slow=True)
def send_the_security_mail(payload: dict[str, Any]) -> None:
    user = User.objects.get(pk=payload["user_id"])
    if user.email and not user.is_service_account:
        send_mail(payload["subject"], payload["text"], None, [user.email])
