from dataclasses import dataclass

from apps.outbox.events import Event


@dataclass(frozen=True)
class EvaluationFinished(Event):
    evaluation_id: int
    version_id: int
    digest: str


@dataclass(frozen=True)
class EvaluationFailed(Event):
    evaluation_id: int
    version_id: int
