"""Documents held to the schema: what is wrong, in words, and what is left without it."""

from collections.abc import Iterable
from typing import Any

from jsonschema.exceptions import ValidationError

from apps.cards.documents import place_of, reason_of, validator
from apps.cards.formats.base import Document
from apps.cards.formats.reading import escaped

MOST_FAULTS = 20


def faults(document: Any) -> dict[str, str]:
    """JSON pointer -> what is wrong there, for as many as a person would read."""
    found: dict[str, str] = {}
    for error in validator.iter_errors(document):
        found.setdefault(place_of(error), reason_of(error))
        if len(found) == MOST_FAULTS:
            break
    return found


def fit(document: Document) -> list[tuple[str, Any]]:
    """Take out what the schema does not allow; say what was taken, by JSON pointer."""
    taken: list[tuple[str, Any]] = []
    while errors := list(validator.iter_errors(document)):
        # Later elements of a list first: taking one out moves those behind it.
        paths = sorted(
            {path for error in errors for path in _culprits(error)}, key=_order, reverse=True
        )
        before = len(taken)
        for path in paths:
            taken += _take(document, path)
        if len(taken) == before:
            raise AssertionError("a fault that no value causes")
    return taken


def strangers(document: Document) -> list[tuple[str, Any]]:
    """Take out the keys that the schema does not know; say what was taken, by JSON pointer."""
    taken: list[tuple[str, Any]] = []
    for error in list(validator.iter_errors(document)):
        if error.validator == "additionalProperties":
            for path in _culprits(error):
                taken += _take(document, path)
    return taken


def pointer_of(path: Iterable[str | int]) -> str:
    return "".join(f"/{escaped(str(part))}" for part in path)


Path = tuple[str | int, ...]


def _culprits(error: ValidationError) -> list[Path]:
    path = tuple(error.absolute_path)
    if error.validator == "additionalProperties" and isinstance(error.instance, dict):
        schema: Any = error.schema
        known = schema.get("properties", {})
        strange = [(*path, key) for key in error.instance if key not in known]
        return strange or [path]
    return [path]


def _order(path: Path) -> list[tuple[bool, int, str]]:
    return [(isinstance(p, int), p if isinstance(p, int) else 0, str(p)) for p in path]


def _take(document: Document, path: Path) -> list[tuple[str, Any]]:
    holder: Any = document
    try:
        for part in path[:-1]:
            holder = holder[part]
        value = holder[path[-1]]
        del holder[path[-1]]
    except (KeyError, IndexError, TypeError):
        return []  # it went with something above it
    return [(pointer_of(path), value)]
