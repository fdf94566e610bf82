"""Reads about model cards, and about what is said beside them."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.db.models.fields.json import KeyTransform

from apps.accounts.models import User
from apps.cards import catalogues, documents, filling, sections
from apps.cards.models import CardRevision, ReportFile, VersionComment
from apps.cards.schema import FIELDS, Source
from apps.registry import policies
from apps.registry.models import ModelVersion

LOOK_BACK = 5


def current_card(version: ModelVersion) -> CardRevision:
    """The newest revision.

    In the moment between a registration and the opening of its card, the first one as it will be.
    """
    newest = version.card_revisions.select_related("author", "reading").order_by("-number").first()
    return newest or first_revision(version)


def card_for(version: ModelVersion, user: User) -> CardRevision:
    """The newest revision, without the sections that are not for this person."""
    return seen_by(user, version, [current_card(version)])[0]


def seen_by(
    user: User, version: ModelVersion, revisions: Iterable[CardRevision]
) -> list[CardRevision]:
    """Revisions of one card, without the sections that are not for this person."""
    hidden = sections.hidden_sections(user, version)
    if not hidden:
        return list(revisions)
    about_them = _revisions_about(version, hidden)
    return [
        revision.without(hidden, is_about_them=revision.number in about_them)
        for revision in revisions
    ]


def _revisions_about(version: ModelVersion, keys: Iterable[str]) -> set[int]:
    """Numbers of the revisions that changed one of these sections."""
    columns = [KeyTransform(key, "content") for key in sorted(keys)]
    rows = version.card_revisions.order_by("number").values_list("number", *columns)
    found, before = set(), [None] * len(columns)
    for number, *values in rows:
        if values != before:
            found.add(number)
        before = values
    return found


def current_digest(version: ModelVersion) -> str:
    """The digest of the newest revision, without reading what it says."""
    newest = version.card_revisions.order_by("-number").values_list("digest", flat=True).first()
    return newest or first_revision(version).digest


def first_revision(version: ModelVersion) -> CardRevision:
    """What is known of a version by now, as a revision that is not saved yet."""
    revision = CardRevision(
        version=version,
        number=1,
        content=filling.of(version).document,
        author=version.registered_by,
    )
    revision.digest = revision.content_digest()
    return revision


@dataclass(frozen=True)
class Difference:
    """A value that a person changed, beside what the run says."""

    pointer: str
    found: Any
    source: str


def differences(revision: CardRevision) -> dict[str, Difference]:
    """By pointer: fields whose value is another one than mlgov found."""
    reading = revision.reading
    if reading is None:
        return {}
    return {
        pointer: Difference(pointer, found, reading.sources.get(pointer, ""))
        for pointer, found in reading.values.items()
        if FIELDS[pointer].source == Source.AUTO_OR_PERSON
        and documents.value_at(revision.content, pointer) != found
    }


def earlier_with_words(revision: CardRevision, user: User) -> ModelVersion | None:
    """The newest earlier version of whose card the person could take over words for this one."""
    version = revision.version
    closed = sections.rights(user, version.model.project_id).kept
    visible = policies.versions.visible_to(user).select_related("model__project", "registered_by")
    earlier = visible.filter(model_id=version.model_id, number__lt=version.number, deleted_at=None)
    for candidate in earlier.order_by("-number")[:LOOK_BACK]:
        card = card_for(candidate, user)
        if any(
            field.source == Source.PERSON
            and field.section not in closed
            and documents.is_empty(documents.value_at(revision.content, field.pointer))
            for field, _ in documents.filled(card.content, catalogues.written(card))
        ):
            return candidate
    return None


def report_files(version: ModelVersion, digests: Collection[str]) -> dict[str, ReportFile]:
    """By digest: the files of the version that a card with these digests shows."""
    if not digests:
        return {}
    found = ReportFile.objects.filter(version=version, sha256__in=digests)
    return {file.sha256: file for file in found}


def editors_of(version: ModelVersion) -> set[int]:
    """Primary keys of the people who wrote any revision of the card."""
    return set(version.card_revisions.values_list("author", flat=True))


def outdated(comments: Iterable[VersionComment], version: ModelVersion) -> set[int]:
    """Primary keys of comments on a field that says something else by now."""
    anchored = [comment for comment in comments if comment.pointer]
    if not anchored:
        return set()
    newest = current_card(version)
    numbers = {comment.revision for comment in anchored if comment.revision} - {newest.number}
    read = {
        revision.number: revision for revision in version.card_revisions.filter(number__in=numbers)
    }
    return {
        comment.pk
        for comment in anchored
        if comment.revision in read
        and documents.value_at(read[comment.revision].content, comment.pointer)
        != documents.value_at(newest.content, comment.pointer)
    }


def comments_on(version: ModelVersion, user: User) -> QuerySet[VersionComment]:
    """The discussion of a version, oldest first, without what is said on hidden sections."""
    found = version.comments.filter(deleted_at=None).select_related("by").order_by("id")
    for key in sections.hidden_sections(user, version):
        found = found.exclude(pointer__startswith=f"/{key}/")
    return found
