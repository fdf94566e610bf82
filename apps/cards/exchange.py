"""Cards written for other platforms, and cards that other platforms wrote.

A revision is given here as somebody may read it: what was taken away from it is in no file.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import IO, Any

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.urls import reverse

from apps.accounts.models import User
from apps.cards import catalogues, documents, queries, sections, services
from apps.cards.formats import registry
from apps.cards.formats.base import Context, Exported
from apps.cards.models import CardExport, CardRevision
from apps.cards.schema import FIELDS, Source
from apps.core.errors import Invalid, NotFound
from apps.registry import policies, storage
from apps.registry.models import ModelVersion
from apps.runs import services as runs
from apps.runs.states import RunState

KIND = "cards.export"
CUSTOM = "/custom/values"
# Below this stands what a file says of fields that nobody types.
FILLED_IN = "fields that mlgov fills in"
# True of the registration that the file is of, and of no other.
OF_A_REGISTRATION = ("/overview/version", "/overview/registered_at", "/provenance/")


@dataclass(frozen=True)
class Taken:
    """What came of an import: fields that wait for a yes, and sections that were left as they are
    because the person may not edit them, by key and sentence."""

    revision: CardRevision
    waiting: int
    refused: dict[str, str]


def export(revision: CardRevision, key: str) -> Exported:
    """The revision in a format. Raises `Invalid` for one that only a worker writes."""
    found = registry.named(key)
    if found.in_worker:
        raise Invalid(f"{found.title} is written by a worker: start an export, and fetch its file.")
    return found.export(revision.content, _context(revision))


@transaction.atomic
def start_export(revision: CardRevision, key: str, *, by: User) -> CardExport:
    """Let a worker write it; one that was written, or is being written, is not made again.

    Whoever may read as much of it shares the file, and nobody else.
    """
    found = registry.named(key)
    version = revision.version
    policies.versions.require(by, "view", version)
    existing = started(revision, key)
    if existing is not None and existing.run.state not in (RunState.FAILED, RunState.CANCELLED):
        return existing
    run = runs.start(
        kind=KIND,
        title=f"Write the card of {version} as {found.title}",
        requested_by=by,
        asked_for="view",
    )
    return CardExport.objects.create(
        revision=revision, format=found.key, run=run, withheld=sorted(revision.withheld)
    )


def exports_of(revision: CardRevision) -> QuerySet[CardExport]:
    """What was written of the revision as it is given here."""
    return revision.exports.filter(withheld=sorted(revision.withheld))


def started(revision: CardRevision, key: str) -> CardExport | None:
    """What a worker was asked for last, of a revision and format."""
    return exports_of(revision).filter(format=key).select_related("run").first()


def file_of(revision: CardRevision, key: str) -> IO[bytes]:
    """The file that a worker wrote. Raises `NotFound` while there is none."""
    found = exports_of(revision).filter(format=key).exclude(sha256="").first()
    if found is None:
        raise NotFound(
            f"{registry.named(key).title} of this revision is not written yet. Start it on the "
            "page of the exports, or by a POST to this address, and come back."
        )
    return storage.open_blob(found.sha256)


def written(revision: CardRevision, key: str) -> Exported:
    """What a worker writes, where it is written."""
    return registry.named(key).export(revision.content, _context(revision))


@transaction.atomic
def import_card(
    version: ModelVersion,
    *,
    by: User,
    key: str,
    content: bytes,
    replace: bool = False,
    name: str = "",
) -> Taken:
    """Put what a file says on the card, where it waits for somebody's yes.

    Sections that the person may not edit stay as they are, and are named.
    Fields that say something keep it, unless `replace`. Raises `Invalid` for a file that is not of
    the format, with the place of what is wrong.
    """
    policies.versions.require(by, "edit_card", version)
    found = registry.named(key)
    if found.read is None:
        raise Invalid(f"{found.title} is only written, not read. Choose another format.")
    document = found.read(content).document
    services.open_card(version)
    current = queries.current_card(version)
    rights = sections.rights(by, version.model.project_id)
    values: dict[str, Any] = {}
    refused: dict[str, str] = {}
    for pointer, field in catalogues.asked(current).fields.items():
        value = documents.value_at(document, pointer)
        if not field.is_typed:
            continue
        if not (why := rights.why_not_edit(field.section)):
            values[pointer] = value
        elif not documents.is_empty(value) and (
            # Of a hidden section it is not said whether the file says the same.
            field.section in rights.hidden or value != documents.value_at(current.content, pointer)
        ):
            refused[field.section] = why
    # What has no field is put beside what is there, never in its place.
    kept = documents.value_at(current.content, CUSTOM) or {}
    brought = values.pop(CUSTOM, None) or {}
    if otherwise := _said_otherwise(document, current.content, rights.hidden):
        brought = _merged(brought, {"imported": {key: {FILLED_IN: otherwise}}})
    origin = f"{found.title}{f' ({name[:100]})' if name else ''}"
    revision = services.take_over(
        version,
        by=by,
        values=values,
        further={CUSTOM: _merged(kept, brought)} if brought else {},
        origin=origin,
        reason=f"Imported from {origin}",
        over_others=replace,
    )
    (seen,) = queries.seen_by(by, version, [revision])
    return Taken(seen, len(seen.unconfirmed), refused)


def file_name(revision: CardRevision, suffix: str) -> str:
    """A name that says which sections are not in the file, whatever its format can say."""
    name = f"{revision.version.model.name[:100]}-v{revision.version.number}-r{revision.number}"
    if revision.withheld:
        name += f"-without-{'-'.join(sorted(revision.withheld))}"[:100]
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name) + suffix


def _context(revision: CardRevision) -> Context:
    version = revision.version
    page = reverse("web:card", args=[version.model.name, version.number])
    titles = sections.titles()
    withheld = tuple((key, titles.get(key, key)) for key in sorted(revision.withheld))
    return Context(url=f"{settings.MLGOV_BASE_URL}{page}", withheld=withheld)


def _said_otherwise(
    document: documents.Document, current: documents.Document, hidden: Collection[str]
) -> dict[str, Any]:
    """What the file says of fields that mlgov fills in, where the card says something else.

    Of hidden sections it is not said what they say.
    """
    return {
        pointer.strip("/").replace("/", "."): value
        for pointer in documents.differing(current, document)
        if FIELDS[pointer].source == Source.AUTO
        and FIELDS[pointer].section not in hidden
        and not pointer.startswith(OF_A_REGISTRATION)
        and not documents.is_empty(value := documents.value_at(document, pointer))
    }


def _merged(kept: dict[str, Any], brought: dict[str, Any]) -> dict[str, Any]:
    merged = dict(kept)
    for name, value in brought.items():
        both = isinstance(merged.get(name), dict) and isinstance(value, dict)
        merged[name] = _merged(merged[name], value) if both else value
    return merged
