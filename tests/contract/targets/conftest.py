import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from apps.deployments.targets.base import DeploymentTarget, ReplicaStatus, ServiceSpec
from apps.deployments.targets.memory import MemoryTarget
from apps.deployments.targets.registry import target
from tests.contract.builders import packed
from tests.contract.targets.waiting import wait

KINDS = [
    "memory",
    pytest.param("process", marks=pytest.mark.slow),
    pytest.param("docker", marks=[pytest.mark.docker, pytest.mark.slow]),
]
BUILDERS = {"process": "venv", "docker": "docker"}


@dataclass
class Place:
    """A target, with a service that can be deployed to it."""

    kind: str
    make: Callable[[], DeploymentTarget]
    target: DeploymentTarget
    spec: ServiceSpec
    broken: ServiceSpec
    body: bytes
    predictions: list[Any]

    def healthy(self, replicas: int) -> list[ReplicaStatus]:
        return wait(self.target, self.spec.name, "healthy", replicas)


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    kind, name = request.param, f"mlgov-t{uuid.uuid4().hex[:8]}"
    options = {"state_dir": str(tmp_path), "sockets_dir": str(tmp_path), "space": name}

    def make() -> DeploymentTarget:
        return MemoryTarget(options) if kind == "memory" else target(kind, options)

    if kind == "memory":
        spec = ServiceSpec(name, "memory", "memory", "sha256:1")
        made = Place(kind, make, make(), spec, spec, b'{"dataframe_records": [{}, {}]}', [0, 1])
    else:
        good, broken = packed.iris(BUILDERS[kind]), packed.broken(BUILDERS[kind])
        spec, bad = (
            ServiceSpec(
                name,
                one.image.reference,
                one.environment.reference,
                one.spec.artifact_digest,
                env={"MLGOV_MODEL_NAME": "tests/iris"},
            )
            for one in (good, broken)
        )
        made = Place(kind, make, make(), spec, bad, good.body, good.predictions)
    yield made
    made.make().remove(name)
