"""The life of a run: queued, claimed once, visibly alive, ended once."""

import logging
import secrets
import socket
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from os import getpid

from celery import current_app
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from apps.accounts.models import User
from apps.core.context import acting, current
from apps.core.errors import Conflict
from apps.outbox.services import publish
from apps.runs.events import RunEnded, RunQueued
from apps.runs.failures import WORKER_LOST, RunCancelled, RunFailure, RunLost
from apps.runs.models import Run, StepState, WorkerBeat
from apps.runs.runners import RunContext, registration_of
from apps.runs.states import RUN, UNFINISHED, RunState

log = logging.getLogger(__name__)
RING_AGAIN_AFTER = timedelta(seconds=10)
FORGET_WORKERS_AFTER = timedelta(days=1)


def start(
    *, kind: str, title: str, requested_by: User | None, asked_for: str = "", queue: str = ""
) -> Run:
    """Queue a run, in the transaction of the write that wants it.

    `asked_for` is the action that `requested_by` was allowed. Nobody: mlgov does it by itself.
    """
    run = Run.objects.create(
        kind=kind,
        title=title[:300],
        queue=queue or registration_of(kind).queue,
        requested_by=requested_by,
        asked_for=asked_for if requested_by is not None else "",
        request_id=current().request_id,
    )
    publish(RunQueued(run.pk, run.queue))
    return run


def vouch(run: Run, *, by: User | None, asked_for: str) -> None:
    """Somebody asks for what waits already: from here on the run stands on his right."""
    Run.objects.filter(pk=run.pk, state=RunState.QUEUED).update(
        requested_by=by, asked_for=asked_for if by is not None else ""
    )


def ring(run_id: int, queue: str) -> None:
    current_app.send_task("runs.execute", args=[run_id], queue=queue, retry=False)


def claim(run_id: int, *, worker: str) -> Run | None:
    """Take a queued run. Of two workers handed the same run, one gets None."""
    # One UPDATE, not read-then-write: brokers redeliver what outlives their visibility timeout.
    now = timezone.now()
    token = secrets.token_hex(16)
    taken = Run.objects.filter(pk=run_id, state=RunState.QUEUED).update(
        state=RunState.RUNNING, worker=worker, token=token, started_at=now, heartbeat_at=now
    )
    return Run.objects.get(pk=run_id) if taken else None


@contextmanager
def heartbeat(run: Run) -> Iterator[None]:
    """Show that the run is alive, from a thread beside the work."""
    stopped = threading.Event()

    def beat() -> None:
        while not stopped.wait(settings.MLGOV_LEASE_SECONDS / 4):
            try:
                Run.objects.filter(pk=run.pk, token=run.token).update(heartbeat_at=timezone.now())
            except Exception:
                log.exception("heartbeat of run %s failed", run.pk)
        connection.close()

    thread = threading.Thread(target=beat, name=f"heartbeat-{run.pk}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join(timeout=5)


def execute(run_id: int) -> None:
    """Carry a queued run out, whatever comes of it."""
    run = claim(run_id, worker=f"{socket.gethostname()}:{getpid()}")
    if run is None:
        return
    context = RunContext(run)
    with acting(request_id=run.request_id, via="task"), heartbeat(run):
        try:
            context.check()
            _require_still_permitted(run)
            registration_of(run.kind).function(run, context)
            context.check()
        except RunCancelled:
            finish(run, RunState.CANCELLED)
        except RunLost:
            log.warning("run %s was given up meanwhile", run.pk)
        except RunFailure as failure:
            context.log(failure.text, stream="err")
            finish(
                run,
                RunState.FAILED,
                code=failure.code,
                text=context.masked(failure.text),
                remedy=context.masked(failure.remedy),
            )
        except Exception as error:
            # Not log.exception: the message of an exception may hold what the run has to mask.
            log.error(
                "run %s (%s) failed unexpectedly\n%s",
                run.pk,
                run.kind,
                context.masked(traceback.format_exc()),
            )
            context.log(f"{type(error).__name__}: {error}", stream="err")
            finish(
                run,
                RunState.FAILED,
                code=f"{run.kind.split('.')[0]}.platform.unexpected",
                text="Something went wrong that mlgov did not expect.",
                remedy="Try again. If it happens again, show the platform's people this run: "
                "the log of the worker has the details.",
            )
        else:
            finish(run, RunState.SUCCEEDED)


def _require_still_permitted(run: Run) -> None:
    """A worker acts as the person who asked, who may have lost the right while the run waited."""
    person = run.requested_by
    if person is None:
        return
    allows = registration_of(run.kind).allows
    if not person.may_act:
        text = f"The account of {person}, who asked for this, was disabled meanwhile."
    elif run.asked_for and allows is not None and not allows(person, run):
        text = f"{person}, who asked for this, may not do it any more."
    else:
        return
    raise RunFailure(
        f"{run.kind.split('.')[0]}.project.not-permitted",
        text,
        "Nothing was done. Somebody who may can try again.",
    )


@transaction.atomic
def finish(run: Run, state: RunState, *, code: str = "", text: str = "", remedy: str = "") -> bool:
    """End a run, once. Returns False where somebody else ended it before."""
    ended = Run.objects.filter(pk=run.pk, state__in=UNFINISHED, token=run.token).update(
        state=state,
        finished_at=timezone.now(),
        error_code=code,
        error_text=text,
        error_remedy=remedy,
    )
    if not ended:
        return False
    # The steps of a worker that went silent do not go on for ever.
    run.steps.filter(state=StepState.RUNNING).update(
        state=StepState.FAILED, finished_at=timezone.now()
    )
    publish(RunEnded(run.pk, run.kind, state, code))
    run.refresh_from_db()
    return True


@transaction.atomic
def request_cancel(run: Run) -> Run:
    """Ask a run to end. A queued one ends at once, a running one at its next check."""
    run = Run.objects.select_for_update().get(pk=run.pk)
    if not RUN.allows(run, "cancel"):
        raise Conflict(f"“{run.title}” has ended already, so there is nothing to cancel.")
    run.cancel_requested = True
    run.save(update_fields=["cancel_requested"])
    if run.state == RunState.QUEUED:
        finish(run, RunState.CANCELLED)
    return run


def sweep() -> None:
    """Ring again for runs that wait, and give up those whose worker has been silent."""
    now = timezone.now()
    waiting = Run.objects.filter(state=RunState.QUEUED, rung_at__lt=now - RING_AGAIN_AFTER)
    for run in waiting.order_by("id")[:100]:
        Run.objects.filter(pk=run.pk).update(rung_at=now)
        try:
            ring(run.pk, run.queue)
        except Exception:
            log.warning("the broker did not take the bell of run %s", run.pk, exc_info=True)
    silent = Run.objects.filter(
        state=RunState.RUNNING,
        heartbeat_at__lt=now - timedelta(seconds=settings.MLGOV_LEASE_SECONDS),
    )
    for run in silent[:100]:
        finish(
            run,
            RunState.FAILED,
            code=WORKER_LOST,
            text="The worker that carried this out went silent.",
            remedy="mlgov starts it again by itself, but only a few times in a row: "
            "where it stays failed, look after the workers and retry it.",
        )


def note_worker(name: str, queues: list[str]) -> None:
    """Note that a worker is alive. Those that have been silent for a day are forgotten."""
    now = timezone.now()
    WorkerBeat.objects.update_or_create(name=name[:120], defaults={"at": now, "queues": queues})
    WorkerBeat.objects.filter(at__lt=now - FORGET_WORKERS_AFTER).delete()
