"""Strict JSON: what the standard does not define gets a 400, never a surprise later."""

import json
import math
from typing import IO, Any

from django.conf import settings
from rest_framework.parsers import JSONParser

from apps.core.errors import Invalid, TooLarge

DEEPEST = 50


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


def parse_json(body: bytes) -> Any:
    """The JSON value in a request body. Raises `Invalid` with a sentence for the sender."""
    try:
        value = json.loads(
            body.decode(), parse_constant=_reject_constant, object_pairs_hook=_unique
        )
    except UnicodeDecodeError:
        raise Invalid("The body is not UTF-8.") from None
    except RecursionError:
        raise Invalid(f"The JSON is nested deeper than {DEEPEST} levels.") from None
    except ValueError as error:
        raise Invalid(f"The body is not JSON: {error}.") from None
    _check(value)
    return value


class StrictJSONParser(JSONParser):
    """The parser of the REST API."""

    def parse(self, stream: IO[Any], media_type: Any = None, parser_context: Any = None) -> Any:
        # Django's own limit is for bodies that Django reads.
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        body = stream.read(limit + 1)
        if len(body) > limit:
            raise TooLarge(f"The body is larger than {limit // 1024**2} MB.")
        return parse_json(body)
