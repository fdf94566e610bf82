from dataclasses import dataclass

from apps.outbox.events import Event


@dataclass(frozen=True)
class SecurityMailDue(Event):
    """Something about the safety of an account changed, which its person is told by mail."""

    user_id: int
    subject: str
    text: str


@dataclass(frozen=True)
class AccountSwitched(Event):
    """An account was disabled, or enabled again."""

    user_id: int
