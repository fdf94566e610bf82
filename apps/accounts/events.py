from dataclasses import dataclass

from apps.outbox.events import Event


@dataclass(frozen=True)
class AccountSwitched(Event):
    """An account was disabled, or enabled again."""

    user_id: int
