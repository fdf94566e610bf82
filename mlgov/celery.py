"""The Celery application, what beat does every few seconds, and how workers show that they live."""

import logging
import os
import time
from contextlib import ExitStack
from logging.config import dictConfig
from pathlib import Path
from typing import Any

import structlog
from celery import Celery, bootsteps
from celery.schedules import crontab
from celery.signals import (
    beat_init,
    before_task_publish,
    setup_logging,
    task_postrun,
    task_prerun,
    worker_ready,
)
from django.conf import settings
from django.db import close_old_connections, connection

from apps.core.context import acting, current

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mlgov.settings")

SHOW_LIFE_EVERY = 10.0
log = structlog.get_logger("mlgov.tasks")

app = Celery("mlgov")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
SCHEDULE: dict[str, dict[str, Any]] = {
    "sweep-outbox": {"task": "outbox.sweep", "schedule": 3.0},
    "sweep-runs": {"task": "runs.sweep", "schedule": 5.0},
    "seal-audit": {"task": "audit.seal", "schedule": 30.0},
    "remind-of-access-reviews": {
        "task": "projects.remind_of_access_reviews",
        "schedule": crontab(hour=5, minute=30),
    },
    "reconcile-deployments": {"task": "deployments.reconcile", "schedule": 10.0},
}
PERIODIC = {entry["task"] for entry in SCHEDULE.values()}
app.conf.beat_schedule = SCHEDULE


class SignOfLife(bootsteps.StartStopStep):
    """Notes in the database, every few seconds, which queues this worker serves.

    From the worker's main process and not by a task: a worker whose processes are all busy with
    long builds is alive, and would not come round to a task.
    """

    requires = ("celery.worker.components:Timer",)

    def __init__(self, parent: Any, **options: Any) -> None:
        super().__init__(parent, **options)
        self.entry: Any = None

    def start(self, parent: Any) -> None:
        self._show(parent)
        self.entry = parent.timer.call_repeatedly(SHOW_LIFE_EVERY, self._show, (parent,))

    def stop(self, parent: Any) -> None:
        if self.entry is not None:
            self.entry.cancel()
            self.entry = None

    def _show(self, parent: Any) -> None:
        note_worker = parent.app.tasks["runs.note_worker"]
        try:
            close_old_connections()
            note_worker(parent.hostname, sorted(parent.app.amqp.queues.consume_from))
        except Exception as error:
            log.warning("the sign of life could not be noted", error=str(error))
        finally:
            # Processes of the pool are forked from this one and must not inherit a connection.
            connection.close()


app.steps["worker"].add(SignOfLife)


@worker_ready.connect
@beat_init.connect
def tell_the_supervisor(**_: Any) -> None:
    if path := os.environ.get("MLGOV_READY_FILE"):
        Path(path).write_text(str(os.getpid()))


@setup_logging.connect
def log_as_django_does(**_: Any) -> None:
    """Celery would add handlers of its own; the level is MLGOV_LOG_LEVEL, as everywhere."""
    dictConfig(settings.LOGGING)


@before_task_publish.connect
def hand_the_request_id_on(headers: dict[str, Any] | None = None, **_: Any) -> None:
    if headers is not None and current().request_id:
        headers["mlgov_request_id"] = current().request_id


_open: dict[str, tuple[ExitStack, float]] = {}


@task_prerun.connect
def enter_context(task_id: str, task: Any, **_: Any) -> None:
    stack = ExitStack()
    stack.enter_context(acting(request_id=task.request.get("mlgov_request_id", ""), via="task"))
    stack.enter_context(structlog.contextvars.bound_contextvars(task=task.name, task_id=task_id))
    _open[task_id] = (stack, time.monotonic())


@task_postrun.connect
def leave_context(task_id: str, task: Any, state: str | None = None, **_: Any) -> None:
    """One line for each task; what beat asks for every few seconds only where somebody debugs."""
    stack, started = _open.pop(task_id, (ExitStack(), time.monotonic()))
    ms = round((time.monotonic() - started) * 1000, 1)
    level = logging.INFO
    if state != "SUCCESS":
        level = logging.ERROR
    elif task.name in PERIODIC:
        level = logging.DEBUG
    with stack:
        log.log(level, "task", state=state, ms=ms)
