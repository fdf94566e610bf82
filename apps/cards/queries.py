"""Reads about model cards, and about what is said beside them."""

from django.db.models import QuerySet

from apps.cards.models import CardRevision, VersionComment
from apps.registry.models import ModelVersion


def current_card(version: ModelVersion) -> CardRevision:
    """The newest revision.

    In the moment between a registration and the opening of its card, the first one as it will be.
    """
    newest = version.card_revisions.select_related("author").order_by("-number").first()
    return newest or first_revision(version)


def first_revision(version: ModelVersion) -> CardRevision:
    """What was said at registration, as a revision that is not saved yet."""
    revision = CardRevision(
        version=version, number=1, description=version.description, author=version.registered_by
    )
    revision.digest = revision.content_digest()
    return revision


def editors_of(version: ModelVersion) -> set[int]:
    """Primary keys of the people who wrote any revision of the card."""
    return set(version.card_revisions.values_list("author", flat=True))


def comments_on(version: ModelVersion) -> QuerySet[VersionComment]:
    """The discussion of a version, oldest first."""
    return version.comments.filter(deleted_at=None).select_related("by").order_by("id")
