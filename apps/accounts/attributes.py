"""Attributes of people, projects, models and versions: which there are, and what they may hold.

Checked wherever somebody sets them: in the admin, on pages, over REST, and from a sign-on's claims.
"""

from collections.abc import Mapping
from typing import Any

from apps.accounts.models import About, Attribute, AttributeKind, SetBy, User
from apps.core.errors import Invalid, NotPermitted

LONGEST_TEXT = 200
MOST_ITEMS = 100
# Whole numbers up to here are the same in each database, and in a browser.
LARGEST_NUMBER = 2**53
# Facts that rules know without a declaration, so that no declaration can stand for one of them.
BUILT_IN: dict[str, frozenset[str]] = {
    About.PERSON: frozenset({"username", "groups", "is_service_account", "roles"}),
    About.PROJECT: frozenset({"slug", "name", "visibility"}),
    About.MODEL: frozenset({"name", "tags", "aliases"}),
    About.VERSION: frozenset({"number", "stage", "tags", "aliases", "state"}),
}
PLURALS: dict[str, str] = {
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
            f"“{attribute.name}” of {PLURALS[attribute.about]} is known without a declaration. "
            "Choose another name."
        )
    if kind == AttributeKind.CHOICE and not values:
        problems["values"] = "Name the values that can be chosen."
    if kind in (AttributeKind.NUMBER, AttributeKind.BOOLEAN) and values:
        problems["values"] = "Numbers and yes or no have no list of values."
    if any(_text(value, []) for value in values or ()):
        problems["values"] = f"A value is a text of at most {LONGEST_TEXT} characters."
    if attribute.about == About.PERSON and attribute.set_by != SetBy.ADMINISTRATORS:
        problems["set_by"] = "What people are is set by administrators only."
    return problems


def declared_for(about: str) -> list[Attribute]:
    return list(Attribute.objects.filter(about=about))


def may_set(user: Any, attribute: Attribute | None, *, manages: bool) -> bool:
    """Whether somebody sets it on an object; `manages` says that he manages its project.

    What is declared no more is for administrators to take away.
    """
    if user.is_superuser:
        return True
    return manages and attribute is not None and attribute.set_by == SetBy.OWNERS


def after(
    before: Mapping[str, Any], changes: Any, *, about: str, by: User, manages: bool
) -> dict[str, Any]:
    """What an object holds after `changes`, of which `None` takes an attribute away.

    In the transaction that saves it: declarations that are used stay as they are until its end.
    """
    if not isinstance(changes, dict):
        raise Invalid.at("attributes", "Attributes are an object: names with their values.")
    now = {**before, **changes}
    now = {name: value for name, value in now.items() if value is not None}
    changed = [name for name in changes if not _same(before.get(name), now.get(name))]
    found = Attribute.objects.select_for_update().filter(about=about, name__in=changed)
    declared = {attribute.name: attribute for attribute in found.order_by("pk")}
    require_declared(now, about=about, before=before)
    for name in changed:
        attribute = declared.get(name)
        if not may_set(by, attribute, manages=manages):
            by_owners = attribute is not None and attribute.set_by == SetBy.OWNERS
            whom = "an owner of the project" if by_owners else "an administrator"
            raise NotPermitted(f"You may not set “{name[:60]}” here. Ask {whom}.")
    return now


def require_declared(
    attributes: Any, *, about: str, before: Mapping[str, Any] | None = None
) -> None:
    """Raise `Invalid` for an attribute that nobody declared, or a value that it does not allow.

    What stands there from `before` and stays as it is, is not asked about again: a declaration that
    changes later must not make an account or an object impossible to save.
    """
    if not isinstance(attributes, dict):
        raise Invalid.at("attributes", "Attributes are an object: names with their values.")
    before = before or {}
    new = {n: v for n, v in attributes.items() if n not in before or not _same(before[n], v)}
    found = Attribute.objects.filter(about=about, name__in=list(new))
    declared = {attribute.name: attribute for attribute in found}
    for name, value in new.items():
        if name not in declared:
            raise Invalid.at(
                "attributes",
                f"There is no attribute “{name[:60]}” of {PLURALS[about]}. An administrator "
                "declares attributes before they are set.",
            )
        if problem := problem_with(value, declared[name]):
            raise Invalid.at("attributes", f"“{name}” {problem}")


def problem_with(value: Any, attribute: Attribute) -> str:
    """What is wrong with a value, or nothing."""
    allowed = attribute.values
    if attribute.kind == AttributeKind.BOOLEAN:
        return "" if isinstance(value, bool) else "is true or false."
    if attribute.kind == AttributeKind.NUMBER:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        # Nothing compares with what is no number, which is a number to Python.
        fits = is_number and -LARGEST_NUMBER <= value <= LARGEST_NUMBER
        return "" if fits else f"is a number between {-LARGEST_NUMBER} and {LARGEST_NUMBER}."
    if attribute.kind == AttributeKind.LIST:
        if not isinstance(value, list) or len(value) > MOST_ITEMS:
            return f"is a list of at most {MOST_ITEMS} texts."
        return next((problem for item in value if (problem := _text(item, allowed))), "")
    return _text(value, allowed)


def _text(value: Any, allowed: list[str]) -> str:
    if not isinstance(value, str) or len(value) > LONGEST_TEXT or "\x00" in value:
        return f"holds text of at most {LONGEST_TEXT} characters."
    if allowed and value not in allowed:
        return f"is one of {', '.join(allowed)}."
    return ""


def _same(one: Any, other: Any) -> bool:
    # True is 1 to Python, and not to a rule.
    return type(one) is type(other) and bool(one == other)
