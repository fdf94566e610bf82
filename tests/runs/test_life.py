"""The life of a run: queued, claimed once, visibly alive, ended once."""

import time
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from apps.core.errors import Conflict
from apps.outbox.models import OutboxMessage
from apps.runs import runners, services
from apps.runs.failures import RunFailure
from apps.runs.models import Run, RunLogLine, RunStep, StepState, WorkerBeat
from apps.runs.runners import RunContext
from apps.runs.states import RunState
from tests.threads import together

Runner = Callable[[Run, RunContext], None]


@pytest.fixture
def kind() -> Iterator[Callable[[Runner], str]]:
    """Register a function as a runner for one test."""
    before = dict(runners._runners)

    def register(function: Runner) -> str:
        runners.runner("tests.work", queue="builds")(function)
        return "tests.work"

    yield register
    runners._runners.clear()
    runners._runners.update(before)


def started(kind: str) -> Run:
    with transaction.atomic():
        return services.start(kind=kind, title="Work", requested_by=None)


def carried_out(kind: str) -> Run:
    run = started(kind)
    services.execute(run.pk)
    run.refresh_from_db()
    return run


pytestmark = pytest.mark.django_db(transaction=True)


def test_a_run_is_carried_out_step_by_step(kind):
    def work(run: Run, ctx: RunContext) -> None:
        with ctx.step("lock", "Resolve requirements"):
            ctx.log("first\nsecond")
        ctx.log("at last", stream="err")

    run = carried_out(kind(work))

    assert (run.state, run.queue, run.error_code) == ("succeeded", "builds", "")
    assert run.started_at <= run.finished_at
    assert list(RunStep.objects.values_list("name", "state")) == [("lock", "succeeded")]
    assert list(RunLogLine.objects.values_list("step__name", "stream", "text")) == [
        ("lock", "out", "first"),
        ("lock", "out", "second"),
        (None, "err", "at last"),
    ]
    told = {"run_id": run.pk, "kind": "tests.work", "state": "succeeded", "code": ""}
    ended = OutboxMessage.objects.filter(event="runs.RunEnded")
    assert {message.event for message in ended if message.payload == told} == {"runs.RunEnded"}
    assert all(message.payload == told for message in ended)


def test_a_failure_has_a_code_a_text_and_a_way_out(kind):
    def work(run: Run, ctx: RunContext) -> None:
        with ctx.step("install", "Install"):
            raise RunFailure("tests.model.not-found", "There is no numpy==99.", "Correct line 3.")

    run = carried_out(kind(work))

    assert (run.state, run.error_code, run.error_text, run.error_remedy) == (
        "failed",
        "tests.model.not-found",
        "There is no numpy==99.",
        "Correct line 3.",
    )
    assert run.is_authors_problem
    assert RunStep.objects.get().state == StepState.FAILED


def test_an_unexpected_error_is_the_platforms(kind, caplog):
    def work(run: Run, ctx: RunContext) -> None:
        ctx.mask("hush")
        raise ValueError("login as robot:hush failed")

    run = carried_out(kind(work))

    assert (run.state, run.error_code) == ("failed", "tests.platform.unexpected")
    assert not run.is_authors_problem
    assert RunLogLine.objects.get().text == "ValueError: login as robot:•••••• failed"
    assert "hush" not in caplog.text
    assert "login as robot" in caplog.text


def test_secrets_show_nowhere(kind):
    key = "-----BEGIN KEY-----\nabc\n-----END KEY-----"

    def work(run: Run, ctx: RunContext) -> None:
        ctx.mask("hush")
        ctx.mask("hush-hush")
        ctx.mask(key)
        ctx.mask("")
        ctx.log(f"docker login -p hush-hush && hush\n{key}\nnul \x00 and half \ud800")
        raise RunFailure("tests.platform.login", "hush was refused", "use another than hush")

    run = carried_out(kind(work))

    lines = list(RunLogLine.objects.values_list("text", flat=True))
    assert lines == [
        "docker login -p •••••• && ••••••",
        "••••••",
        "nul � and half ?",
        "•••••• was refused",
    ]
    assert (run.error_text, run.error_remedy) == (
        "•••••• was refused",
        "use another than ••••••",
    )


def test_a_log_ends_before_it_fills_the_disk(kind, monkeypatch):
    monkeypatch.setattr(runners, "LONGEST_LOG", 3)

    def work(run: Run, ctx: RunContext) -> None:
        ctx.log("x" * 10_000)
        ctx.log("\n".join("abcdef"))

    carried_out(kind(work))

    texts = list(RunLogLine.objects.values_list("text", flat=True))
    assert [len(texts[0]), *texts[1:]] == [4_000, "a", "(the log ends here: it has 3 lines)"]


