from dataclasses import dataclass

from apps.outbox.events import Event


@dataclass(frozen=True)
class StageEntered(Event):
    version_id: int
    stage_id: int
    move_id: int


@dataclass(frozen=True)
class StageLeft(Event):
    """A version left a stage because another one took its place, or was archived."""

    version_id: int
    stage_id: int


@dataclass(frozen=True)
class StagePolicyChanged(Event):
    """What a stage asks for is another: everywhere, or in the one project that is named."""

    stage_id: int
    project_id: int | None = None
