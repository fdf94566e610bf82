"""Rollouts that fail, are cancelled, or lose their worker."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from apps.accounts.models import User
from apps.audit.queries import activity_of
from apps.builds.models import Build
from apps.deployments import rollout as work
from apps.deployments import services
from apps.deployments.models import Deployment, Rollout
from apps.outbox.models import OutboxMessage
from apps.registry.models import ModelVersion
from apps.runs import services as runs
from apps.runs.failures import RunLost
from apps.runs.models import Run
from apps.runs.runners import RunContext
from apps.runs.states import RunState
from apps.stages.models import Environment, Stage
from tests.builds.parts import drive
from tests.deployments.conftest import Enter, running
from tests.deployments.test_deploying import standing

LOAD_FAILURE = "the model fails to load: ModuleNotFoundError: No module named 'xgboost'"


@pytest.fixture(autouse=True)
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "LOOK_EVERY", 0.01)


def change(environment: Environment, **options: Any) -> None:
    """Make the next rollouts of the environment fail in a way of their own."""
    environment.target, environment.options = "unwell", options
    environment.save()


def last_run() -> Run:
    return Rollout.objects.select_related("run").order_by("-pk")[0].run


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        ({"target_down": True}, "deployments.platform.engine-unreachable", "does not answer"),
        ({"exits": LOAD_FAILURE}, "deployments.model.load-failed", "No module named 'xgboost'"),
        ({"exits": "it used more memory than it may"}, "deployments.platform.out-of-memory", ""),
        ({"exits": "it ended with status 1"}, "deployments.platform.replica-exited", "status 1"),
        (
            {"never_healthy": True, "health_seconds": 0.05},
            "deployments.platform.not-healthy",
            "0 of 2 replicas became healthy within 0.05 seconds. replica 0: still loading",
        ),
        ({"refuses": True}, "deployments.model.example-fails", "status 400: .*no column age"),
    ],
)
def test_a_rollout_that_fails_says_why_and_leaves_the_traffic_where_it_was(
    serving: Deployment,
    second: ModelVersion,
    environment: Environment,
    stage: Stage,
    enter: Enter,
    options: dict[str, Any],
    code: str,
    words: str,
) -> None:
    second.input_example = [{"a": 1}]
    second.save()
    change(environment, **options)
    enter(second, stage)

    run = last_run()
    assert (run.state, run.error_code) == (RunState.FAILED, code)
    assert run.error_remedy
    assert re.search(words, run.error_text)
    assert standing() == {"v1": ("serving", 100), "v2": ("failed", 0)}
    assert running() == {serving.service_name: 2}


def test_the_last_words_of_a_failed_replica_are_in_the_log(
    version: ModelVersion, environment: Environment, stage: Stage, enter: Enter
) -> None:
    change(environment, exits=LOAD_FAILURE)
    enter(version, stage)

    log = [line.text for line in last_run().log.all()]
    assert f"{Deployment.objects.get().service_name}-0 {LOAD_FAILURE}" in log
    assert log[-2] == "The replicas were removed. What served before goes on serving."


def test_more_replicas_than_the_target_runs_are_refused(
    version: ModelVersion, environment: Environment, stage: Stage, enter: Enter
) -> None:
    environment.replicas = 21
    environment.save()
    enter(version, stage)

    assert last_run().error_code == "deployments.platform.too-many-replicas"
    assert running() == {}


def test_an_image_with_other_content_than_was_approved_is_not_started(
    version: ModelVersion, stage: Stage, enter: Enter
) -> None:
    enter(version, stage, and_drive=False)
    drive(runs_too=False)
    runs.execute(Build.objects.get().run_id)
    drive(runs_too=False)
    image = Deployment.objects.get().image
    assert image is not None
    image.artifact_digest = f"sha256:{'0' * 64}"
    image.save()
    drive()

    assert last_run().error_code == "deployments.platform.digest-mismatch"
    assert (standing(), running()) == ({"v1": ("failed", 0)}, {})


def test_a_failed_build_fails_the_deployment_and_a_retry_takes_it_up(
    version: ModelVersion, environment: Environment, stage: Stage, enter: Enter, owner: User
) -> None:
    environment.options = {"unreachable": True}
    environment.save()
    enter(version, stage)
    assert standing() == {"v1": ("failed", 0)}

    environment.options = {}
    environment.save()
    services.retry(Deployment.objects.get(), by=owner)
    drive()

    assert standing() == {"v1": ("serving", 100)}
    assert Build.objects.count() == 2


def test_the_worker_is_lost_while_it_builds_and_the_version_is_deployed(
    version: ModelVersion, stage: Stage, enter: Enter
) -> None:
    enter(version, stage, and_drive=False)
    drive(runs_too=False)
    _lose(Build.objects.get().run)
    drive()

    assert standing() == {"v1": ("serving", 100)}
    deployment = Deployment.objects.get()
    assert deployment.build == Build.objects.first()
    assert Build.objects.count() == 2


class KilledAt(RunContext):
    """A context that ends the work at a step as a killed worker does: nothing else happens."""

    def __init__(self, run: Run, step: str, *, before: bool) -> None:
        super().__init__(run)
        self.fatal, self.before = step, before

    def step(self, name: str, title: str) -> Any:
        return _Step(super().step(name, title), self, name)


class _Step:
    def __init__(self, step: Any, ctx: KilledAt, name: str) -> None:
        self.step, self.ctx, self.name = step, ctx, name

    def __enter__(self) -> Any:
        if self.name == self.ctx.fatal and self.ctx.before:
            raise RunLost
        return self.step.__enter__()

    def __exit__(self, *error: Any) -> Any:
        if self.name == self.ctx.fatal and not self.ctx.before:
            raise RunLost
        return self.step.__exit__(*error)


def _lose(run: Run) -> None:
    claimed = runs.claim(run.pk, worker="gone:1")
    assert claimed is not None
    _go_silent(run)


def _go_silent(run: Run) -> None:
    Run.objects.filter(pk=run.pk).update(heartbeat_at=timezone.now() - timedelta(hours=1))
    runs.sweep()


def _kill_rollout(step: str, *, before: bool) -> None:
    """Carry the queued rollout out until the worker is killed."""
    run = Run.objects.get(kind=services.ROLLOUT, state=RunState.QUEUED)
    claimed = runs.claim(run.pk, worker="gone:1")
    assert claimed is not None
    with pytest.raises(RunLost):
        work.roll_out(claimed.rollout, KilledAt(claimed, step, before=before))
    _go_silent(run)


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
@pytest.mark.parametrize("step", ["verify", "start", "health", "smoke", "switch", "retire"])
def test_whenever_the_worker_is_killed_the_version_ends_up_deployed_once(
    serving: Deployment,
    second: ModelVersion,
    stage: Stage,
    enter: Enter,
    step: str,
    before: bool,
) -> None:
    enter(second, stage, and_drive=False)
    drive(runs_too=False)
    runs.execute(Run.objects.get(kind="builds.build", state=RunState.QUEUED).pk)
    drive(runs_too=False)
    _kill_rollout(step, before=before)
    drive()

    deployed = Deployment.objects.get(version=second)
    assert standing() == {"v1": ("retired", 0), "v2": ("serving", 100)}
    assert running() == {deployed.service_name: 2}
    told = [event.action for event in activity_of(deployed)]
    assert told.count("deployment.serve") == 1
    assert [(r.attempt, r.finished_at is None) for r in deployed.rollouts.order_by("pk")] == [
        (1, False),
        (2, False),
    ]


def test_a_rollout_that_loses_its_worker_again_and_again_fails(
    version: ModelVersion, stage: Stage, enter: Enter
) -> None:
    enter(version, stage, and_drive=False)
    drive(runs_too=False)
    runs.execute(Build.objects.get().run_id)
    for _ in range(services.ATTEMPTS):
        drive(runs_too=False)
        _lose(Run.objects.get(kind=services.ROLLOUT, state=RunState.QUEUED))
    drive()

    assert standing() == {"v1": ("failed", 0)}
    assert Rollout.objects.count() == services.ATTEMPTS


def test_a_worker_that_was_given_up_switches_nothing(
    serving: Deployment, second: ModelVersion, stage: Stage, enter: Enter
) -> None:
    enter(second, stage, and_drive=False)
    drive(runs_too=False)
    runs.execute(Run.objects.get(kind="builds.build", state=RunState.QUEUED).pk)
    drive(runs_too=False)
    run = Run.objects.get(kind=services.ROLLOUT, state=RunState.QUEUED)
    claimed = runs.claim(run.pk, worker="slow:1")
    assert claimed is not None
    context = RunContext(claimed)
    _go_silent(run)

    with pytest.raises(RunLost):
        services.switch_traffic(claimed.rollout, context)
    assert standing() == {"v1": ("serving", 100), "v2": ("deploying", 0)}


def test_a_rollout_is_cancelled_and_what_served_goes_on(
    serving: Deployment,
    second: ModelVersion,
    environment: Environment,
    stage: Stage,
    enter: Enter,
    owner: User,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    change(environment, never_healthy=True)
    enter(second, stage, and_drive=False)
    drive(runs_too=False)
    runs.execute(Run.objects.get(kind="builds.build", state=RunState.QUEUED).pk)
    drive(runs_too=False)
    deployment = Deployment.objects.get(version=second)

    def cancel_it(seconds: float) -> None:
        services.cancel(deployment, by=owner)

    monkeypatch.setattr(work.time, "sleep", cancel_it)
    drive()

    assert last_run().state == RunState.CANCELLED
    assert standing() == {"v1": ("serving", 100), "v2": ("failed", 0)}
    assert running() == {serving.service_name: 2}


def test_failures_are_told_once(
    version: ModelVersion, environment: Environment, stage: Stage, enter: Enter
) -> None:
    change(environment, exits=LOAD_FAILURE)
    enter(version, stage)
    services.settle(last_run().pk)
    drive()

    told = OutboxMessage.objects.filter(
        event="deployments.DeploymentFailed",
        subscriber="apps.deployments.subscribers.clear_what_failed",
    )
    assert told.count() == 1


@pytest.mark.parametrize(
    ("example", "payload"),
    [
        (None, None),
        ({"columns": ["a"], "data": [[1]]}, {"dataframe_split": {"columns": ["a"], "data": [[1]]}}),
        ({"dataframe_split": {"data": [[1]]}}, {"dataframe_split": {"data": [[1]]}}),
        ([{"a": 1}], {"dataframe_records": [{"a": 1}]}),
        ([[1, 2]], {"inputs": [[1, 2]]}),
        ({"a": [1]}, {"inputs": {"a": [1]}}),
    ],
)
def test_the_input_example_becomes_a_request(example: Any, payload: Any) -> None:
    assert work.payload_of(example) == payload
