from collections.abc import Callable

import pytest

from apps.accounts.models import User
from apps.deployments.models import Deployment, Endpoint
from apps.deployments.targets.memory import MemoryTarget
from apps.registry.models import ModelVersion, RegisteredModel
from apps.stages import services as stages
from apps.stages.models import Environment, Stage, StageMove
from tests import factories
from tests.builds.parts import drive, in_memory_parts

__all__ = ["in_memory_parts"]
Enter = Callable[..., StageMove]


@pytest.fixture
def environment(db: None) -> Environment:
    return factories.make_environment("live", replicas=2)


@pytest.fixture
def stage(environment: Environment, archived: Stage) -> Stage:
    """A stage for one version of each model, without a review."""
    return factories.make_stage(
        "production", environment=environment, approvals_required=0, order=2
    )


@pytest.fixture
def version(model: RegisteredModel, data_scientist: User) -> ModelVersion:
    return factories.make_stored_version(
        model, by=data_scientist, input_example={"columns": ["a"], "data": [[1], [2]]}
    )


@pytest.fixture
def second(version: ModelVersion, data_scientist: User) -> ModelVersion:
    return factories.make_stored_version(version.model, by=data_scientist)


@pytest.fixture
def enter(owner: User) -> Enter:
    """Let a version into a stage, and do what the worker does thereupon."""

    def into(version: ModelVersion, stage: Stage, *, and_drive: bool = True) -> StageMove:
        move = stages.enter_stage(version, stage, by=owner)
        if and_drive:
            drive()
        return move

    return into


@pytest.fixture
def serving(version: ModelVersion, stage: Stage, enter: Enter) -> Deployment:
    """The first version, serving with all the traffic."""
    enter(version, stage)
    deployment = Deployment.objects.get(version=version)
    assert (deployment.state, deployment.traffic) == ("serving", 100)
    return deployment


@pytest.fixture
def endpoint(serving: Deployment) -> Endpoint:
    return serving.endpoint


def running() -> dict[str, int]:
    """How many replicas of which service run on the in-memory target."""
    counted = {
        name: sum(1 for replica in replicas.values() if not replica.failure)
        for name, replicas in MemoryTarget.spaces.get("", {}).items()
    }
    return {name: number for name, number in counted.items() if number}
