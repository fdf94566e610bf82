"""Sessions of test clients."""

from allauth.account.internal.flows.login import record_authentication
from django.http import HttpRequest
from django.test import Client

from apps.accounts.models import User


def sign_in(client: Client, user: User) -> Client:
    """As if the person had given his password a moment ago."""
    client.force_login(user)
    request = HttpRequest()
    request.session = client.session
    record_authentication(request, user, "password")
    request.session.save()
    return client
