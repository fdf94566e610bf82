from dataclasses import dataclass

from apps.outbox.events import Event


@dataclass(frozen=True)
class RunQueued(Event):
    run_id: int
    queue: str


@dataclass(frozen=True)
class RunEnded(Event):
    run_id: int
    kind: str
    state: str
    code: str
