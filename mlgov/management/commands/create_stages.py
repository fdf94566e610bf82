"""The first stages of an empty installation, for those who do not start it with `serve`."""

from typing import Any

from django.core.management.base import BaseCommand

from mlgov.beginnings import choose_engine, ensure_stages


class Command(BaseCommand):
    help = "Make Staging, Production and Archived with environments, in an empty installation."

    def handle(self, *args: Any, **options: Any) -> None:
        engine = choose_engine()
        if ensure_stages(engine, by=None):
            self.stdout.write(f"Made the first stages and environments. {engine.sentence}")
        else:
            self.stdout.write("There are stages or projects already: nothing was made.")
