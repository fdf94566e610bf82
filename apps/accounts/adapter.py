"""How allauth behaves here."""

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest


class ClosedAccountAdapter(DefaultAccountAdapter):
    """People are invited by an administrator; nobody signs up by himself."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False
