"""What has to hold before a version enters a stage.

Stages know gates, not who provides them: the apps above register theirs when Django is ready.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass

from apps.accounts.models import User
from apps.registry.models import ModelVersion
from apps.stages.models import Stage


@dataclass(frozen=True)
class Detail:
    """One thing that is missing, and the page where somebody mends it."""

    text: str
    url: str


@dataclass(frozen=True)
class GateResult:
    gate: str
    ok: bool
    text: str
    details: tuple[Detail, ...] = ()


class Gate(ABC):
    name: str

    @abstractmethod
    def check(self, version: ModelVersion, stage: Stage) -> GateResult:
        """Whether the version may enter the stage now, in a sentence that says what is missing."""

    def check_entry(self, version: ModelVersion, stage: Stage) -> GateResult:
        """The same when everybody has approved; some gates then ask for more."""
        return self.check(version, stage)

    def told_to(
        self, reader: User | None, version: ModelVersion, stage: Stage, *, at_entry: bool
    ) -> GateResult:
        """What it says to somebody, who may not read all that it asks about; None: mlgov itself."""
        return self.check_entry(version, stage) if at_entry else self.check(version, stage)


_gates: list[Gate] = []


def register(gate: Gate) -> None:
    if all(known.name != gate.name for known in _gates):
        _gates.append(gate)


def results(version: ModelVersion, stage: Stage, *, reader: User) -> list[GateResult]:
    """What each gate says to somebody before a review is asked for."""
    return [gate.told_to(reader, version, stage, at_entry=False) for gate in _gates]


def results_at_entry(
    version: ModelVersion, stage: Stage, *, reader: User | None = None
) -> list[GateResult]:
    """What each gate says when the version is about to move, by somebody or by mlgov itself."""
    return [gate.told_to(reader, version, stage, at_entry=True) for gate in _gates]


class ArtifactsAreStored(Gate):
    """The bytes are in mlgov's own storage, under a digest."""

    name = "artifacts-are-stored"

    def check(self, version: ModelVersion, stage: Stage) -> GateResult:
        if version.is_ready:
            return GateResult(self.name, True, f"Stored under {version.artifact_digest[:19]}…")
        text = f"{version} is not ready: {version.get_state_display().lower()}."
        return GateResult(self.name, False, text)


register(ArtifactsAreStored())
