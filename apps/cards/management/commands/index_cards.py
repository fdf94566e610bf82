"""Tells the search of cards that it does not know."""

import argparse
from typing import Any

from django.core.management.base import BaseCommand

from apps.cards.search import index


class Command(BaseCommand):
    help = "Index the cards that the search does not know. May be stopped and run again."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--all", action="store_true", help="index every card anew")

    def handle(self, *args: Any, **options: Any) -> None:
        count = index.catch_up(everything=options["all"])
        self.stdout.write(f"{count} indexed")
