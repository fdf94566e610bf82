"""Runs mlgov on this machine: web, worker, beat and an MLflow tracking server, until Ctrl-C."""

import getpass
import os
import sys
from typing import Any

from django.conf import settings
from django.contrib.auth import password_validation
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from rich.console import Console

from apps.accounts.models import User
from apps.audit.services import record
from apps.core.context import acting
from mlgov import embedded
from mlgov.beginnings import choose_engine, ensure_stages, is_empty
from mlgov.supervisor import NotStarted

VARIABLES = {
    "username": "MLGOV_ADMIN_USERNAME",
    "email": "MLGOV_ADMIN_EMAIL",
    "password": "MLGOV_ADMIN_PASSWORD",
}
NOBODY = "There is no administrator yet, so nobody could sign in."


class Command(BaseCommand):
    help = "Run web, worker, beat and an MLflow tracking server on this machine, until Ctrl-C."
    requires_system_checks: list[str] = []  # migrate, which comes first, runs them

    def handle(self, *args: Any, **options: Any) -> None:
        console = Console(highlight=False, soft_wrap=True)
        try:
            with embedded.servers(console, first=_prepare) as supervisor:
                console.print(f"mlgov answers on {settings.MLGOV_BASE_URL} (Ctrl-C ends it)")
                supervisor.run_until_signal()
        except KeyboardInterrupt:
            return
        except (embedded.NotServable, NotStarted) as refusal:
            raise CommandError(str(refusal), returncode=2) from None


def _prepare(console: Console) -> None:
    ensure_administrator(console)
    if is_empty():
        engine = choose_engine()
        ensure_stages(engine, by=None)
        console.print(f"    ready: stages and environments. {engine.sentence}", markup=False)


def ensure_administrator(console: Console) -> None:
    """See to it that somebody can sign in: from the environment, or by asking in a terminal."""
    if User.objects.filter(is_superuser=True, is_active=True).exists():
        return
    given = {field: os.environ.get(name, "").strip() for field, name in VARIABLES.items()}
    # The servers have no use for it, and an environment is easily read.
    os.environ.pop(VARIABLES["password"], None)
    if any(given.values()):
        missing = [VARIABLES[field] for field, value in given.items() if not value]
        if missing:
            raise embedded.NotServable(f"{NOBODY} Set {' and '.join(missing)} too.")
        try:
            user = create_administrator(**given)
        except ValidationError as error:
            raise embedded.NotServable(f"{NOBODY} {' '.join(error.messages)}") from None
    elif sys.stdin.isatty():
        user = _ask(console)
    else:
        raise embedded.NotServable(
            f"{NOBODY} Run this in a terminal to be asked for one, or set "
            + ", ".join(VARIABLES.values())
            + "."
        )
    console.print(f"    ready: administrator {user.username}")


@transaction.atomic
def create_administrator(*, username: str, email: str, password: str) -> User:
    user = User(username=username, email=email, is_staff=True, is_superuser=True)
    password_validation.validate_password(password, user)
    user.set_password(password)
    user.full_clean()
    with acting(via="command"):
        user.save()
        record(actor=None, action="user.create", obj=user, data={"administrator": True})
    return user


def _ask(console: Console) -> User:
    console.print("This is the first start. Who administers mlgov?")
    while True:
        given = {
            "username": input("    Username: ").strip(),
            "email": input("    E-mail: ").strip(),
            "password": getpass.getpass("    Password: "),
        }
        if getpass.getpass("    Password again: ") != given["password"]:
            console.print("    The two passwords differ.")
            continue
        try:
            return create_administrator(**given)
        except ValidationError as error:
            for message in error.messages:
                console.print(f"    {message}", markup=False)
