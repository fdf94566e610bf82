"""An in-memory builder, and how tests install it and the in-memory target: as plug-ins."""

import hashlib
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.utils import timezone

from apps.builds.builders.base import (
    BuildContext,
    Builder,
    BuildSpec,
    EnvironmentArtifact,
    ImageArtifact,
)
from apps.core.digests import sha256_of_file, tree_digest
from apps.deployments.targets.memory import MemoryTarget
from apps.outbox.models import MessageState, OutboxMessage
from apps.outbox.services import deliver
from apps.runs import services as runs
from apps.runs.failures import RunFailure
from apps.runs.models import Run
from apps.runs.states import RunState

ENTRY_POINTS = """
[mlgov.builders]
memory = tests.builds.parts:MemoryBuilder
[mlgov.sandboxes]
memory = tests.evaluations.parts:MemorySandbox
[mlgov.targets]
memory = apps.deployments.targets.memory:MemoryTarget
unwell = tests.deployments.parts:UnwellTarget
"""


class MemoryBuilder(Builder):
    """Images that are nothing but their names. Options: `unreachable`, `conflict`, `slow`."""

    environments: set[str] = set()

    def check(self) -> None:
        if self.options.get("unreachable"):
            raise RunFailure(
                "builds.platform.engine-unreachable", "The engine does not answer.", "Start it."
            )

    def environment_key(self, spec: BuildSpec) -> str:
        wanted = "\n".join((spec.python, *spec.requirements))
        return hashlib.sha256(wanted.encode()).hexdigest()

    def build_environment(self, spec: BuildSpec, ctx: BuildContext) -> EnvironmentArtifact:
        if self.options.get("conflict"):
            raise RunFailure(
                "builds.model.requirements-conflict", "a and b cannot be installed together."
            )
        if seconds := self.options.get("slow"):
            time.sleep(seconds)
        key = self.environment_key(spec)
        reused = key in self.environments
        self.environments.add(key)
        return EnvironmentArtifact(key, f"memory:{key[:12]}", "\n".join(spec.requirements), reused)

    def build_model(
        self, spec: BuildSpec, environment: EnvironmentArtifact, ctx: BuildContext
    ) -> ImageArtifact:
        entries = []
        for path in spec.model_dir.rglob("*"):
            if path.is_file():
                with path.open("rb") as file:
                    name = path.relative_to(spec.model_dir).as_posix()
                    entries.append((name, path.stat().st_size, sha256_of_file(file)))
        found = tree_digest(entries)
        ctx.log(" ".join(f"{name}={value}" for name, value in sorted(spec.labels.items())))
        both = hashlib.sha256(f"{environment.key}{found}".encode()).hexdigest()
        return ImageArtifact(f"memory:{spec.name}@{both}", f"sha256:{both}", found, len(entries))

    def remove(self, reference: str) -> None:
        pass


@pytest.fixture(autouse=True)
def in_memory_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Install the in-memory parts as everybody's plug-ins are installed, and end their servers."""
    installed = tmp_path / "plugins" / "mlgov_in_memory-1.dist-info"
    installed.mkdir(parents=True)
    (installed / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: mlgov-in-memory\nVersion: 1\n"
    )
    (installed / "entry_points.txt").write_text(ENTRY_POINTS)
    monkeypatch.syspath_prepend(str(installed.parent))
    MemoryBuilder.environments.clear()
    yield
    for services in MemoryTarget.spaces.values():
        for replicas in services.values():
            for replica in replicas.values():
                if not replica.failure:
                    replica.stop()
    MemoryTarget.spaces.clear()


def drive(*, runs_too: bool = True) -> None:
    """Do what the worker does, here and now: deliver what waits, carry out what is queued."""
    for _ in range(500):
        message = (
            OutboxMessage.objects.filter(state=MessageState.WAITING, due_at__lte=timezone.now())
            .order_by("id")
            .first()
        )
        if message is not None:
            deliver(message.pk)
            message.refresh_from_db()
            assert message.last_error == "", f"{message}: {message.last_error}"
            continue
        run = Run.objects.filter(state=RunState.QUEUED).order_by("id").first()
        if run is None or not runs_too:
            return
        runs.execute(run.pk)
    raise AssertionError("there is always more to do")


def work() -> None:
    """One look of a worker that others work beside: it takes what is there and goes on."""
    due = OutboxMessage.objects.filter(state=MessageState.WAITING, due_at__lte=timezone.now())
    for pk in list(due.order_by("id").values_list("pk", flat=True)):
        deliver(pk)
    for pk in list(Run.objects.filter(state=RunState.QUEUED).values_list("pk", flat=True)):
        runs.execute(pk)
