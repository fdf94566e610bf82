"""Walks the chain of seals and says whether somebody changed the audit trail."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.audit import services


class Command(BaseCommand):
    help = (
        "Check every seal of the audit trail. Exit status 1 where an event does not fit its seal."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        found = services.verify()
        if found.broken_at is not None:
            raise CommandError(
                f"The trail was changed: event {found.broken_at} does not fit its seal. The "
                f"{found.sealed} seals before it fit. Compare with a backup, and with the heads "
                "of the chain in the log.",
                returncode=1,
            )
        self.stdout.write(
            f"{found.sealed} sealed events fit their seals; {found.unsealed} are not sealed yet. "
            f"Head of the chain: {found.head}"
        )
