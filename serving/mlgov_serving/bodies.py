"""What the server below would read wrongly, found before it reads it."""

import json
import re
from typing import Any

from mlgov_serving.refusals import Refusal

# Only these are worth a second look: `index`, also with a letter of it escaped, and half of a
# surrogate pair, escaped or as bytes; with a NUL byte, JSON is in UTF-16 or UTF-32 and may hold
# either. All other bodies are parsed once, by the server itself.
_INDEX = re.compile(rb"index|\\u00[67]|\x00")
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]|\xed[\xa0-\xbf]|\x00")


def objection(payload: bytes) -> Refusal | None:
    """Why a JSON body is refused that pandas or the server would take for something else."""
    may_have_index, may_be_no_text = _INDEX.search(payload), _SURROGATE.search(payload)
    if not may_have_index and not may_be_no_text:
        return None
    try:
        body = json.loads(payload)
    except (ValueError, RecursionError):
        return None  # what is no JSON at all is refused by the server, with its own reason
    if may_be_no_text and not _is_text(body):
        return Refusal(
            400,
            "BAD_REQUEST",
            "The body is not valid Unicode: a string has half of a surrogate pair "
            "(\\ud800 to \\udfff) without the other half.",
        )
    if may_have_index and not _index_fits(body):
        return Refusal(
            400,
            "BAD_REQUEST",
            "dataframe_split must have one index value for each row of data; index may be left "
            "out.",
        )
    return None


def _is_text(body: Any) -> bool:
    try:
        json.dumps(body, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def _index_fits(body: Any) -> bool:
    """Pandas repeats a single row for each value of the index: predictions nobody asked for."""
    split = body.get("dataframe_split") if isinstance(body, dict) else None
    if not isinstance(split, dict) or split.get("index") is None:
        return True
    index, data = split["index"], split.get("data")
    return isinstance(index, list) and isinstance(data, list) and len(index) == len(data)
