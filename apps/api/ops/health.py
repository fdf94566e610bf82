"""Whether each part that mlgov needs is there, and what to do where it is not."""

import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from celery import current_app
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Min
from django.utils import timezone

from apps.outbox.models import MessageState, OutboxMessage
from apps.runs.models import WorkerBeat
from apps.runs.runners import queues

OVERDUE = timedelta(seconds=60)
SILENT = timedelta(seconds=60)


@dataclass(frozen=True)
class Part:
    """`ok` decides whether mlgov is ready; a `remedy` may be there all the same."""

    name: str
    ok: bool
    text: str
    remedy: str = ""

    def as_json(self) -> dict[str, Any]:
        return {key: value for key, value in asdict(self).items() if value != ""}


def parts() -> list[Part]:
    found = [_database()]
    if not found[0].ok:
        return found
    found.append(_migrations())
    if not found[-1].ok:
        return found
    return [*found, *(check() for check in _CHECKS)]


def _database() -> Part:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as error:
        return Part(
            "database",
            False,
            f"The database does not answer ({type(error).__name__}).",
            "Start it, or correct MLGOV_DATABASE_URL. The log has the driver's own words.",
        )
    return Part("database", True, "It answers.")


def _migrations() -> Part:
    executor = MigrationExecutor(connection)
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if missing:
        return Part(
            "migrations",
            False,
            f"{len(missing)} migrations are not applied.",
            "Run: manage.py migrate",
        )
    return Part("migrations", True, "All are applied.")


def _broker() -> Part:
    folder = settings.CELERY_BROKER_TRANSPORT_OPTIONS.get("data_folder_out")
    if folder and not os.access(folder, os.W_OK | os.X_OK):
        return Part(
            "broker",
            False,
            "The folder of the broker cannot be written to.",
            f"Give {folder} to the user that mlgov runs as.",
        )
    try:
        with current_app.connection_for_write() as broker:
            broker.ensure_connection(max_retries=1, interval_start=0, interval_step=0, timeout=3)
    except Exception as error:  # each transport of kombu has exceptions of its own
        return Part(
            "broker",
            False,
            f"The broker does not answer ({type(error).__name__}).",
            "Start it, or correct MLGOV_BROKER_URL. Nothing is lost meanwhile: work waits in the "
            "database.",
        )
    return Part("broker", True, "It answers.")


def _outbox() -> Part:
    """Messages that are due go out within seconds; those that failed wait for their next turn."""
    waiting = OutboxMessage.objects.filter(state=MessageState.WAITING)
    oldest_due = waiting.aggregate(at=Min("due_at"))["at"]
    overdue = (timezone.now() - oldest_due) if oldest_due else timedelta()
    if overdue > OVERDUE:
        return Part(
            "outbox",
            False,
            f"A message has been due for {overdue.total_seconds():.0f} s.",
            "See that a worker for the queue `default` and beat are running.",
        )
    stuck = OutboxMessage.objects.filter(state=MessageState.STUCK).count()
    if stuck:
        return Part(
            "outbox",
            True,
            f"{stuck} messages could not be delivered and wait for a person.",
            "Read their last error in the Django admin, mend the cause, and let them go again.",
        )
    return Part("outbox", True, "Nothing is overdue.")


def _workers() -> Part:
    """Each queue in which work may wait has a worker that was heard of lately."""
    since = timezone.now() - SILENT
    served: set[str] = set()
    for beat in WorkerBeat.objects.filter(at__gte=since):
        served.update(beat.queues)
    lonely = sorted(({"default"} | queues()) - served)
    if lonely:
        return Part(
            "workers",
            False,
            f"No worker has shown itself in the last {SILENT.seconds} s for: {', '.join(lonely)}.",
            f"Start one: celery -A mlgov worker --queues {','.join(lonely)}",
        )
    return Part("workers", True, "Each queue has a worker.")


_CHECKS: tuple[Callable[[], Part], ...] = (_broker, _outbox, _workers)
