"""Whether the search knows all cards; after each migration it is told of those that it does not."""

from collections.abc import Sequence
from typing import Any

from django.apps import apps
from django.core.checks import CheckMessage, Tags, Warning, register
from django.db import DatabaseError
from django.db.models.signals import post_migrate

from apps.cards.search import index

post_migrate.connect(index.after_migrating, sender=apps.get_app_config("cards"))


@register(Tags.database)
def all_cards_are_indexed(databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    if not databases:
        return []
    try:
        count = index.not_indexed().count()
    except DatabaseError:  # before the first migrate
        return []
    if not count:
        return []
    return [
        Warning(
            f"The search does not know the newest cards of {count} versions.",
            hint="Run: manage.py index_cards",
            id="cards.W001",
        )
    ]
