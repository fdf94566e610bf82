"""Which sections and fields a card has."""

from collections.abc import Iterable

from apps.cards.models import CardRevision
from apps.cards.schema import BUILT_IN, Catalogue
from apps.registry.models import ModelVersion


def written(revision: CardRevision) -> Catalogue:
    """What the revision was written by, and so is read by."""
    return BUILT_IN


def asked(revision: CardRevision) -> Catalogue:
    """What is asked of the card now; its next revision is written by it."""
    return BUILT_IN


def of_version(version: ModelVersion) -> Catalogue:
    """What the first card of a version is written by."""
    return BUILT_IN


def together(revisions: Iterable[CardRevision]) -> Catalogue:
    """What any of these says, to put them side by side."""
    return BUILT_IN
