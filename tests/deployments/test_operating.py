"""Retry, cancel, roll back, retire: who may, and when it is too late."""

import pytest
from django.contrib.auth.models import Group

from apps.accounts.models import User
from apps.audit.queries import activity_of
from apps.builds.models import Build
from apps.core.errors import Conflict, Invalid, NotFound, NotPermitted
from apps.deployments import services
from apps.deployments.models import Deployment, Rollout
from apps.projects.roles import INFRASTRUCTURE_ADMINS
from apps.registry.models import ModelVersion
from apps.runs.models import Run
from apps.stages.models import Environment, Stage
from tests import factories
from tests.builds.parts import drive
from tests.deployments.conftest import Enter, running
from tests.deployments.test_deploying import standing


@pytest.fixture
def replaced(serving: Deployment, second: ModelVersion, stage: Stage, enter: Enter) -> Deployment:
    """The first version, after the second one took its place."""
    enter(second, stage)
    serving.refresh_from_db()
    return serving


def test_an_earlier_version_is_rolled_back_to_without_a_build(
    replaced: Deployment, owner: User
) -> None:
    services.roll_back(replaced, by=owner, reason="v2 refuses pensioners")
    drive()

    assert standing() == {"v1": ("serving", 100), "v2": ("serving", 0)}
    assert Build.objects.count() == 2
    rollout = Rollout.objects.first()
    assert rollout is not None
    assert (rollout.kind, rollout.reason) == ("rollback", "v2 refuses pensioners")
    event = activity_of(replaced).filter(action="deployment.roll_back").get()
    assert (event.actor_id, event.reason) == (owner.pk, "v2 refuses pensioners")


def test_after_a_rollback_the_way_forward_is_open(
    replaced: Deployment, second: ModelVersion, owner: User
) -> None:
    services.roll_back(replaced, by=owner, reason="a mistake")
    drive()
    services.roll_back(Deployment.objects.get(version=second), by=owner, reason="it was none")
    drive()

    assert standing() == {"v1": ("retired", 0), "v2": ("serving", 100)}
    assert len(running()) == 1


def test_a_rollback_whose_replicas_fail_changes_nothing(
    replaced: Deployment, environment: Environment, owner: User
) -> None:
    environment.target, environment.options = "unwell", {"exits": "it ended with status 1"}
    environment.save()
    services.roll_back(replaced, by=owner, reason="try")
    drive()

    assert standing() == {"v1": ("failed", 0), "v2": ("serving", 100)}


def test_a_rollback_needs_a_reason(replaced: Deployment, owner: User) -> None:
    with pytest.raises(Invalid) as refusal:
        services.roll_back(replaced, by=owner, reason="  ")
    assert "reason" in refusal.value.details
    assert Rollout.objects.count() == 2


def test_what_has_the_traffic_is_not_rolled_back_to(serving: Deployment, owner: User) -> None:
    with pytest.raises(Conflict, match="has all the traffic already"):
        services.roll_back(serving, by=owner, reason="why not")


def test_an_image_of_other_content_is_not_rolled_back_to(replaced: Deployment, owner: User) -> None:
    assert replaced.image is not None
    replaced.image.artifact_digest = f"sha256:{'0' * 64}"
    replaced.image.save()

    with pytest.raises(Conflict, match="does not hold what was approved"):
        services.roll_back(replaced, by=owner, reason="try")


def test_a_second_rollback_waits_for_the_first(replaced: Deployment, owner: User) -> None:
    services.roll_back(replaced, by=owner, reason="once")
    with pytest.raises(Conflict):
        services.roll_back(replaced, by=owner, reason="twice")
    assert Rollout.objects.filter(deployment=replaced, finished_at=None).count() == 1


def test_a_retired_deployment_leaves_the_endpoint_empty(serving: Deployment, owner: User) -> None:
    with pytest.raises(Invalid):
        services.retire(serving, by=owner, reason="")
    services.retire(serving, by=owner, reason="The product has ended.")
    drive()

    assert (standing(), running()) == ({"v1": ("retired", 0)}, {})
    with pytest.raises(Conflict):
        services.retire(serving, by=owner, reason="again")


def test_what_serves_is_neither_retried_nor_cancelled(serving: Deployment, owner: User) -> None:
    with pytest.raises(Conflict, match="only a failed one"):
        services.retry(serving, by=owner)
    with pytest.raises(Conflict, match="nothing to cancel"):
        services.cancel(serving, by=owner)


def test_an_archived_version_is_not_retried(
    version: ModelVersion,
    environment: Environment,
    stage: Stage,
    archived: Stage,
    enter: Enter,
    owner: User,
) -> None:
    environment.options = {"unreachable": True}
    environment.save()
    enter(version, stage)
    deployment = Deployment.objects.get()
    version.placement.stage = archived
    version.placement.save()

    with pytest.raises(Conflict, match="was archived"):
        services.retry(deployment, by=owner)


def test_a_build_is_cancelled_with_its_deployment(
    version: ModelVersion, stage: Stage, enter: Enter, owner: User
) -> None:
    enter(version, stage, and_drive=False)
    drive(runs_too=False)
    services.cancel(Deployment.objects.get(), by=owner)
    drive()

    assert standing() == {"v1": ("failed", 0)}
    assert [run.state for run in Run.objects.all()] == ["cancelled"]

    services.retry(Deployment.objects.get(), by=owner)
    drive()
    assert standing() == {"v1": ("serving", 100)}


def test_rights_follow_the_role_in_the_project(
    replaced: Deployment,
    data_scientist: User,
    reviewer: User,
    viewer: User,
    stranger: User,
) -> None:
    for verb in (services.roll_back, services.retire):
        for person in (data_scientist, reviewer, viewer):
            with pytest.raises(NotPermitted):
                verb(replaced, by=person, reason="because")
        with pytest.raises(NotFound):
            verb(replaced, by=stranger, reason="because")
    for person in (reviewer, viewer):
        with pytest.raises(NotPermitted):
            services.retry(replaced, by=person)
    with pytest.raises(Conflict):  # he may; it is only too late
        services.retry(replaced, by=data_scientist)
    assert standing() == {"v1": ("retired", 0), "v2": ("serving", 100)}


def test_infrastructure_admins_operate_every_project(replaced: Deployment) -> None:
    admin = factories.make_user("infra")
    admin.groups.add(Group.objects.get_or_create(name=INFRASTRUCTURE_ADMINS)[0])

    services.roll_back(replaced, by=admin, reason="The pager rang.")
    drive()

    assert standing()["v1"] == ("serving", 100)
