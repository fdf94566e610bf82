"""Editing model cards."""

from django.db import transaction

from apps.accounts.models import User
from apps.audit.services import record
from apps.cards import queries
from apps.cards.events import CardEdited
from apps.cards.models import CardRevision
from apps.core.errors import Conflict, TooLarge
from apps.outbox.services import publish
from apps.registry import policies
from apps.registry.models import ModelVersion
from apps.registry.services.locks import lock_version

LONGEST_DESCRIPTION = 100_000


@transaction.atomic
def open_card(version: ModelVersion) -> CardRevision:
    """Give a version its first revision, from what was said at registration. Safe to repeat."""
    version = lock_version(version.pk)
    existing = version.card_revisions.order_by("number").first()
    if existing is not None:
        return existing
    revision = queries.first_revision(version)
    revision.save()
    return revision


@transaction.atomic
def edit_card(
    version: ModelVersion, *, by: User, description: str, base_revision: int, reason: str = ""
) -> CardRevision:
    """Write a new revision on top of the one that the person was reading.

    Raises `Conflict` where somebody else wrote one meanwhile; nothing is overwritten.
    """
    # The row of the version is what an approval locks, too: they cannot pass each other.
    version = lock_version(version.pk)
    policies.versions.require(by, "edit_card", version)
    if len(description) > LONGEST_DESCRIPTION:
        raise TooLarge(
            f"The description has {len(description):,} characters; "
            f"{LONGEST_DESCRIPTION:,} fit. Shorten it or link to a document."
        )
    open_card(version)
    current = queries.current_card(version)
    if current.number != base_revision:
        raise Conflict(
            f"{current.author} saved revision {current.number} while you were writing. Your text "
            "is still in the form: compare it with the card and save again.",
            code="edited_meanwhile",
            details={"revision": current.number},
        )
    if description == current.description:
        return current
    revision = _add(
        version, number=current.number + 1, description=description, by=by, reason=reason
    )
    record(
        actor=by,
        action="card.edit",
        obj=version,
        also=[version.model],
        project=version.model.project,
        reason=reason,
        data={"revision": revision.number, "digest": revision.digest},
    )
    publish(CardEdited(version.pk, revision.pk, by.pk))
    return revision


def _add(
    version: ModelVersion, *, number: int, description: str, by: User, reason: str = ""
) -> CardRevision:
    revision = CardRevision(
        version=version, number=number, description=description, author=by, reason=reason
    )
    revision.digest = revision.content_digest()
    revision.save()
    return revision
