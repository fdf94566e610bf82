from dataclasses import dataclass

from apps.outbox.events import Event


@dataclass(frozen=True)
class MemberAdded(Event):
    membership_id: int


@dataclass(frozen=True)
class AccessReviewDue(Event):
    """Nobody has signed for long who has access to the project."""

    project_id: int


@dataclass(frozen=True)
class MembershipChanged(Event):
    """Somebody is a member, has another role or other reviewer roles, or is no member any more."""

    project_id: int
    user_id: int
