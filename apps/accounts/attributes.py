"""Attributes of people, projects, models and versions: which there are, and what they may hold.

Checked wherever somebody sets them: in the admin, on pages, over REST, and from a sign-on's claims.
"""

import math
from collections.abc import Mapping
from typing import Any

from apps.accounts.models import About, Attribute, AttributeKind
from apps.core.errors import Invalid

LONGEST_TEXT = 200
MOST_ITEMS = 100
# Facts that rules know without a declaration, so that no declaration can stand for one of them.
BUILT_IN: dict[str, frozenset[str]] = {
    About.PERSON: frozenset({"username", "groups", "is_service_account", "roles"}),
    About.PROJECT: frozenset({"slug", "name", "visibility"}),
    About.MODEL: frozenset({"name", "tags", "aliases"}),
    About.VERSION: frozenset({"number", "stage", "tags", "aliases", "state"}),
}
_PLURALS: dict[str, str] = {
    About.PERSON: "people",
    About.PROJECT: "projects",
    About.MODEL: "models",
    About.VERSION: "versions",
}


def problems_with_declaration(attribute: Attribute) -> dict[str, str]:
    """What is wrong with a declaration, by field."""
    kind, values = attribute.kind, attribute.values
    problems = {}
    if attribute.name in BUILT_IN.get(attribute.about, ()):
        problems["name"] = (
            f"“{attribute.name}” of {_PLURALS[attribute.about]} is known without a declaration. "
            "Choose another name."
        )
    if kind == AttributeKind.CHOICE and not values:
        problems["values"] = "Name the values that can be chosen."
    if kind in (AttributeKind.NUMBER, AttributeKind.BOOLEAN) and values:
        problems["values"] = "Numbers and yes or no have no list of values."
    return problems


def require_declared(
    attributes: Any, *, about: str, before: Mapping[str, Any] | None = None
) -> None:
    """Raise `Invalid` for an attribute that nobody declared, or a value that it does not allow.

    What stands there from `before` and stays as it is, is not asked about again: a declaration that
    changes later must not make an account or an object impossible to save.
    """
    if not isinstance(attributes, dict):
        raise _wrong("Attributes are an object: names with their values.")
    before = before or {}
    new = {n: v for n, v in attributes.items() if n not in before or before[n] != v}
    found = Attribute.objects.filter(about=about, name__in=list(new))
    declared = {attribute.name: attribute for attribute in found}
    for name, value in new.items():
        if name not in declared:
            raise _wrong(
                f"There is no attribute “{name}” of {_PLURALS[about]}. An administrator declares "
                "attributes in the admin before they are set."
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
