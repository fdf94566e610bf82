from dataclasses import dataclass

from apps.outbox.events import Event


@dataclass(frozen=True)
class ReviewRequested(Event):
    review_id: int


@dataclass(frozen=True)
class ReviewApproved(Event):
    review_id: int


@dataclass(frozen=True)
class VerdictGiven(Event):
    review_id: int
    verdict_id: int


@dataclass(frozen=True)
class VerdictsBecameStale(Event):
    """The card was edited while a review was open; whoever decided has to look again."""

    review_id: int


@dataclass(frozen=True)
class ReviewCommented(Event):
    review_id: int
    comment_id: int


@dataclass(frozen=True)
class ReviewWithdrawn(Event):
    review_id: int


@dataclass(frozen=True)
class ReviewClosed(Event):
    """mlgov closed a review that cannot lead anywhere any more: its version was archived."""

    review_id: int


@dataclass(frozen=True)
class ReviewFoundationChanged(Event):
    """What decides on a review changed, and it was no verdict: a membership, or the stage."""

    review_id: int
