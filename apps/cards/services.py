"""Opening, filling and editing model cards."""

from collections.abc import Collection, Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone

from apps.accounts.models import User
from apps.audit.services import record
from apps.cards import catalogues, documents, filling, queries, sections
from apps.cards.documents import Document
from apps.cards.events import CardEdited, RunReadAgain
from apps.cards.models import CardReading, CardRevision
from apps.cards.schema import FIELDS, Catalogue, Source
from apps.cards.search import index
from apps.core.errors import Conflict, Invalid
from apps.outbox.services import publish
from apps.registry import policies
from apps.registry import services as registry_services
from apps.registry.models import ModelVersion
from apps.registry.services.locks import lock_version

FILLED_IN = "Filled in from the run"
# More than a card has: by them it is known whose sections a reason could quote.
MOST_NAMED = 500


@transaction.atomic
def open_card(version: ModelVersion) -> CardRevision:
    """Give a version its first revision, from what is known of it. Safe to repeat."""
    version = lock_version(version.pk)
    existing = version.card_revisions.order_by("number").first()
    if existing is not None:
        return existing
    revision = queries.first_revision(version)
    if version.is_ready:
        revision.reading = _read(version, filling.of(version))
    revision.save()
    index.put(revision)
    return revision


@transaction.atomic
def fill_card(version: ModelVersion, *, by: User | None = None) -> CardRevision:
    """Put what mlgov knows by now on the card; `by` is None for mlgov itself.

    What people wrote stays: where it differs from the run, the card says so.
    """
    version = lock_version(version.pk)
    if by is not None:
        policies.versions.require(by, "edit_card", version)
    if not version.is_ready:
        raise Conflict(
            f"{version} is not ready, so there is nothing to fill in from. Wait for its "
            "registration, or retry it."
        )
    open_card(version)
    current = queries.current_card(version)
    found = filling.of(version)
    before = current.reading
    if before is not None and (before.values, before.guesses) == (found.values, found.guesses):
        before.read_at = timezone.now()
        before.save(update_fields=["read_at"])
        return current
    reading = _read(version, found)
    content = _refilled(current.content, before.values if before else {}, found.values)
    return _revise(version, current, content, by=by, reason=FILLED_IN, reading=reading)


@transaction.atomic
def fill_values(version: ModelVersion, values: Mapping[str, Any], *, reason: str) -> CardRevision:
    """Put further values on the card that mlgov found by itself, beside what it read."""
    version = lock_version(version.pk)
    current = queries.current_card(version)
    content = documents.with_values(current.content, values)
    return _revise(version, current, content, by=None, reason=reason, reading=current.reading)


def refill_card(version: ModelVersion, *, by: User) -> CardRevision:
    """Read the run again, where there is one, and put what it says on the card.

    Its files are copied by a worker afterwards.
    """
    if version.source_run_id or version.logged_model_id:
        registry_services.reread_lineage(version, by=by)
    with transaction.atomic():
        filled = fill_card(version, by=by)
        publish(RunReadAgain(version.pk, by.pk))
    return filled


@transaction.atomic
def edit_card(
    version: ModelVersion,
    *,
    by: User | None,
    changes: Mapping[str, Any],
    base_revision: int,
    reason: str = "",
    confirm: Collection[str] = (),
) -> CardRevision:
    """Write a new revision: the newest one with other values, by JSON pointer of the field.

    None or nothing removes a value. `confirm` names values that were carried over or imported and
    hold here as well. Where somebody else saved since `base_revision`, both changes are kept;
    raises `Conflict` where they meet in one field. `by` is None for mlgov itself.
    """
    # The row of the version is what an approval locks, too: they cannot pass each other.
    version = lock_version(version.pk)
    if by is not None:
        policies.versions.require(by, "edit_card", version)
        # Before anything is compared: an answer would tell what stands there.
        sections.require_readable(by, version, [*changes, *confirm])
    open_card(version)
    current = queries.current_card(version)
    catalogue = catalogues.asked(current)
    require_typed([*changes, *confirm], catalogue)
    if current.number != base_revision:
        _require_apart(version, current, base_revision, changes, catalogue)
    content = documents.with_values(current.content, changes)
    changed = documents.differing(current.content, content, catalogue)
    settled = {*changed, *confirm}
    if by is not None:
        sections.require_editable(by, version, settled)
    unconfirmed = {
        pointer: origin for pointer, origin in current.unconfirmed.items() if pointer not in settled
    }
    return _revise(version, current, content, by=by, reason=reason, unconfirmed=unconfirmed)


@transaction.atomic
def take_over(
    version: ModelVersion,
    *,
    by: User,
    values: Mapping[str, Any],
    origin: str,
    reason: str,
    further: Mapping[str, Any] | None = None,
    over_others: bool = False,
) -> CardRevision:
    """Put values of another card or of a file on this one; each waits until somebody confirms it.

    Without `over_others`, fields that have a value keep it, except for those in `further`. What is
    in sections that the person may not edit is left as it is.
    """
    version = lock_version(version.pk)
    policies.versions.require(by, "edit_card", version)
    open_card(version)
    current = queries.current_card(version)
    catalogue = catalogues.asked(current)
    rights = sections.rights(by, version.model.project_id)
    closed = rights.hidden | rights.kept
    sections.require_editable(by, version, further or {})
    taken = {
        pointer: value
        for pointer, value in values.items()
        if pointer in catalogue.fields
        and catalogue.fields[pointer].is_typed
        and catalogue.fields[pointer].section not in closed
        and not documents.is_empty(value)
        and (over_others or documents.is_empty(documents.value_at(current.content, pointer)))
    }
    content = documents.with_values(current.content, {**taken, **(further or {})})
    waiting = dict.fromkeys(documents.differing(current.content, content, catalogue), origin)
    unconfirmed = {**current.unconfirmed, **waiting}
    return _revise(version, current, content, by=by, reason=reason, unconfirmed=unconfirmed)


