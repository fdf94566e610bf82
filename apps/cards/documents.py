"""The document of a card: read and written by field, checked against the schema."""

import math
import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from apps.cards.dates import EXAMPLES, FORMATS
from apps.cards.schema import BUILT_IN, DOCUMENT, VERSION, Catalogue, Field
from apps.core.digests import canonical_json
from apps.core.errors import Invalid, TooLarge

Document = dict[str, Any]
# Canonical bytes. A card with 500 metrics and 500 files takes about a fifth of it.
LARGEST = 1_000_000
MOST_PROBLEMS = 50
validator = Draft202012Validator(DOCUMENT, format_checker=FORMATS)
# From here on floats have no fraction, and are spelled in more than one way.
LARGE = 1e15
_SURROGATE = re.compile("[\ud800-\udfff]")
KINDS = {
    "string": "text", "array": "a list", "object": "an object", "number": "a number",
    "integer": "a whole number", "boolean": "true or false",
}  # fmt: skip
_QUOTED = re.compile(r"'([^']*)'")


def empty() -> Document:
    return {"schema_version": VERSION, "overview": {}}


def value_at(document: Mapping[str, Any], pointer: str) -> Any:
    """The value of a field; None where it has none."""
    _, section, key = pointer.split("/")
    return (document.get(section) or {}).get(key)


def with_values(document: Mapping[str, Any], values: Mapping[str, Any]) -> Document:
    """A copy with these fields, by pointer. What is empty is left out."""
    changed = deepcopy(dict(document))
    for pointer, value in values.items():
        _, name, key = pointer.split("/")
        section = changed.setdefault(name, {})
        if is_empty(value):
            section.pop(key, None)
        else:
            section[key] = settled(value)
        if not section and name != "overview":
            del changed[name]
    return changed


def settled(value: Any) -> Any:
    """The value as every database gives it back, so that its digest can be computed again.

    PostgreSQL writes large floats as integers, and knows no negative zero and no NUL.
    """
    if isinstance(value, float):
        if not math.isfinite(value):
            raise Invalid("Numbers on a card are finite. Write NaN or Infinity as a text.")
        return int(value) if value.is_integer() and abs(value) >= LARGE else value + 0.0
    if isinstance(value, str):
        if "\x00" in value or _SURROGATE.search(value):
            raise Invalid("A text holds a character that no database can keep. Remove it.")
        return value
    if isinstance(value, dict):
        return {settled(str(key)): settled(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [settled(inner) for inner in value]
    return value


def is_empty(value: Any) -> bool:
    """Whether nothing was said. Zero and no are something."""
    return value is None or value in ("", [], {}) or (isinstance(value, str) and not value.strip())


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def as_text(value: Any) -> str:
    """A value in one line: a text as it is, anything else as JSON."""
    return value if isinstance(value, str) else canonical_json(value).decode()


def filled(
    document: Mapping[str, Any], catalogue: Catalogue = BUILT_IN
) -> Iterator[tuple[Field, Any]]:
    """Fields that have a value, in the order of the card."""
    for pointer, field in catalogue.fields.items():
        value = value_at(document, pointer)
        if not is_empty(value):
            yield field, value


def differing(
    before: Mapping[str, Any], after: Mapping[str, Any], catalogue: Catalogue = BUILT_IN
) -> list[str]:
    """Pointers of fields whose values are not the same."""
    return [
        pointer
        for pointer in catalogue.fields
        if _said(value_at(before, pointer)) != _said(value_at(after, pointer))
    ]


def require_valid(document: Mapping[str, Any], catalogue: Catalogue = BUILT_IN) -> None:
    """Raises `Invalid` with the pointer and the reason of each problem, or `TooLarge`."""
    size = len(canonical_json(document))
    if size > LARGEST:
        raise TooLarge(
            f"The card has {size:,} bytes; {LARGEST:,} fit. Attach long lists as a file instead."
        )
    found = problems(document)
    if found:
        pointer, reason = next(iter(found.items()))
        more = f" {len(found) - 1} more fields are wrong." if len(found) > 1 else ""
        raise Invalid(
            f"{_named(pointer, catalogue)}: {reason}{more}",
            code="invalid_card",
            details={"fields": found},
        )


def problems(document: Mapping[str, Any]) -> dict[str, str]:
    """By pointer of the place: why the schema, or a rule beside it, refuses the value."""
    found: dict[str, str] = {}
    for error in validator.iter_errors(dict(document)):
        found.setdefault(place_of(error), reason_of(error))
        if len(found) >= MOST_PROBLEMS:
            return found
    for pointer, reason in _rules(document):
        found.setdefault(pointer, reason)
    return found


def _rules(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What a schema says badly: one field that depends on another."""
    tier = value_at(document, "/classification/risk_tier")
    assessed = value_at(document, "/fairness/assessed")
    if assessed == "yes" and not value_at(document, "/fairness/assessments"):
        yield "/fairness/assessments", "Fairness was assessed: say what came of it."
    if assessed == "not-applicable" and not value_at(document, "/fairness/why_not"):
        yield "/fairness/why_not", "Say why an assessment of fairness does not apply."
    if assessed == "no" and (tier == "high" or value_at(document, "/use/affected_groups")):
        yield (
            "/fairness/assessed",
            "The tier is high or groups of people are affected, so fairness has to be assessed.",
        )
    if value_at(document, "/use/decision_role") == "decides-alone" and tier in ("minimal", "low"):
        yield (
            "/classification/risk_tier",
            "A model that decides alone is of medium or high risk.",
        )


def _said(value: Any) -> bytes:
    return b"" if is_empty(value) else canonical_json(value)


def place_of(error: ValidationError) -> str:
    """JSON pointer of the value that the schema refuses, or misses."""
    path = [str(part).replace("~", "~0").replace("/", "~1") for part in error.absolute_path]
    if error.validator in ("required", "additionalProperties"):
        # The schema points at the whole object; people look for the property.
        named = _QUOTED.findall(error.message)
        path += named[:1]
    return "/" + "/".join(path)


def reason_of(error: ValidationError) -> str:
    """Why the schema refuses it, as a sentence that says what to do."""
    limit: Any = error.validator_value
    match error.validator:
        case "required":
            return "Fill this in."
        case "additionalProperties":
            return "The card has no such field. Fields of your own go to “Further fields”."
        case "enum":
            return f"Choose one of {', '.join(map(str, limit))}."
        case "maxLength":
            return f"{len(str(error.instance)):,} characters are too many; {limit:,} fit."
        case "minLength":
            return f"Write at least {limit} characters."
        case "minItems":
            return f"Name at least {limit}."
        case "minimum":
            return f"This has to be {limit} or more."
        case "format":
            kind = str(limit).replace("date-time", "date and time")
            return f"Write it as a {kind}, such as {EXAMPLES[limit]}."
        case "const":
            return f"This has to be “{limit}”."
        case "type":
            kinds = limit if isinstance(limit, list) else [limit]
            return f"This has to be {' or '.join(KINDS[kind] for kind in kinds)}."
        case _:
            return f"{error.message[:200]}."


def _named(pointer: str, catalogue: Catalogue) -> str:
    parts = pointer.split("/")
    field = catalogue.fields.get("/".join(parts[:3]))
    if field is None:
        return pointer
    inside = ", ".join(
        f"entry {int(part) + 1}" if part.isdigit() else part.replace("_", " ") for part in parts[3:]
    )
    return f"{field.title} ({inside})" if inside else field.title
