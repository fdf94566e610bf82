from dataclasses import dataclass

from apps.outbox.events import Event


@dataclass(frozen=True)
class NotificationCreated(Event):
    notification_id: int
