"""What is brought back, what is cleared away, and what is left alone."""

from typing import Any

import pytest
from django.core.cache import cache

from apps.accounts.models import User
from apps.audit.queries import activity_of
from apps.deployments import services
from apps.deployments.models import Deployment, Replica
from apps.deployments.services.replicas import LOCK
from apps.deployments.targets.memory import MemoryTarget
from apps.registry.models import ModelVersion
from apps.stages.models import Environment, Stage
from tests import factories
from tests.builds.parts import drive
from tests.deployments.conftest import Enter, running
from tests.deployments.test_deploying import standing


def heals(deployment: Deployment) -> list[dict[str, Any]]:
    return [e.data["replicas"] for e in activity_of(deployment).filter(action="deployment.heal")]


def restart_the_machine() -> None:
    """Every replica is gone, and nobody was told."""
    for replicas in MemoryTarget.spaces[""].values():
        for replica in replicas.values():
            replica.stop()
    MemoryTarget.spaces.clear()


def test_what_serves_is_left_alone(serving: Deployment) -> None:
    before = list(Replica.objects.order_by("pk").values())

    assert services.reconcile() == 0
    assert heals(serving) == []
    assert list(Replica.objects.order_by("pk").values()) == before


def test_replicas_that_are_gone_are_brought_back(serving: Deployment) -> None:
    restart_the_machine()

    assert services.reconcile() == 1
    assert running() == {serving.service_name: 2}
    assert heals(serving) == [{"0": "it is not there", "1": "it is not there"}]
    known = {replica.address for replica in MemoryTarget.spaces[""][serving.service_name].values()}
    assert set(Replica.objects.values_list("address", flat=True)) == known
    assert services.reconcile() == 0
    assert len(heals(serving)) == 1


def test_replicas_are_brought_back_at_once_after_each_restart(serving: Deployment) -> None:
    for _ in range(3):
        restart_the_machine()
        assert services.reconcile() == 1

    assert running() == {serving.service_name: 2}


def test_a_replica_that_ended_is_brought_back(serving: Deployment) -> None:
    MemoryTarget({}).fail(serving.service_name, 1, "it ended with status 137")

    assert services.reconcile() == 1
    assert running() == {serving.service_name: 2}
    assert [replica.state for replica in Replica.objects.all()] == ["healthy", "healthy"]


def test_a_replica_that_ends_again_and_again_is_brought_back_once_in_a_while(
    serving: Deployment,
) -> None:
    for _ in range(3):
        MemoryTarget({}).fail(serving.service_name, 1, "it ended with status 137")
        services.reconcile()
        if running() == {serving.service_name: 1}:
            break

    assert running() == {serving.service_name: 1}
    ended = Replica.objects.get(index=1)
    assert (ended.state, ended.detail) == ("exited", "it ended with status 137")
    assert len(heals(serving)) == 1


def test_a_target_that_does_not_answer_is_noted_and_the_others_are_looked_after(
    serving: Deployment,
    version: ModelVersion,
    environment: Environment,
    enter: Enter,
    caplog: pytest.LogCaptureFixture,
) -> None:
    mirror = factories.make_environment("mirror")
    enter(version, factories.make_stage("mirror", environment=mirror, approvals_required=0))
    restart_the_machine()
    environment.target, environment.options = "unwell", {"target_down": True}
    environment.save()

    assert services.reconcile() == 1
    assert running() == {Deployment.objects.get(endpoint__environment=mirror).service_name: 1}
    assert "the target of Live does not answer: The engine does not answer." in caplog.messages
    assert standing() == {"v1": ("serving", 100)}


def test_what_a_retired_deployment_left_is_cleared_away(
    serving: Deployment, owner: User, environment: Environment
) -> None:
    services.retire(serving, by=owner, reason="Enough.")  # and nobody hears of it
    assert running() == {serving.service_name: 2}

    services.reconcile()
    assert (running(), Replica.objects.count()) == ({}, 0)


def test_a_deployment_on_its_way_is_left_to_its_rollout(
    serving: Deployment, second: ModelVersion, stage: Stage, enter: Enter, owner: User
) -> None:
    enter(second, stage)
    services.roll_back(serving, by=owner, reason="try")
    assert services.reconcile() == 0
    assert serving.service_name not in running()


def test_of_two_reconciliations_at_the_same_time_one_does_nothing(serving: Deployment) -> None:
    restart_the_machine()
    cache.add(LOCK, "somebody else")

    assert services.reconcile() == 0
    assert running() == {}
    assert cache.get(LOCK) == "somebody else"

    cache.delete(LOCK)
    assert services.reconcile() == 1


def test_looking_costs_the_same_number_of_queries_for_one_replica_and_for_three(
    serving: Deployment, environment: Environment, django_assert_max_num_queries: Any
) -> None:
    with django_assert_max_num_queries(16) as one:
        services.reconcile()
    Deployment.objects.update(replicas=3)
    drive()
    services.reconcile()
    with django_assert_max_num_queries(16) as three:
        services.reconcile()
    assert len(one) == len(three)
