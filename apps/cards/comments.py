"""The discussion of a version: saying something, changing it, taking it back."""

from django.db import transaction
from django.utils import timezone

from apps.accounts.models import User
from apps.audit.services import record
from apps.cards import catalogues, policies, queries, sections
from apps.cards.events import VersionCommented
from apps.cards.models import VersionComment
from apps.core.errors import Invalid, NotFound, TooLarge
from apps.outbox.services import publish
from apps.registry import policies as registry_policies
from apps.registry.models import ModelVersion
from apps.registry.services.locks import living_version

LONGEST_COMMENT = 65_535


@transaction.atomic
def add_comment(version: ModelVersion, *, text: str, by: User, pointer: str = "") -> VersionComment:
    """Say something about a version, or about a field of its card as it is now."""
    version = living_version(version)
    registry_policies.versions.require(by, "comment", version)
    card = queries.current_card(version) if pointer else None
    if card and pointer not in catalogues.written(card).fields:
        sentence = "The card has no such field. Its fields are in the schema of cards."
        raise Invalid(sentence, details={"pointer": sentence})
    if pointer:
        sections.require_readable(by, version, [pointer])
    comment = VersionComment.objects.create(
        version=version,
        by=by,
        text=_checked(text),
        pointer=pointer,
        revision=card.number if card else None,
    )
    _record(comment, "version.comment", by=by)
    publish(VersionCommented(version.pk, comment.pk))
    return comment


@transaction.atomic
def edit_comment(comment: VersionComment, *, text: str, by: User) -> VersionComment:
    """Say it in other words. The earlier ones stay in the history."""
    comment = _locked(comment)
    policies.comments.require(by, "edit", comment)
    text = _checked(text)
    if text == comment.text:
        return comment
    comment.text, comment.edited_at = text, timezone.now()
    comment.save(update_fields=["text", "edited_at"])
    _record(comment, "version.edit_comment", by=by)
    return comment


@transaction.atomic
def delete_comment(comment: VersionComment, *, by: User) -> None:
    comment = _locked(comment)
    policies.comments.require(by, "delete", comment)
    comment.deleted_at = timezone.now()
    comment.save(update_fields=["deleted_at"])
    _record(comment, "version.delete_comment", by=by)


def _checked(text: str) -> str:
    text = text.strip()
    if not text:
        raise Invalid("Write something first.", details={"text": "Write something first."})
    if "\x00" in text:
        sentence = "This holds a NUL character, which cannot be stored."
        raise Invalid(sentence, details={"text": sentence})
    if len(text) > LONGEST_COMMENT:
        raise TooLarge(
            f"The comment has {len(text):,} characters; {LONGEST_COMMENT:,} fit. Write what is "
            "longer into the model card."
        )
    return text


def _locked(comment: VersionComment) -> VersionComment:
    found = (
        VersionComment.objects.select_for_update(of=("self",))
        .select_related("version__model__project", "by")
        .filter(pk=comment.pk, deleted_at=None)
        .first()
    )
    if found is None:
        raise NotFound("There is no such comment.")
    return found


def _record(comment: VersionComment, action: str, *, by: User) -> None:
    version = comment.version
    record(
        actor=by,
        action=action,
        obj=version,
        also=[version.model, comment],
        project=version.model.project,
        data={"comment": comment.pk},
    )
