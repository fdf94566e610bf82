"""Tokens rest while their person does not sign on: for providers that tell of nobody who left."""

from datetime import timedelta

from allauth.socialaccount.models import SocialAccount, SocialApp
from django.utils import timezone

from apps.accounts.models import User
from apps.core.errors import DomainError


class TokenRests(DomainError):
    """The token is right, and its person has to sign on before it works again."""

    code = "not_authenticated"


def require_awake(user: User) -> None:
    """Raise `TokenRests` where a provider of the person wants to see him more often.

    Nobody signs on as a service account: its tokens end with the account, or with its owner's.
    """
    if user.is_service_account:
        return
    accounts = SocialAccount.objects.filter(user=user).values_list("provider", "last_login")
    last = dict(accounts)
    if not last:
        return
    for app in SocialApp.objects.filter(provider_id__in=last):
        days = app.settings.get("tokens_rest_after") or 0
        if days and last[app.provider_id] < timezone.now() - timedelta(days=days):
            raise TokenRests(
                f"This token rests: its person has not signed on through {app.name} for {days} "
                "days. It works again once he signs in to mlgov that way."
            )
