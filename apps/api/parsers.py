"""Strict JSON: what the standard does not define gets a 400, never a surprise later."""

from typing import IO, Any

from django.conf import settings
from rest_framework.parsers import JSONParser

from apps.core import strict_json
from apps.core.errors import Invalid, TooLarge


def parse_json(body: bytes) -> Any:
    """The JSON value in a request body. Raises `Invalid` with a sentence for the sender."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise Invalid("The body is not UTF-8.") from None
    return strict_json.parse(text, what="The body")


class StrictJSONParser(JSONParser):
    """The parser of the REST API."""

    def parse(self, stream: IO[Any], media_type: Any = None, parser_context: Any = None) -> Any:
        # Django's own limit is for bodies that Django reads.
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        body = stream.read(limit + 1)
        if len(body) > limit:
            raise TooLarge(f"The body is larger than {limit // 1024**2} MB.")
        return parse_json(body)
