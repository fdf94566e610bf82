from dataclasses import dataclass

from apps.outbox.events import Event


@dataclass(frozen=True)
class CardEdited(Event):
    version_id: int
    revision_id: int
    author_id: int


@dataclass(frozen=True)
class VersionCommented(Event):
    """Somebody said something about a version, outside of any review."""

    version_id: int
    comment_id: int


@dataclass(frozen=True)
class RunReadAgain(Event):
    """Somebody had the card filled in anew, so the files of the run are looked at again."""

    version_id: int
    by_id: int
