"""Attributes as administrators declare them: declared, changed, deleted.

What objects hold is never lost by it. A declaration that somebody or something holds a value of is
not deleted, and not changed so that the value fits no more: rules that compare with the value would
silently stop to hold.
"""

from collections.abc import Callable, Iterable
from typing import Any

from django.db import IntegrityError, models, transaction

from apps.accounts.attributes import PLURALS, problem_with, problems_with_declaration
from apps.accounts.models import About, Attribute, SetBy, User
from apps.accounts.services import require_no_limits
from apps.audit.services import record
from apps.core.errors import AlreadyExists, Conflict, Invalid, NotFound, NotPermitted
from apps.core.validation import require_valid

CHANGEABLE = ("description", "kind", "values", "set_by")
FIELDS = ("about", "name", *CHANGEABLE)

# Of what there are attributes, by whom has them. The apps above register theirs.
_holders: dict[str, Callable[[], models.QuerySet[Any]]] = {About.PERSON: User.objects.all}


def register_holders(about: str, holders: Callable[[], models.QuerySet[Any]]) -> None:
    _holders[about] = holders


# Attribute -> what relies on it under the declaration that is given, in words; empty: nothing.
_reliers: list[Callable[[Attribute, Attribute | None], str]] = []


def register_relier(relies: Callable[[Attribute, Attribute | None], str]) -> None:
    """Let somebody say what would break where an attribute becomes another, or goes."""
    _reliers.append(relies)


@transaction.atomic
def declare(
    *,
    about: str,
    name: str,
    kind: str,
    description: str = "",
    values: Iterable[str] = (),
    set_by: str = SetBy.ADMINISTRATORS,
    by: User,
) -> Attribute:
    _require_administrator(by)
    attribute = Attribute(about=about, name=name, kind=kind, description=description, set_by=set_by)
    attribute.values = list(dict.fromkeys(values))
    _require_sound(attribute)
    try:
        with transaction.atomic():
            attribute.save()
    except IntegrityError:
        raise AlreadyExists(
            f"There is an attribute “{name}” of {PLURALS[about]} already. Change that one."
        ) from None
    now = {field: getattr(attribute, field) for field in FIELDS}
    record(actor=by, action="attribute.create", obj=attribute, data={"now": now})
    return attribute


@transaction.atomic
def change(attribute: Attribute, *, by: User, **changes: Any) -> Attribute:
    """Change what is given: description, kind, values, set_by. Name and object stay."""
    _require_administrator(by)
    attribute = _locked(attribute)
    unknown = set(changes) - set(CHANGEABLE)
    assert not unknown, unknown
    if "values" in changes:
        changes["values"] = list(dict.fromkeys(changes["values"]))
    before = {field: getattr(attribute, field) for field in changes}
    for field, value in changes.items():
        setattr(attribute, field, value)
    changed = sorted(field for field in changes if changes[field] != before[field])
    if not changed:
        return attribute
    _require_sound(attribute)
    if {"kind", "values"} & set(changed):
        require_fits_what_is_held(attribute)
    attribute.save(update_fields=changed)
    data = {
        "before": {field: before[field] for field in changed},
        "now": {field: changes[field] for field in changed},
    }
    record(actor=by, action="attribute.edit", obj=attribute, data=data)
    return attribute


@transaction.atomic
def delete(attribute: Attribute, *, by: User) -> None:
    _require_administrator(by)
    attribute = _locked(attribute)
    require_not_held(attribute)
    record(actor=by, action="attribute.delete", obj=attribute)
    attribute.delete()


def require_not_held(attribute: Attribute) -> None:
    """Raise `Conflict` where deleting the declaration would leave values without one."""
    count = holders_of(attribute.about, attribute.name).count()
    if count:
        raise Conflict(
            f"{_holding(count, attribute.about)} “{attribute.name}”. Take it away there first."
        )
    _require_no_relier(attribute, None)


def require_fits_what_is_held(attribute: Attribute) -> None:
    """Raise `Conflict` where values that are held do not fit the declaration as it is now."""
    found = holders_of(attribute.about, attribute.name)
    held = found.values_list("attributes", flat=True).iterator()
    values = [attributes[attribute.name] for attributes in held]
    misfits = [value for value in values if problem_with(value, attribute)]
    if misfits:
        raise Conflict(
            f"{_holding(len(misfits), attribute.about)} a value that would not fit any more, "
            f"such as “{str(misfits[0])[:60]}”. Change it there first.",
            details={"held_by": len(misfits)},
        )
    _require_no_relier(attribute, attribute)


def _require_no_relier(attribute: Attribute, then: Attribute | None) -> None:
    for relies in _reliers:
        if broken := relies(attribute, then):
            raise Conflict(broken)


def holders_of(about: str, name: str) -> models.QuerySet[Any]:
    """Everybody, or every object, that holds a value of the attribute."""
    return _holders[about]().filter(attributes__has_key=name)


def _holding(count: int, about: str) -> str:
    return f"{count} {PLURALS[about]} hold" if count > 1 else f"1 {About(about).value} holds"


def _locked(attribute: Attribute) -> Attribute:
    found = Attribute.objects.select_for_update().filter(pk=attribute.pk).first()
    if found is None:
        raise NotFound("There is no such attribute any more.")
    return found


def _require_sound(attribute: Attribute) -> None:
    require_valid(attribute, *FIELDS)
    problems = problems_with_declaration(attribute)
    if problems:
        raise Invalid(" ".join(problems.values()), details=problems)


def _require_administrator(by: User) -> None:
    require_no_limits(by)
    if not by.is_superuser:
        raise NotPermitted("Only administrators declare attributes.")
