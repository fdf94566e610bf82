"""From a stage that was entered to a version that serves."""

import re
from datetime import timedelta

import pytest

from apps.accounts.models import User
from apps.audit.queries import activity_of
from apps.builds.models import Build
from apps.core.errors import Conflict
from apps.deployments import services
from apps.deployments.models import Deployment, Endpoint, Replica, Rollout
from apps.deployments.states import DEPLOYMENT, DeploymentState
from apps.outbox.models import OutboxMessage
from apps.projects.models import Project
from apps.registry import guards
from apps.registry.models import ModelVersion, RegisteredModel
from apps.runs import services as runs
from apps.runs.states import RunState
from apps.stages import services as stages
from apps.stages.models import Environment, Stage
from apps.stages.queries import current_stage
from tests import factories
from tests.builds.parts import drive
from tests.deployments.conftest import Enter, running


def standing() -> dict[str, tuple[str, int]]:
    """State and traffic of each deployment, by its version."""
    return {
        f"v{d.version.number}": (d.state, d.traffic)
        for d in Deployment.objects.select_related("version").order_by("version__number")
    }


def actions(deployment: Deployment) -> list[str]:
    return [event.action for event in activity_of(deployment).order_by("id")]


def test_a_version_that_enters_a_stage_is_built_and_serves(
    version: ModelVersion, stage: Stage, enter: Enter
) -> None:
    move = enter(version, stage)

    deployment = Deployment.objects.get()
    assert (deployment.state, deployment.traffic) == (DeploymentState.SERVING, 100)
    assert deployment.move == move
    assert deployment.image is not None
    assert deployment.image.artifact_digest == version.artifact_digest
    assert (str(deployment.endpoint), deployment.endpoint.path) == (
        "credit/scoring-live",
        "/endpoints/credit/scoring-live/invocations",
    )
    assert running() == {deployment.service_name: 2}
    assert [(r.index, r.state) for r in Replica.objects.all()] == [(0, "healthy"), (1, "healthy")]
    rollout = Rollout.objects.get()
    assert rollout.finished_at is not None
    assert [step.name for step in rollout.run.steps.all()] == [
        *("verify", "start", "health", "smoke", "switch", "retire"),
    ]
    assert actions(deployment) == ["deployment.request", "rollout.start", "deployment.serve"]


def test_what_is_told_names_the_review_and_the_digest(
    version: ModelVersion, stage: Stage, owner: User
) -> None:
    stages.enter_stage(version, stage, by=owner, review_id=42)
    drive()

    event = activity_of(Deployment.objects.get()).filter(action="deployment.serve").get()
    assert (event.data["review"], event.data["artifact_digest"]) == (42, version.artifact_digest)
    assert event.project_id == version.model.project_id


def test_hearing_twice_of_the_same_move_deploys_once(
    version: ModelVersion, stage: Stage, owner: User
) -> None:
    move = stages.enter_stage(version, stage, by=owner)
    for _ in range(2):
        services.deploy(version, move=move, by=owner)
    drive()
    services.deploy(version, move=move, by=owner)
    drive()

    assert (Deployment.objects.count(), Build.objects.count(), Rollout.objects.count()) == (1, 1, 1)


def test_hearing_twice_of_an_image_rolls_out_once(serving: Deployment) -> None:
    services.roll_out_waiting(Build.objects.get().pk)
    services.fail_waiting(Build.objects.get().pk)
    services.settle(Rollout.objects.get().run_id)
    services.clear(serving.pk)
    drive()

    assert standing() == {"v1": ("serving", 100)}
    assert Rollout.objects.count() == 1
    assert actions(serving) == ["deployment.request", "rollout.start", "deployment.serve"]


def test_a_stage_without_an_environment_deploys_nothing(
    version: ModelVersion, archived: Stage, enter: Enter, owner: User
) -> None:
    move = enter(version, archived)

    assert not Deployment.objects.exists()
    with pytest.raises(Conflict, match="has no environment"):
        services.deploy(version, move=move, by=owner)


def test_the_next_version_takes_over_and_the_earlier_one_is_retired(
    serving: Deployment, second: ModelVersion, stage: Stage, enter: Enter
) -> None:
    enter(second, stage)

    assert standing() == {"v1": ("retired", 0), "v2": ("serving", 100)}
    assert running() == {Deployment.objects.get(version=second).service_name: 2}
    assert not Replica.objects.filter(deployment=serving).exists()
    assert Endpoint.objects.count() == 1


def test_versions_whose_stages_share_an_environment_are_all_kept(
    serving: Deployment, second: ModelVersion, environment: Environment, enter: Enter
) -> None:
    canary = factories.make_stage("canary", environment=environment, approvals_required=0)
    enter(second, canary)

    assert standing() == {"v1": ("serving", 0), "v2": ("serving", 100)}
    assert len(running()) == 2


def test_the_same_version_in_two_environments_is_built_once(
    serving: Deployment, version: ModelVersion, enter: Enter
) -> None:
    mirror = factories.make_environment("mirror")
    enter(version, factories.make_stage("mirror", environment=mirror, approvals_required=0))

    assert Build.objects.count() == 1
    assert [(d.endpoint.slug, d.state) for d in Deployment.objects.order_by("pk")] == [
        ("scoring-live", "serving"),
        ("scoring-mirror", "serving"),
    ]


def test_a_version_that_goes_on_to_another_stage_goes_on_serving_in_the_first(
    serving: Deployment, version: ModelVersion, enter: Enter
) -> None:
    enter(version, factories.make_stage("shelf", approvals_required=0))

    assert standing() == {"v1": ("serving", 100)}


