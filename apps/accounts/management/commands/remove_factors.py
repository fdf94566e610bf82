"""For somebody who lost the phone, the key and the codes."""

from typing import Any

from allauth.mfa.models import Authenticator
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from apps.accounts.models import User
from apps.audit.services import record
from apps.core.context import acting


class Command(BaseCommand):
    help = "Remove all second factors of a person, who can then sign in with the password alone."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")

    def handle(self, *args: Any, username: str, **options: Any) -> None:
        with acting(via="command"), transaction.atomic():
            user = User.objects.filter(username=username).first()
            if user is None:
                raise CommandError(f"There is no account “{username}”.")
            found = Authenticator.objects.filter(user=user)
            kinds = sorted(found.values_list("type", flat=True))
            if kinds:
                found.delete()
                record(actor=None, action="mfa.remove", obj=user, data={"kind": ", ".join(kinds)})
        self.stdout.write(f"{user} has no second factor now ({len(kinds)} removed).")
