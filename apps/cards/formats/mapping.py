"""Where each field of the card stands in the standards, as data."""

import json
from pathlib import Path
from typing import Any

from apps.cards.formats.base import Document
from apps.cards.formats.fields import filled

_read: dict[str, Any] = json.loads((Path(__file__).resolve().parent / "mapping.json").read_text())
STANDARDS: dict[str, str] = _read["standards"]
PLACES: dict[str, dict[str, list[str]]] = _read["fields"]


def places(field: str, standard: str) -> list[str]:
    """Where the standard has this field. Empty where it has no place for it."""
    return PLACES[field][standard]


def homeless(document: Document, standard: str) -> tuple[str, ...]:
    """The fields of this document for which the standard has no place."""
    return tuple(field for field, _ in filled(document) if not places(field, standard))


def fields_at(labels: list[str], standard: str) -> list[str]:
    """The fields that say something about any of these places, in the order of the card."""
    return [field for field in PLACES if set(PLACES[field][standard]) & set(labels)]


def coverage(standard: str) -> int:
    return sum(1 for field in PLACES if PLACES[field][standard])