def test_a_version_that_is_archived_serves_no_longer(
    serving: Deployment, version: ModelVersion, archived: Stage, enter: Enter
) -> None:
    enter(version, archived)

    assert standing() == {"v1": ("retired", 0)}
    assert running() == {}


def test_a_version_that_is_archived_while_it_is_built_is_not_deployed(
    version: ModelVersion, stage: Stage, archived: Stage, enter: Enter
) -> None:
    enter(version, stage, and_drive=False)
    drive(runs_too=False)
    enter(version, archived)

    assert standing() == {"v1": ("retired", 0)}
    assert (running(), Rollout.objects.count()) == ({}, 0)


def test_a_version_that_is_archived_before_its_rollout_stands_down(
    version: ModelVersion, stage: Stage, archived: Stage, owner: User, enter: Enter
) -> None:
    enter(version, stage, and_drive=False)
    drive(runs_too=False)
    build = Build.objects.get()
    stages.enter_stage(version, archived, by=owner)
    OutboxMessage.objects.all().delete()  # what tells of the archiving is still under way
    runs.execute(build.run_id)
    services.roll_out_waiting(build.pk)
    drive()

    assert standing() == {"v1": ("retired", 0)}
    assert Rollout.objects.get().run.state == RunState.SUCCEEDED
    assert running() == {}


def test_a_version_that_comes_back_serves_again_without_a_build(
    serving: Deployment,
    version: ModelVersion,
    second: ModelVersion,
    stage: Stage,
    enter: Enter,
) -> None:
    enter(second, stage)
    move = enter(version, stage)

    assert standing() == {"v1": ("serving", 100), "v2": ("retired", 0)}
    serving.refresh_from_db()
    assert (serving.move, serving.retired_at) == (move, None)
    assert Build.objects.count() == 2


def test_of_two_moves_the_later_one_has_the_traffic_whichever_is_heard_first(
    version: ModelVersion, second: ModelVersion, environment: Environment, owner: User
) -> None:
    both = factories.make_stage(
        "both", environment=environment, approvals_required=0, single_occupancy=False
    )
    earlier = stages.enter_stage(version, both, by=owner)
    later = stages.enter_stage(second, both, by=owner)
    services.deploy(second, move=later, by=owner)
    services.deploy(version, move=earlier, by=owner)
    drive()

    assert standing() == {"v1": ("serving", 0), "v2": ("serving", 100)}


def test_models_whose_names_look_alike_get_different_endpoints(
    project: Project, stage: Stage, owner: User, enter: Enter
) -> None:
    for name in ("Scoring_v", "scoring v", "评分"):
        model = factories.make_model(project, name)
        enter(factories.make_stored_version(model, by=owner), stage)

    assert sorted(Endpoint.objects.values_list("slug", flat=True)) == [
        "model-live",
        "scoring-v-live",
        "scoring-v-live-2",
    ]
    for endpoint in Endpoint.objects.all():
        endpoint.full_clean()


def test_a_deployed_version_is_not_deleted(
    serving: Deployment, version: ModelVersion, model: RegisteredModel, owner: User
) -> None:
    for action, obj in (
        (guards.Action.DELETE_VERSION, version),
        (guards.Action.DELETE_MODEL, model),
    ):
        with pytest.raises(Conflict, match=r"scoring v1 is serving in Live\. Retire"):
            guards.require(action, obj)
    guards.require(guards.Action.RENAME_MODEL, model)

    services.retire(serving, by=owner, reason="No longer needed.")
    guards.require(guards.Action.DELETE_VERSION, version)


def test_a_serving_version_does_not_move_to_a_stage_that_deploys_nothing(
    serving: Deployment, version: ModelVersion, stage: Stage, archived: Stage, owner: User
) -> None:
    idle = factories.make_stage("candidate", approvals_required=0, order=1)

    with pytest.raises(Conflict, match=r"scoring v1 is serving in Live\. Retire .*, or archive"):
        stages.move(version, idle, by=owner)

    serving.refresh_from_db()
    assert (current_stage(version), serving.state) == (stage, DeploymentState.SERVING)
    stages.move(version, archived, by=owner)
    assert current_stage(ModelVersion.objects.get()) == archived


def test_what_is_retired_may_move_to_any_stage(
    serving: Deployment, version: ModelVersion, owner: User
) -> None:
    idle = factories.make_stage("candidate", approvals_required=0, order=1)
    services.retire(serving, by=owner, reason="No longer needed.")

    stages.move(version, idle, by=owner)

    assert current_stage(ModelVersion.objects.get()) == idle


def test_two_installations_on_one_engine_do_not_share_a_name(serving: Deployment) -> None:
    elsewhere = Deployment(pk=serving.pk, created_at=serving.created_at + timedelta(seconds=1))

    assert Deployment.objects.get().service_name == serving.service_name
    assert elsewhere.service_name != serving.service_name
    assert re.fullmatch(r"[a-z][a-z0-9-]{1,40}", serving.service_name)


@pytest.mark.parametrize("state", DeploymentState.values)
@pytest.mark.parametrize("verb", DEPLOYMENT.transitions)
def test_a_deployment_moves_only_as_the_table_says(state: str, verb: str) -> None:
    deployment = Deployment(state=state)
    transition = DEPLOYMENT.transitions[verb]
    if state in transition.sources:
        DEPLOYMENT.apply(deployment, verb)
        assert deployment.state == transition.target
    else:
        with pytest.raises(Conflict):
            DEPLOYMENT.apply(deployment, verb)
        assert deployment.state == state
