from dataclasses import dataclass

from apps.outbox.events import Event


@dataclass(frozen=True)
class CardEdited(Event):
    version_id: int
    revision_id: int
    author_id: int
