"""What somebody may have meant by a name that there is not."""

import difflib
from typing import Any

from django.db.models import Q, QuerySet

MOST_NAMED = 3
# Names that are compared with a wrong one, of those that begin or go on alike.
MOST_COMPARED = 1_000
LONGEST = 100


def did_you_mean(text: str, names: QuerySet[Any, Any], column: str) -> str:
    """A question that names the nearest; empty where none is near. It begins with a space."""
    text = text.strip()[:LONGEST]
    if len(text) < 2 or "\x00" in text:
        return ""
    alike = Q(**{f"{column}__istartswith": text[:1]}) | Q(**{f"{column}__icontains": text[1:4]})
    known = names.filter(alike).order_by(column).values_list(column, flat=True).distinct()
    near = difflib.get_close_matches(text, list(known[:MOST_COMPARED]), MOST_NAMED)
    return f" Did you mean {' or '.join(near)}?" if near else ""
