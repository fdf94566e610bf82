"""Data sets that the run of a version logged: which there are, and which of them can be taken in.

MLflow keeps a name, a digest and a source of each, and not the rows. Only what lies among the
artifacts of the tracking server or in a store that the project was given is ever opened: no address
of somebody's choosing, and no file of this machine outside a store.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from apps.accounts.models import User
from apps.core.errors import DomainError, Invalid
from apps.evaluations import intake
from apps.registry import sources
from apps.registry.models import Lineage, ModelVersion
from apps.tracking import places
from apps.tracking import upstream as servers

LONGEST_ADDRESS = 500
MOST_SHOWN = 20
# Of sources in MLflow's words: the keys under which they name where they are.
ADDRESSES = ("uri", "url", "path")


@dataclass(frozen=True)
class Logged:
    """One of them. `why_not` is a sentence where it cannot be taken in, else empty."""

    key: str
    name: str
    digest: str
    context: str
    rows: int | None
    address: str
    why_not: str


def data_sets_of(version: ModelVersion) -> list[Logged]:
    """As they were logged. Nothing is opened: what can be read may still be gone."""
    lineage = Lineage.objects.filter(version=version).first()
    entries = (lineage.document.get("datasets") if lineage else None) or []
    found = {}
    for entry in entries:
        if isinstance(entry, dict):
            made = _read(entry, version)
            found[made.key] = made
    return list(found.values())[:MOST_SHOWN]


def data_set_of(version: ModelVersion, key: str) -> Logged:
    """Raises `Invalid` where the run logged no such one, or it cannot be taken in."""
    found = next((each for each in data_sets_of(version) if each.key == key), None)
    if found is None:
        raise Invalid(f"The run of {version} logged no such data set. Choose one of its own.")
    if found.why_not:
        raise Invalid(f"“{found.name}” cannot be taken in: {found.why_not}")
    return found


@contextmanager
def opened(logged: Logged, version: ModelVersion, *, by: User | None) -> Iterator[Iterator[bytes]]:
    """The bytes of the file, as the project may read them now."""
    project = version.model.project
    found = sources.resolve_file(
        logged.address, project=project, user=by, run_id=version.source_run_id
    )
    if found.store is not None:
        client: Any = places.reader(found.store, project)
    else:
        client = servers.client_of(found.tracking_server, project)
    with client.open_artifact(found.path) as chunks:
        yield chunks


def _read(entry: dict[str, Any], version: ModelVersion) -> Logged:
    name, digest = str(entry.get("name") or ""), str(entry.get("digest") or "")
    shown = "".join(each if each.isprintable() else "�" for each in name[:100]).strip()
    address = _address(entry.get("source"))
    rows = entry.get("rows")
    return Logged(
        key=hashlib.sha256(f"{name}\0{digest}\0{address}".encode()).hexdigest()[:32],
        name=shown or "without a name",
        digest=digest[:100],
        context=str(entry.get("context") or "")[:100],
        rows=rows if isinstance(rows, int) else None,
        address=address,
        why_not=_why_not(address, version),
    )


def _address(source: Any) -> str:
    if isinstance(source, dict):
        named = (source.get(key) for key in ADDRESSES)
        source = next((each for each in named if isinstance(each, str)), "")
    return source if isinstance(source, str) else ""


def _why_not(address: str, version: ModelVersion) -> str:
    if not address:
        return "the run did not say where its rows are. Upload them instead."
    shown = address if len(address) <= 120 else f"{address[:119]}…"
    if len(address) > LONGEST_ADDRESS or not address.isprintable():
        return f"its source is {shown}, which is no plain address. Upload it instead."
    try:
        intake.format_of(address)
    except Invalid:
        return (
            f"its source is {shown}, whose name ends in neither .csv nor .json nor .parquet. "
            "Upload it in such a format."
        )
    if sources.RUN.fullmatch(address):
        return ""
    if sources.PROXIED.fullmatch(address):
        if version.source_run_id:
            return ""
        return f"its source is {shown}, and the version names no run. Upload it instead."
    try:
        places.place_of(address, project=version.model.project)
    except DomainError:
        return f"its source is {shown}, which is in no store of the project. Upload it instead."
    return ""