def carry_over(version: ModelVersion, *, by: User, earlier: ModelVersion) -> CardRevision:
    """Offer what people wrote about an earlier version, where this one says nothing yet."""
    policies.versions.require(by, "view", earlier)
    if earlier.model_id != version.model_id:
        raise Invalid(f"{earlier} is a version of another model. Choose one of {version.model}.")
    source = queries.card_for(earlier, by)
    values = {
        field.pointer: value
        for field, value in documents.filled(source.content, catalogues.written(source))
        if field.source == Source.PERSON and field.pointer not in source.unconfirmed
    }
    return take_over(
        version,
        by=by,
        values=values,
        origin=f"version {earlier.number}",
        reason=f"Carried over from version {earlier.number}",
    )


def typed_values(
    document: Mapping[str, Any], catalogue: Catalogue, *, hidden: Collection[str] = ()
) -> dict[str, Any]:
    """What people may write of a whole document, by pointer; None for what it leaves out.

    Whoever may not read a section leaves it out without meaning anything by it. Raises `Invalid`
    for a document that does not fit the schema.
    """
    documents.require_valid(document, catalogue)
    return {
        pointer: documents.value_at(document, pointer)
        for pointer, field in catalogue.fields.items()
        if field.is_typed and (field.section not in hidden or field.section in document)
    }


def require_typed(pointers: Collection[str], catalogue: Catalogue) -> None:
    """Raises `Invalid` for fields that no card has, and for those that mlgov fills."""
    for pointer in pointers:
        field = catalogue.fields.get(pointer)
        if field is None:
            raise Invalid(
                f"The card has no field {pointer[:100]}. Its fields are in the schema of cards.",
                code="invalid_card",
                details={"fields": {pointer[:100]: "There is no such field."}},
            )
        if not field.is_typed:
            text = f"{field.title} is filled in by mlgov and cannot be edited."
            raise Invalid(text, code="invalid_card", details={"fields": {pointer: text}})


def _revise(
    version: ModelVersion,
    current: CardRevision,
    content: Document,
    *,
    by: User | None,
    reason: str,
    unconfirmed: Mapping[str, str] | None = None,
    reading: CardReading | None = None,
) -> CardRevision:
    """The next revision, or the current one where nothing is different."""
    waiting = dict(current.unconfirmed if unconfirmed is None else unconfirmed)
    catalogue = catalogues.asked(current)
    changed = documents.differing(current.content, content, catalogue)
    if not changed and waiting == current.unconfirmed and reading is None:
        return current
    documents.require_valid(content, catalogue)
    revision = CardRevision(
        version=version,
        number=current.number + 1,
        content=content,
        reading=reading or current.reading,
        unconfirmed=waiting,
        author=by or version.registered_by,
        reason=reason[:300],
    )
    revision.digest = revision.content_digest()
    revision.save()
    index.put(revision)
    record(
        actor=by,
        action="card.edit" if reading is None else "card.fill",
        obj=version,
        also=[version.model],
        project=version.model.project,
        reason=reason,
        data={
            "revision": revision.number,
            "digest": revision.digest,
            "fields": changed[:MOST_NAMED],
        },
    )
    publish(CardEdited(version.pk, revision.pk, revision.author_id))
    return revision


def _require_apart(
    version: ModelVersion,
    current: CardRevision,
    base_revision: int,
    changes: Mapping[str, Any],
    catalogue: Catalogue,
) -> None:
    base = version.card_revisions.filter(number=base_revision).first()
    if base is None:
        raise Invalid(f"There is no revision {base_revision} of this card. Read it again.")
    wanted = documents.with_values(current.content, changes)
    both = set(documents.differing(base.content, current.content, catalogue)) & set(
        documents.differing(current.content, wanted, catalogue)
    )
    if both:
        names = ", ".join(
            field.title for pointer, field in catalogue.fields.items() if pointer in both
        )
        raise Conflict(
            f"{current.author} saved revision {current.number} while you were writing, and changed "
            f"the same: {names}. Your text is still in the form: compare it with the card and save "
            "again.",
            code="edited_meanwhile",
            details={"revision": current.number, "fields": sorted(both)},
        )


def _refilled(content: Document, before: Mapping[str, Any], now: Mapping[str, Any]) -> Document:
    """The card with what was found now. A value that somebody changed is left as it is."""
    values: dict[str, Any] = {}
    for pointer in {*before, *now}:
        field, here = FIELDS[pointer], documents.value_at(content, pointer)
        untouched = documents.is_empty(here) or here == before.get(pointer)
        if field.source == Source.AUTO or (pointer in now and untouched):
            values[pointer] = now.get(pointer)
    return documents.with_values(content, values)


def _read(version: ModelVersion, found: filling.Filled) -> CardReading:
    return CardReading.objects.create(
        version=version, values=found.values, sources=found.sources, guesses=found.guesses
    )
