"""JSON that every database keeps and gives back as it was: what the standard leaves open, or what
PostgreSQL cannot store, is refused with the reason."""

import json
import math
import re
from typing import Any

from apps.core.errors import Invalid

DEEPEST = 50
MOST_VALUES = 200_000
TEXT = re.compile(r'"(?:[^"\\]|\\.)*+"', re.DOTALL)


def parse(text: str, *, what: str = "This") -> Any:
    """The value that a text says. Raises `Invalid` with a sentence for the writer."""
    _require_few(text)
    try:
        value = json.loads(text, parse_constant=_reject_constant, object_pairs_hook=_unique)
    except RecursionError:
        raise Invalid(f"The JSON is nested deeper than {DEEPEST} levels.") from None
    except ValueError as error:
        raise Invalid(f"{what} is not JSON: {error}.") from None
    _check(value)
    return value


def _require_few(text: str) -> None:
    """Counted before it is read: what is short as text can be large as values."""
    if _separators(text) > MOST_VALUES and _separators(TEXT.sub("", text)) > MOST_VALUES:
        raise Invalid(f"The JSON holds more than {MOST_VALUES:,} values. Send it in parts.")


def _separators(text: str) -> int:
    return text.count(",") + text.count("[") + text.count("{")


def _reject_constant(name: str) -> None:
    raise Invalid(f"The JSON holds {name}, which is not a JSON number.")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise Invalid(f"The JSON names “{key}” twice in one object.")
        found[key] = value
    return found


def _check(value: Any, depth: int = 0) -> None:
    if depth > DEEPEST:
        raise Invalid(f"The JSON is nested deeper than {DEEPEST} levels.")
    if isinstance(value, str):
        if "\x00" in value:
            raise Invalid("The JSON holds a NUL character, which cannot be stored.")
        try:
            value.encode()
        except UnicodeEncodeError:
            raise Invalid("The JSON holds half a surrogate pair, which is not text.") from None
    elif isinstance(value, float) and not math.isfinite(value):
        raise Invalid("The JSON holds a number that is too large.")
    elif isinstance(value, dict):
        for key, item in value.items():
            _check(key, depth + 1)
            _check(item, depth + 1)
    elif isinstance(value, list):
        for item in value:
            _check(item, depth + 1)
