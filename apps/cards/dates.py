"""Dates and moments as a card has them: the formats of its schema, and nothing looser."""

import re
from datetime import datetime

from jsonschema import FormatChecker

FORMATS = FormatChecker()
EXAMPLES = {"date": "2026-01-31", "date-time": "2026-01-31T09:30:00+00:00"}


# By itself jsonschema takes anything for a moment, unless a further library is installed.
@FORMATS.checks("date-time", raises=ValueError)
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
