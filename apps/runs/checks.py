"""Runs name their kind, and somebody has to know how to carry it out."""

from collections.abc import Sequence
from typing import Any

from django.apps import apps
from django.core.checks import CheckMessage, Error, Tags, register
from django.db import DatabaseError

from apps.runs.models import Run
from apps.runs.runners import kinds, registration_of
from apps.runs.states import UNFINISHED


@register()
def kinds_name_their_app(**_: Any) -> list[CheckMessage]:
    """Failures are named after the kind, so its first part has to be the app that owns it."""
    found: list[CheckMessage] = []
    for kind in sorted(kinds()):
        config = apps.get_containing_app_config(registration_of(kind).function.__module__)
        if config is None or config.label != kind.partition(".")[0]:
            found.append(
                Error(
                    f"The runner of {kind} lives in {registration_of(kind).function.__module__}.",
                    hint="Name the kind <app>.<verb>, after the app that carries it out.",
                    id="runs.E001",
                )
            )
    return found


@register(Tags.database)
def waiting_runs_have_a_runner(
    databases: Sequence[str] | None = None, **_: Any
) -> list[CheckMessage]:
    if not databases:
        return []
    try:
        waiting = set(
            Run.objects.filter(state__in=UNFINISHED).order_by().values_list("kind", flat=True)
        )
    except DatabaseError:  # before the first migrate
        return []
    return [
        Error(
            f"Runs of the kind {kind} wait, and nothing carries them out.",
            hint="Was the app that owns them removed, or renamed its kind? Register a runner.",
            id="runs.E002",
        )
        for kind in sorted(waiting - kinds())
    ]
