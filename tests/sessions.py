"""Sessions of test clients."""

from allauth.account.internal.flows.login import record_authentication
from django.http import HttpRequest
from django.test import Client

from apps.accounts.models import User


def sign_in(client: Client, user: User, *, asked_again: bool = False) -> Client:
    """As if the person had given his password a moment ago, or had been asked for it again."""
    client.force_login(user)
    request = HttpRequest()
    request.session = client.session
    record_authentication(request, user, "password", reauthenticated=asked_again)
    request.session.save()
    return client
