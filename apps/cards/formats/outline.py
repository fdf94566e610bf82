"""A document as something to read: sections, fields, and tables of what is alike."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from apps.cards.formats.base import Document
from apps.cards.formats.fields import (
    EMPTY,
    filled,
    is_markdown,
    resolved,
    section_title,
    spec_of,
    title_of,
    words,
)

NAMELESS = "A model without a name"
SHORT = 120


@dataclass(frozen=True)
class Entry:
    """One field that says something."""

    field: str
    title: str
    spec: Mapping[str, Any]
    value: Any


@dataclass(frozen=True)
class Part:
    """One section that says something."""

    section: str
    title: str
    entries: list[Entry]


@dataclass(frozen=True)
class Table:
    heads: list[str]
    rows: list[list[str]]


def parts(document: Document) -> Iterator[Part]:
    entries: dict[str, list[Entry]] = {}
    for field, value in filled(document):
        entry = Entry(field, title_of(field), spec_of(field), value)
        entries.setdefault(field.split(".", 1)[0], []).append(entry)
    for section, found in entries.items():
        yield Part(section, section_title(section), found)


def name_of(document: Document) -> str:
    """What the card is of, for headings and file names."""
    overview = document.get("overview", {})
    version = overview.get("version")
    name = str(overview.get("name") or NAMELESS)
    return f"{name}, version {version}" if version else name


def table(values: list[Any], spec: Mapping[str, Any]) -> Table | None:
    """A list of objects as a table, with a column for all that one of them says."""
    of = resolved(spec.get("items", {}))
    known = list(of.get("properties", {}))
    if not known or not all(isinstance(value, dict) for value in values):
        return None
    used = [name for name in known if any(v.get(name) not in EMPTY for v in values)]
    rows = [[said(value.get(name)) for name in used] for value in values]
    return Table([_label(of, name) for name in used], rows)


def said(value: Any) -> str:
    """Any value in one text."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value
    if isinstance(value, int | float):
        return json.dumps(value)
    if isinstance(value, list) and all(not isinstance(v, dict | list) for v in value):
        return ", ".join(said(v) for v in value)
    if isinstance(value, list) and all(isinstance(v, dict) and "name" in v for v in value):
        return "; ".join(_named(v) for v in value)
    if isinstance(value, dict):
        return ", ".join(f"{words(k)}: {said(v)}" for k, v in value.items() if v not in EMPTY)
    return json.dumps(value, ensure_ascii=False)


def _label(spec: Mapping[str, Any], name: str) -> str:
    """What a part of an object is called; names that somebody chose stay as they are."""
    known = spec.get("properties", {})
    return str(known[name].get("title") or words(name)) if name in known else name


def _named(value: dict[str, Any]) -> str:
    rest = {k: v for k, v in value.items() if k != "name" and v not in EMPTY}
    return said(value["name"]) + (f" ({said(rest)})" if rest else "")


def is_loose(entry: Entry) -> bool:
    """Whether its shape is not the schema's: shown as JSON."""
    return entry.field in ("custom.values", "interface.example")


def pairs(entry: Entry) -> list[tuple[str, Any]] | None:
    """An object as names and values; None for everything else."""
    if not isinstance(entry.value, dict) or is_loose(entry):
        return None
    return [
        (_label(entry.spec, name), value)
        for name, value in entry.value.items()
        if value not in EMPTY
    ]


def runs(entries: list[Entry]) -> Iterator[list[Entry]]:
    """The fields of a section: short ones that follow each other together, each other one alone."""
    for short, found in groupby(entries, key=is_short):
        if short:
            yield list(found)
        else:
            yield from ([entry] for entry in found)


def is_short(entry: Entry) -> bool:
    """Whether the value fits beside its name."""
    if is_markdown(entry.spec) or is_loose(entry):
        return False
    nested = isinstance(entry.value, list) and any(isinstance(v, dict) for v in entry.value)
    return not nested and len(said(entry.value)) <= SHORT
