from dataclasses import dataclass

from apps.outbox.events import Event


@dataclass(frozen=True)
class MemberAdded(Event):
    membership_id: int
