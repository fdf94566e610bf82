"""Two at the same time, on a database that lets them."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from apps.accounts.models import User
from apps.builds import services as builds
from apps.builds.models import Build, ModelImage
from apps.core.errors import Conflict
from apps.deployments import services
from apps.deployments.models import ApiKey, Deployment, Endpoint, Rollout
from apps.outbox import services as outbox
from apps.outbox.models import OutboxMessage
from apps.projects.models import Project
from apps.registry.models import ModelVersion
from apps.runs import services as runs
from apps.runs.models import Run
from apps.runs.runners import RunContext
from apps.runs.states import RunState
from apps.stages import services as stages
from apps.stages.models import Environment, Stage
from tests import factories
from tests.builds.parts import drive
from tests.deployments.conftest import running
from tests.deployments.test_deploying import standing

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


def together(*functions: Callable[[], Any]) -> list[Any]:
    """What the functions return, or raise, when they are called at the same moment."""
    barrier = threading.Barrier(len(functions))
    answers: list[Any] = [None] * len(functions)

    def call(index: int, function: Callable[[], Any]) -> None:
        barrier.wait()
        try:
            answers[index] = function()
        except Exception as error:
            answers[index] = error
        finally:
            connection.close()

    threads = [
        threading.Thread(target=call, args=(index, function))
        for index, function in enumerate(functions)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    return answers


def test_the_same_event_delivered_twice_at_once_deploys_once(
    version: ModelVersion, stage: Stage, owner: User
) -> None:
    stages.enter_stage(version, stage, by=owner)
    message = OutboxMessage.objects.get(
        subscriber="apps.deployments.subscribers.deploy_the_version"
    )
    together(lambda: outbox.deliver(message.pk), lambda: outbox.deliver(message.pk))
    drive()

    assert (Deployment.objects.count(), Build.objects.count(), Rollout.objects.count()) == (1, 1, 1)
    assert standing() == {"v1": ("serving", 100)}


def test_two_who_deploy_the_same_move_at_once_share_everything(
    version: ModelVersion, stage: Stage, owner: User
) -> None:
    move = stages.enter_stage(version, stage, by=owner)
    OutboxMessage.objects.all().delete()
    first, second = together(
        *[lambda: services.deploy(version, move=move, by=owner) for _ in range(2)]
    )
    drive()

    assert first == second
    assert (Endpoint.objects.count(), Build.objects.count()) == (1, 1)


def test_versions_that_enter_at_once_share_an_endpoint_and_the_later_one_has_the_traffic(
    version: ModelVersion, second: ModelVersion, environment: Environment, owner: User
) -> None:
    both = factories.make_stage(
        "both", environment=environment, approvals_required=0, single_occupancy=False
    )
    moves = [stages.enter_stage(each, both, by=owner) for each in (version, second)]
    OutboxMessage.objects.all().delete()
    together(*[lambda m=move: services.deploy(m.version, move=m, by=owner) for move in moves])
    drive()

    assert Endpoint.objects.count() == 1
    assert standing() == {"v1": ("serving", 0), "v2": ("serving", 100)}


def test_models_of_like_names_that_are_deployed_at_once_get_endpoints_of_their_own(
    project: Project, stage: Stage, owner: User
) -> None:
    moves = []
    for name in ("scoring_a", "scoring a"):
        model = factories.make_model(project, name)
        stored = factories.make_stored_version(model, by=owner)
        moves.append(stages.enter_stage(stored, stage, by=owner))
    OutboxMessage.objects.all().delete()
    together(*[lambda m=move: services.deploy(m.version, move=m, by=owner) for move in moves])

    assert sorted(Endpoint.objects.values_list("slug", flat=True)) == [
        "scoring-a-live",
        "scoring-a-live-2",
    ]


def test_two_who_ask_for_a_build_at_once_get_the_same(
    version: ModelVersion, environment: Environment
) -> None:
    def ask() -> Build:
        return builds.request_build(
            version, environment, by=None, artifact_digest=version.artifact_digest
        )

    first, second = together(ask, ask)
    assert first == second
    assert Build.objects.count() == 1


def test_two_builds_of_the_same_image_at_once_make_one_row(
    version: ModelVersion, environment: Environment
) -> None:
    environment.options = {"slow": 0.2}
    environment.save()
    made = []
    for name in ("one", "two"):
        elsewhere = factories.make_environment(name, registry=name, options={"slow": 0.2})
        made.append(
            builds.request_build(
                version, elsewhere, by=None, artifact_digest=version.artifact_digest
            )
        )
    Environment.objects.update(registry="same.test:5000")
    together(*[lambda b=build: runs.execute(b.run_id) for build in made])

    assert set(Run.objects.values_list("state", flat=True)) == {RunState.SUCCEEDED}
    assert ModelImage.objects.count() == 1


def test_a_run_handed_to_two_workers_is_carried_out_once(
    version: ModelVersion, environment: Environment
) -> None:
    build = builds.request_build(
        version, environment, by=None, artifact_digest=version.artifact_digest
    )
    together(lambda: runs.execute(build.run_id), lambda: runs.execute(build.run_id))

    assert Run.objects.get().state == RunState.SUCCEEDED
    assert build.run.steps.count() == 4


def test_of_two_rollouts_that_switch_at_once_the_later_decision_has_the_traffic(
    version: ModelVersion, second: ModelVersion, environment: Environment, owner: User
) -> None:
    both = factories.make_stage(
        "both", environment=environment, approvals_required=0, single_occupancy=False
    )
    for each in (version, second):
        stages.enter_stage(each, both, by=owner)
    drive(runs_too=False)
    for run in Run.objects.filter(kind="builds.build"):
        runs.execute(run.pk)
    drive(runs_too=False)
    queued = Run.objects.filter(kind=services.ROLLOUT, state=RunState.QUEUED)
    together(*[lambda r=run: runs.execute(r.pk) for run in queued])
    drive()

    assert standing() == {"v1": ("serving", 0), "v2": ("serving", 100)}
    assert len(running()) == 2


def test_an_end_that_is_heard_twice_at_once_has_its_consequences_once(
    version: ModelVersion, stage: Stage, owner: User
) -> None:
    stages.enter_stage(version, stage, by=owner)
    drive(runs_too=False)
    runs.execute(Build.objects.get().run_id)
    drive(runs_too=False)
    rollout = Rollout.objects.select_related("run").get()
    claimed = runs.claim(rollout.run_id, worker="gone:1")
    assert claimed is not None
    runs.finish(claimed, RunState.FAILED, code="runs.platform.worker-lost")
    OutboxMessage.objects.all().delete()
    together(*[lambda: services.settle(rollout.run_id) for _ in range(2)])

    assert sorted(Rollout.objects.values_list("attempt", flat=True)) == [1, 2]


def test_two_who_retry_at_once_start_one_rollout(
    version: ModelVersion, environment: Environment, stage: Stage, owner: User
) -> None:
    environment.target, environment.options = "unwell", {"exits": "it ended with status 1"}
    environment.save()
    stages.enter_stage(version, stage, by=owner)
    drive()
    deployment = Deployment.objects.get()
    answers = together(*[lambda: services.retry(deployment, by=owner) for _ in range(2)])

    assert {type(answer) for answer in answers} == {Deployment, Conflict}
    assert Rollout.objects.filter(finished_at=None).count() == 1


def test_a_retirement_and_a_switch_at_once_leave_nothing_running_unseen(
    version: ModelVersion, stage: Stage, owner: User
) -> None:
    stages.enter_stage(version, stage, by=owner)
    drive(runs_too=False)
    runs.execute(Build.objects.get().run_id)
    drive(runs_too=False)
    rollout = Rollout.objects.select_related("run").get()
    claimed = runs.claim(rollout.run_id, worker="here:1")
    assert claimed is not None
    together(
        lambda: services.switch_traffic(claimed.rollout, RunContext(claimed)),
        lambda: services.retire(rollout.deployment, by=owner, reason="No."),
    )

    assert standing() == {"v1": ("retired", 0)}


def test_of_two_keys_of_the_same_name_made_at_once_one_is_refused(
    version: ModelVersion, stage: Stage, owner: User
) -> None:
    stages.enter_stage(version, stage, by=owner)
    drive()
    endpoint = Endpoint.objects.get()
    answers = together(
        *[lambda: services.create_api_key(endpoint, name="shop", by=owner) for _ in range(2)]
    )

    assert sorted(type(answer).__name__ for answer in answers) == ["AlreadyExists", "tuple"]
    assert ApiKey.objects.count() == 1