def test_a_queued_run_that_is_cancelled_never_starts(kind):
    def work(run: Run, ctx: RunContext) -> None:
        raise AssertionError("it started")

    run = started(kind(work))
    services.request_cancel(run)
    services.execute(run.pk)

    run.refresh_from_db()
    assert (run.state, run.started_at) == ("cancelled", None)
    with pytest.raises(Conflict, match="has ended already"):
        services.request_cancel(run)


def test_a_running_run_ends_at_its_next_check(kind):
    def work(run: Run, ctx: RunContext) -> None:
        with ctx.step("one", "One"):
            services.request_cancel(run)
            ctx.check()
            raise AssertionError("it went on")

    run = carried_out(kind(work))
    assert (run.state, RunStep.objects.get().state) == ("cancelled", StepState.FAILED)


def test_a_silent_worker_loses_its_run_and_can_do_no_more(kind, settings):
    settings.MLGOV_LEASE_SECONDS = 60

    def work(run: Run, ctx: RunContext) -> None:
        with ctx.step("build", "Build"):
            # The machine sleeps; meanwhile somebody else looks.
            Run.objects.update(heartbeat_at=timezone.now() - timedelta(seconds=61))
            services.sweep()
            assert RunStep.objects.get().finished_at is not None
            ctx.check()
            raise AssertionError("it went on")

    run = carried_out(kind(work))

    assert (run.state, run.error_code) == ("failed", "runs.platform.worker-lost")
    ended = OutboxMessage.objects.filter(event="runs.RunEnded").values_list("payload", flat=True)
    assert {payload["state"] for payload in ended} == {"failed"}


def test_who_lost_a_run_cannot_end_it(kind):
    run = started(kind(lambda run, ctx: None))
    mine = services.claim(run.pk, worker="one")
    assert mine is not None
    Run.objects.update(token="somebody else's")

    assert services.finish(mine, RunState.SUCCEEDED) is False
    run.refresh_from_db()
    assert run.state == RunState.RUNNING


def test_a_living_run_is_left_alone(kind, settings):
    settings.MLGOV_LEASE_SECONDS = 1

    def work(run: Run, ctx: RunContext) -> None:
        for _ in range(8):
            time.sleep(0.2)
            services.sweep()
        ctx.check()

    assert carried_out(kind(work)).state == RunState.SUCCEEDED


def test_a_run_whose_bell_was_missed_is_rung_for_again(kind, monkeypatch):
    run = started(kind(lambda run, ctx: None))
    rung: list[tuple[int, str]] = []
    monkeypatch.setattr(services, "ring", lambda pk, queue: rung.append((pk, queue)))
    services.sweep()
    assert rung == []

    Run.objects.update(rung_at=timezone.now() - timedelta(seconds=11))
    services.sweep()
    services.sweep()
    assert rung == [(run.pk, "builds")]


def test_an_unknown_kind_fails_and_is_not_lost():
    run = Run.objects.create(kind="gone.work", title="Work")
    services.execute(run.pk)
    run.refresh_from_db()
    assert (run.state, run.error_code) == (RunState.FAILED, "gone.platform.unexpected")


def test_workers_that_are_gone_are_forgotten():
    services.note_worker("old@host", ["default"])
    WorkerBeat.objects.update(at=timezone.now() - timedelta(days=2))
    services.note_worker("new@host", ["builds", "default"])
    services.note_worker("new@host", ["builds"])

    assert list(WorkerBeat.objects.values_list("name", "queues")) == [("new@host", ["builds"])]


@pytest.mark.postgres
def test_of_two_workers_with_the_same_run_one_is_refused(kind):
    for _ in range(10):
        run = started(kind(lambda run, ctx: None))
        claimed = together(
            lambda pk=run.pk: services.claim(pk, worker="one"),
            lambda pk=run.pk: services.claim(pk, worker="two"),
        )
        winners = [found.worker for found in claimed if found is not None]
        run.refresh_from_db()
        assert winners == [run.worker]


@pytest.mark.postgres
def test_a_run_that_is_cancelled_and_claimed_at_once_does_one_of_both(kind):
    for _ in range(10):
        run = started(kind(lambda run, ctx: None))
        _, claimed = together(
            lambda run=run: services.request_cancel(run),
            lambda pk=run.pk: services.claim(pk, worker="one"),
        )
        run.refresh_from_db()
        if claimed is None:
            assert run.state == RunState.CANCELLED
        else:
            assert (run.state, run.cancel_requested) == (RunState.RUNNING, True)
