from dataclasses import dataclass

from apps.outbox.events import Event


@dataclass(frozen=True)
class ImageBuilt(Event):
    build_id: int


@dataclass(frozen=True)
class BuildFailed(Event):
    """A build failed or was cancelled, and is not tried again by itself."""

    build_id: int


@dataclass(frozen=True)
class BuildRetried(Event):
    """Another build took over from one that failed: a person or mlgov tries again."""

    build_id: int
    earlier_build_id: int
