"""Documents held to the schema: what is wrong, in words, and what is left without it."""

import re
from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import ValidationError

from apps.cards.formats.base import Document
from apps.cards.formats.fields import SCHEMA
from apps.cards.formats.reading import escaped

MOST_FAULTS = 20
KINDS = {
    "string": "text", "array": "a list", "object": "an object", "number": "a number",
    "integer": "a whole number", "boolean": "true or false",
}  # fmt: skip
_formats = FormatChecker(formats=())
_validator = Draft202012Validator(SCHEMA, format_checker=_formats)


@_formats.checks("date", raises=ValueError)
def _is_date(value: object) -> bool:
    return not isinstance(value, str) or (
        re.fullmatch(r"\d{4}-\d{2}-\d{2}", value, re.ASCII) is not None
        and bool(date.fromisoformat(value))
    )


@_formats.checks("date-time", raises=ValueError)
def _is_moment(value: object) -> bool:
    return not isinstance(value, str) or is_moment(value)


def is_moment(value: str) -> bool:
    """Whether this is a date, a time and a time zone, as RFC 3339 writes them."""
    shape = r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})"
    if re.fullmatch(shape, value, re.ASCII) is None:
        return False
    try:
        datetime.fromisoformat(re.sub(r"\.\d+", "", value.upper()))
    except ValueError:
        return False
    return True


def faults(document: Any) -> dict[str, str]:
    """JSON pointer -> what is wrong there, for as many as a person would read."""
    found: dict[str, str] = {}
    for error in _validator.iter_errors(document):
        found.setdefault(pointer_of(error.absolute_path), _sentence(error))
        if len(found) == MOST_FAULTS:
            break
    return found


def fit(document: Document) -> list[tuple[str, Any]]:
    """Take out what the schema does not allow; say what was taken, by JSON pointer."""
    taken: list[tuple[str, Any]] = []
    while errors := list(_validator.iter_errors(document)):
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
    for error in list(_validator.iter_errors(document)):
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


def _sentence(error: ValidationError) -> str:
    limit: Any = error.validator_value
    value: Any = error.instance
    match error.validator:
        case "type":
            kinds = [limit] if isinstance(limit, str) else limit
            return f"This has to be {' or '.join(KINDS[kind] for kind in kinds)}."
        case "enum":
            return f"This has to be one of {', '.join(map(str, limit))}."
        case "const":
            return f"This has to be “{limit}”."
        case "required":
            missing = [name for name in limit if name not in value]
            return f"Here {', '.join(f'“{name}”' for name in missing)} is missing."
        case "additionalProperties":
            return "The card has no such field."
        case "minLength":
            return f"This needs at least {limit} characters."
        case "maxLength":
            return f"This has {len(value):,} characters; {limit:,} fit."
        case "minItems":
            return f"This needs at least {limit}."
        case "minimum":
            return f"This has to be {limit} or more."
        case "format":
            examples = {"date": "2026-01-31", "date-time": "2026-01-31T09:30:00+00:00"}
            return f"Write this as {examples[limit]}."
        case "pattern":
            return f"This has to match {limit}."
    return "The card does not allow this."
