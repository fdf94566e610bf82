"""Copying reports into the store, putting them on cards, and looking at them again."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.files import File
from django.db import transaction

from apps.accounts.models import User
from apps.cards import documents, queries
from apps.cards import services as cards
from apps.cards.models import CardRevision, ReportFile
from apps.cards.reports import places
from apps.cards.reports.kinds import BEGINNING, Origin, ReportKind, require_kind, require_named
from apps.core.digests import CHUNK
from apps.core.errors import Conflict, DomainError, Invalid, NotFound, TooLarge, Unavailable
from apps.core.full import is_full
from apps.registry import policies, storage
from apps.registry.models import ModelVersion
from apps.registry.services.locks import lock_version

REPORTS, GRAPHICS = "/evaluation/reports", "/evaluation/graphics"
MB = 1024 * 1024
# An HTML report with the whole of plotly in it has five.
LARGEST = 20 * MB
LARGEST_TOGETHER = 60 * MB
MOST_AT_ONCE = 20
LONGEST_TITLE = 200


class Altered(Conflict):
    """The stored bytes are not those that were put on the card."""

    code = "report_altered"


@dataclass(frozen=True)
class _Copy:
    origin: str
    path: str
    kind: ReportKind
    blob: storage.Blob


def add(version: ModelVersion, *, by: User, keys: Sequence[str]) -> CardRevision:
    """Copy files of the version or its run, named `origin:path`, and put them on the card."""
    policies.versions.require(by, "edit_card", version)
    if not 0 < len(keys) <= MOST_AT_ONCE:
        raise Invalid(f"Choose one to {MOST_AT_ONCE} files.")
    chosen = [_parsed(key) for key in keys]
    if any(origin == Origin.RUN for origin, _ in chosen):
        places.require_run_seen(version, by)
    copies, left = [], LARGEST_TOGETHER
    for origin, path in chosen:
        copies.append(_copied(version, origin, path, limit=min(left, LARGEST)))
        left -= copies[-1].blob.size
    with transaction.atomic():
        version = lock_version(version.pk)
        cards.open_card(version)
        current = queries.current_card(version)
        files = [_kept(version, copy, by)[0] for copy in copies]
        return cards.edit_card(
            version,
            by=by,
            changes=_with(current.content, files),
            base_revision=current.number,
            reason=f"Added {', '.join(file.name for file in files)}",
        )


def collect(version: ModelVersion) -> CardRevision | None:
    """Copy what looks like reports of an evaluation, and put what is new on the card.

    Safe to repeat: what was found before, and taken off the card by somebody, stays off it.
    """
    if not version.is_ready:
        return None
    copies, left = [], LARGEST_TOGETHER
    for found in _usual(version)[:MOST_AT_ONCE]:
        try:
            copy = _copied(version, found.origin, found.path, limit=min(left, LARGEST))
        except (NotFound, Invalid, TooLarge):
            continue
        copies.append(copy)
        left -= copy.blob.size
    with transaction.atomic():
        version = lock_version(version.pk)
        cards.open_card(version)
        kept = [_kept(version, copy, None) for copy in copies]
        files = [file for file, is_new in kept if is_new]
        changes = _with(queries.current_card(version).content, files)
        if not changes:
            return None
        return cards.fill_values(version, changes, reason="Reports of the run")


def opened(file: ReportFile) -> File:
    """The stored bytes, compared with their digest just now. Raises `Altered`."""
    stored = storage.open_blob(file.sha256)
    try:
        if _digest(iter(lambda: stored.read(CHUNK), b"")) != file.sha256:
            raise Altered(
                f"“{file.name}” was altered since it was put on the card: what is stored does not "
                "have the digest that the card names, so it is not shown. Tell the platform's "
                "people to look at the artifact store."
            )
        stored.seek(0)
    except OSError as error:
        stored.close()
        if is_full(error):
            raise
        raise storage.StoreFailed(
            f"The artifact store does not give out “{file.name}”. Tell the platform's people."
        ) from error
    except DomainError:
        stored.close()
        raise
    return stored


def compared(file: ReportFile, *, by: User) -> tuple[bool, str]:
    """Whether the run has the same file now, and what to say of it."""
    then = f"The card shows it as it was on {file.read_at:%d %B %Y}."
    try:
        places.require_run_seen(file.version, by)
        with places.opened(file.version, file.origin, file.path) as chunks:
            found = _digest(_bounded(chunks))
    except Unavailable as refusal:
        return False, f"{refusal.message} {then}"
    except TooLarge:
        return False, f"The file of the run was altered since: it is larger now. {then}"
    except (NotFound, Invalid):
        return False, (
            "The run or its file is no longer on the tracking server, or its experiment is not "
            f"one of yours. {then}"
        )
    if found != file.sha256:
        return False, f"The file of the run was altered since: it has another digest now. {then}"
    return True, "The run has the same file now, with the same digest."


def _usual(version: ModelVersion) -> list[places.Found]:
    try:
        of_run = places.in_run(version).files
    except (NotFound, Invalid):
        of_run = []
    found = [*of_run, *places.among_artifacts(version)]
    return [file for file in found if file.is_usual and file.size <= LARGEST]


def _copied(version: ModelVersion, origin: str, path: str, *, limit: int) -> _Copy:
    if not 0 < len(path) <= places.LONGEST_PATH:
        raise NotFound("There is no such file.")
    # By its name first: what no card shows is not copied.
    require_named(path)
    with places.opened(version, origin, path) as chunks:
        try:
            blob = storage.save(chunks, limit=limit)
        except TooLarge:
            raise TooLarge(
                f"“{path[:200]}” is too large: a card shows files of up to {LARGEST // MB} MB, and "
                f"takes {LARGEST_TOGETHER // MB} MB at once. Choose a smaller one, or link to it."
            ) from None
    kind = require_kind(path, storage.read_blob(blob.sha256, limit=BEGINNING))
    return _Copy(origin, path, kind, blob)


def _parsed(key: str) -> tuple[str, str]:
    origin, _, path = key.partition(":")
    if origin not in Origin.values or not path:
        raise Invalid("Choose files from the list.")
    return origin, path


def _kept(version: ModelVersion, copy: _Copy, by: User | None) -> tuple[ReportFile, bool]:
    return ReportFile.objects.get_or_create(
        version=version,
        origin=copy.origin,
        path=copy.path,
        sha256=copy.blob.sha256,
        defaults={"kind": copy.kind, "size": copy.blob.size, "added_by": by},
    )


def _with(content: Mapping[str, Any], files: Iterable[ReportFile]) -> dict[str, Any]:
    """Fields of the card with the files in them; a newer one takes the place of an older one."""
    changes: dict[str, Any] = {}
    for file in files:
        pointer = GRAPHICS if file.media_type else REPORTS
        rows = list(changes.get(pointer, documents.value_at(content, pointer)) or [])
        if any(row.get("sha256") == file.sha256 for row in rows):
            continue
        entry = _entry(file)
        for number, row in enumerate(rows):
            if row.get("attachment_id") == file.key:
                rows[number] = {**entry, "title": row["title"]}
                break
        else:
            rows.append(entry)
        changes[pointer] = rows
    return changes


def _entry(file: ReportFile) -> dict[str, str]:
    stem = file.name.rpartition(".")[0].replace("_", " ").strip() or file.name
    entry = {
        "title": (stem[:1].upper() + stem[1:])[:LONGEST_TITLE],
        "attachment_id": file.key,
        "sha256": file.sha256,
    }
    if file.media_type:
        return {**entry, "media_type": file.media_type}
    return {
        **entry,
        "dated": file.read_at.date().isoformat(),
        "kind": str(ReportKind(file.kind).label),
    }


def _digest(chunks: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for chunk in chunks:
        digest.update(chunk)
    return digest.hexdigest()


def _bounded(chunks: Iterable[bytes]) -> Iterable[bytes]:
    read = 0
    for chunk in chunks:
        read += len(chunk)
        if read > LARGEST:
            raise TooLarge("This file is larger than any that a card shows.")
        yield chunk
