from dataclasses import dataclass

from apps.outbox.events import Event


@dataclass(frozen=True)
class DeliveryQueued(Event):
    """Something happened that a webhook is to be told of."""

    delivery_id: int
