"""Attributes of people: which there are, and what they may hold.

Checked wherever somebody sets them: in the admin, over REST, and from a sign-on's claims.
"""

import math
from collections.abc import Mapping
from typing import Any

from apps.accounts.models import Attribute, AttributeKind
from apps.core.errors import Invalid

LONGEST_TEXT = 200
MOST_ITEMS = 100


def require_declared(attributes: Any, *, before: Mapping[str, Any] | None = None) -> None:
    """Raise `Invalid` for an attribute that nobody declared, or a value that it does not allow.

    What stands there from `before` and stays as it is, is not asked about again: a declaration that
    changes later must not make an account impossible to save.
    """
    if not isinstance(attributes, dict):
        raise _wrong("Attributes are an object: names with their values.")
    before = before or {}
    new = {n: v for n, v in attributes.items() if n not in before or before[n] != v}
    declared = {found.name: found for found in Attribute.objects.filter(name__in=list(new))}
    for name, value in new.items():
        if name not in declared:
            raise _wrong(
                f"There is no attribute “{name}”. An administrator declares attributes in the "
                "admin before they are set."
            )
        if problem := problem_with(value, declared[name]):
            raise _wrong(f"“{name}” {problem}")


def problem_with(value: Any, attribute: Attribute) -> str:
    """What is wrong with a value, or nothing."""
    allowed = attribute.values
    if attribute.kind == AttributeKind.BOOLEAN:
        return "" if isinstance(value, bool) else "is true or false."
    if attribute.kind == AttributeKind.NUMBER:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return "" if is_number and math.isfinite(value) else "is a number."
    if attribute.kind == AttributeKind.LIST:
        if not isinstance(value, list) or len(value) > MOST_ITEMS:
            return f"is a list of at most {MOST_ITEMS} texts."
        return next((problem for item in value if (problem := _text(item, allowed))), "")
    return _text(value, allowed)


def _text(value: Any, allowed: list[str]) -> str:
    if not isinstance(value, str) or len(value) > LONGEST_TEXT:
        return f"holds text of at most {LONGEST_TEXT} characters."
    if allowed and value not in allowed:
        return f"is one of {', '.join(allowed)}."
    return ""


def _wrong(sentence: str) -> Invalid:
    return Invalid(sentence, details={"attributes": sentence})
