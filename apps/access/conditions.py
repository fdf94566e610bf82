"""Conditions of rules, as people write them: one comparison in a line.

    user.department is project.department
    user.clearance is below version.sensitivity
    version.stage is one of "staging", "production"
    wanted.stage is "production"

Read once, checked against what is declared, and then asked in two ways: what depends on the person
alone is true or false at once, and what depends on objects becomes a part of a query.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Q

from apps.access import vocabulary
from apps.access.vocabulary import ORDERED, Comparison, Fact, in_reach
from apps.accounts.models import Attribute, AttributeKind, User
from apps.core.errors import Invalid

MOST_CONDITIONS = 20
LONGEST_CONDITION = 500
MOST_VALUES = 50
# The longest first: “is not one of” begins with “is not”.
OPERATORS: dict[str, tuple[Comparison, bool]] = {
    "is not one of": (Comparison.ONE_OF, True),
    "is one of": (Comparison.ONE_OF, False),
    "is at least": (Comparison.AT_LEAST, False),
    "is below": (Comparison.AT_LEAST, True),
    "is at most": (Comparison.AT_MOST, False),
    "is above": (Comparison.AT_MOST, True),
    "is not set": (Comparison.SET, True),
    "is set": (Comparison.SET, False),
    "is not": (Comparison.IS, True),
    "is": (Comparison.IS, False),
    "has no": (Comparison.HAS, True),
    "has": (Comparison.HAS, False),
}
NAME = re.compile(r'([a-z]+)\.([a-z][a-z0-9_]*)(?:\.(?:"((?:[^"\\]|\\.)+)"|([^\s",]+)))?')
OPERATOR = re.compile(r"\s+(" + "|".join(OPERATORS) + r")(?=\s|$)")
VALUE = re.compile(r'"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?|true|false')

Declared = Mapping[tuple[str, str], Attribute]
Wanted = Mapping[str, str]


@dataclass(frozen=True)
class Name:
    """`user.department`, `version.tags.checked`, `wanted.stage`."""

    of: str
    name: str
    key: str = ""

    def __str__(self) -> str:
        return f"{self.of}.{self.name}" + (f".{self.key}" if self.key else "")


@dataclass(frozen=True)
class ObjectTest:
    """Which objects of a kind fulfil a condition, for one person."""

    entity: str
    where: Q
    negated: bool


@dataclass(frozen=True)
class Condition:
    """One line, understood. `values` are constants, `other` a name to compare with."""

    text: str
    name: Name
    comparison: Comparison
    negated: bool
    fact: Fact | None
    values: tuple[Any, ...] = ()
    other: Name | None = None
    other_fact: Fact | None = None

    @property
    def names(self) -> tuple[Name, ...]:
        return (self.name, self.other) if self.other is not None else (self.name,)

    @property
    def entity(self) -> str:
        """The kind of object that it asks about; empty where it asks about none."""
        for name in self.names:
            if name.of in vocabulary.ENTITIES:
                return name.of
            if name.of == "user" and name.name in vocabulary.POSITIONS:
                return vocabulary.POSITIONS[name.name].entity
        return ""

    @property
    def wanted(self) -> str:
        """What has to be asked for beside the action; empty: nothing."""
        return next((name.name for name in self.names if name.of == "wanted"), "")

    def holds(self, user: User, wanted: Wanted) -> bool:
        """For conditions about no object. What is wanted has to be known."""
        left = self._known(self.name, user, wanted)
        right = self._known(self.other, user, wanted) if self.other else None
        given = right if self.other else self._constant
        return self._is_true(left, given) is not self.negated

    def test(self, user: User) -> ObjectTest | bool:
        """For conditions about objects: which ones, or the answer for all of them alike."""
        if self.name.of == "user" and self.name.name in vocabulary.POSITIONS:
            position = vocabulary.POSITIONS[self.name.name]
            return ObjectTest(
                position.entity, position.where(user, self.comparison, self._constant), self.negated
            )
        if self.other is None:
            assert self.fact is not None
            where = self.fact.where(self.comparison, self._constant)
            return ObjectTest(self.name.of, where, self.negated)
        if self.other.of == "user":
            fact, comparison = self.fact, self.comparison
            known, entity = self._known(self.other, user, {}), self.name.of
        else:
            # Read from the other side: what is at least the object's, the object is at most.
            fact, comparison = self.other_fact, TURNED[self.comparison]
            known, entity = self._known(self.name, user, {}), self.other.of
        if known is None:
            return self.negated
        assert fact is not None
        return ObjectTest(entity, fact.where(comparison, known), self.negated)

    @property
    def _constant(self) -> Any:
        if self.comparison is Comparison.ONE_OF:
            return self.values
        return self.values[0] if self.values else None

    def _known(self, name: Name | None, user: User, wanted: Wanted) -> Any:
        if name is None:
            return None
        if name.of == "wanted":
            return wanted.get(name.name)
        fact = self.fact if name == self.name else self.other_fact
        value = known_of(user, name.name)
        # What stood there before its declaration changed is as good as nothing.
        return value if fact is not None and _fits(fact.kind, value) else None

    def _is_true(self, left: Any, right: Any) -> bool:
        comparison = self.comparison
        if comparison is Comparison.SET:
            return left not in (None, "", [])
        if left is None or right is None:
            return False
        if comparison is Comparison.HAS:
            return isinstance(left, list) and right in left
        if comparison is Comparison.ONE_OF:
            return left in right
        if comparison in ORDERED:
            if self.fact is not None and self.fact.kind == AttributeKind.CHOICE:
                return left in in_reach(self.fact.values, comparison, right)
            return left >= right if comparison is Comparison.AT_LEAST else left <= right
        return left == right


TURNED = {
    Comparison.IS: Comparison.IS,
    Comparison.AT_LEAST: Comparison.AT_MOST,
    Comparison.AT_MOST: Comparison.AT_LEAST,
    # A person's list has what the object is one of.
    Comparison.HAS: Comparison.ONE_OF,
}


def known_of(user: User, name: str) -> Any:
    """What is known of the person under this name."""
    if name == "groups":
        return groups_of(user)
    if name == "service_account":
        return user.is_service_account
    if name == "username":
        return user.username
    return user.attributes.get(name)


def shown(value: Any) -> str:
    """A value for an explanation."""
    if value is None or value == []:
        return "not set"
    if isinstance(value, list):
        return ", ".join(map(shown, value))
    return value if isinstance(value, str) else json.dumps(value)


def groups_of(user: User) -> list[str]:
    """Names of the person's groups, read once for the object that stands for him."""
    cached = getattr(user, "_names_of_groups", None)
    if cached is None:
        cached = list(user.groups.values_list("name", flat=True))
        user._names_of_groups = cached  # type: ignore[attr-defined]
    return cached


def read(text: str, declared: Declared) -> Condition:
    """The condition that a line says. Raises `Invalid` with what is wrong in it."""
    if len(text) > LONGEST_CONDITION:
        raise Invalid(f"A condition has at most {LONGEST_CONDITION} characters.")
    if "\x00" in text:
        raise Invalid("A condition holds no NUL character.")
    text = " ".join(text.split()) if '"' not in text else text.strip()
    found = NAME.match(text)
    if found is None:
        raise Invalid(
            f"“{text[:60]}” does not begin with a name such as user.department or version.stage."
        )
    name, rest = _name(found), text[found.end() :]
    operator = OPERATOR.match(rest)
    if operator is None:
        raise Invalid(f"After {name} comes one of: {', '.join(sorted(OPERATORS))}.")
    comparison, negated = OPERATORS[operator[1]]
    fact = _fact(name, declared)
    values, other = _operand(rest[operator.end() :].strip(), comparison, operator[1])
    other_fact = _fact(other, declared) if other is not None else None
    condition = Condition(text, name, comparison, negated, fact, values, other, other_fact)
    _require_sensible(condition, operator[1])
    return condition


def _name(found: re.Match[str]) -> Name:
    quoted = json.loads(f'"{found[3]}"') if found[3] else ""
    return Name(found[1], found[2], quoted or found[4] or "")


def _operand(
    text: str, comparison: Comparison, operator: str
) -> tuple[tuple[Any, ...], Name | None]:
    if comparison is Comparison.SET:
        if text:
            raise Invalid(f"Nothing follows “{operator}”: take “{text[:40]}” away.")
        return (), None
    if not text:
        raise Invalid(f"Say what follows “{operator}”: a text in quotes, a number, or a name.")
    if (named := NAME.fullmatch(text)) is not None:
        if comparison is Comparison.ONE_OF:
            raise Invalid(f"After “{operator}” come values, with commas between them.")
        return (), _name(named)
    values = _values(text)
    if comparison is not Comparison.ONE_OF and len(values) > 1:
        raise Invalid(f"One value follows “{operator}”. Several follow “is one of”.")
    return values, None


def _values(text: str) -> tuple[Any, ...]:
    values, at = [], 0
    while True:
        found = VALUE.match(text, at)
        if found is None:
            raise Invalid(
                f"“{text[at : at + 40]}” is no value: put texts in quotes, as in "
                f'"{text[at : at + 20]}".'
            )
        try:
            values.append(json.loads(found[0]))
        except ValueError:
            raise Invalid(f"{found[0][:40]} is no text: a backslash stands before it.") from None
        at = found.end()
        between = re.compile(r"\s*(,\s*|$)").match(text, at)
        if between is None:
            raise Invalid(f"“{text[at : at + 40].strip()}” follows a value: put a comma between.")
        at = between.end()
        if at >= len(text) and not between[1]:
            break
        if len(values) >= MOST_VALUES:
            raise Invalid(f"A condition names at most {MOST_VALUES} values.")
    return tuple(values)


def _fact(name: Name, declared: Declared) -> Fact | None:
    """What is known under the name. None for what a call asks for, and for positions."""
    if name.of == "wanted":
        if name.name in vocabulary.WANTED and not name.key:
            return Fact(AttributeKind.TEXT, "")
        raise _unknown(name, [f"wanted.{known}" for known in vocabulary.WANTED])
    if name.of == "user" and not name.key:
        if name.name in vocabulary.POSITIONS:
            return None
        if name.name in vocabulary.facts_of_users():
            return vocabulary.facts_of_users()[name.name]
        attribute = declared.get(("person", name.name))
        if attribute is not None:
            return vocabulary.kept_as_attribute(attribute)
        raise _unknown(name, _names_of_users(declared))
    entity = vocabulary.ENTITIES.get(name.of)
    if entity is None:
        kinds = ["user", *sorted(vocabulary.ENTITIES), "wanted"]
        raise Invalid(f"There is nothing called “{name.of}”. Names begin with {', '.join(kinds)}.")
    fact = entity.fact(name.name, name.key, declared)
    if fact is None:
        raise _unknown(name, _names_of(entity, declared))
    return fact


def _unknown(name: Name, known: list[str]) -> Invalid:
    return Invalid(
        f"There is no attribute “{name}”. There are {', '.join(known)}. Administrators declare "
        "more under Attributes."
    )


def _names_of_users(declared: Declared) -> list[str]:
    built_in = [*vocabulary.facts_of_users(), *vocabulary.POSITIONS]
    return sorted(f"user.{n}" for n in [*built_in, *(n for a, n in declared if a == "person")])


def _names_of(entity: vocabulary.Entity, declared: Declared) -> list[str]:
    names = [*entity.facts, *(n for about, n in declared if about == entity.about)]
    if entity.tags:
        names.append("tags.…")
    return sorted(f"{entity.name}.{name}" for name in names)


def known_names(declared: Declared) -> list[str]:
    """Every name that a condition may use, for the form and the documentation."""
    return [
        *_names_of_users(declared),
        *(
            n
            for _, entity in sorted(vocabulary.ENTITIES.items())
            for n in _names_of(entity, declared)
        ),
        *(f"wanted.{name}" for name in vocabulary.WANTED),
    ]


def _require_sensible(condition: Condition, operator: str) -> None:
    """Raise `Invalid` for a comparison that can never hold, or that nobody can answer."""
    name, other = condition.name, condition.other
    if name.of == "user" and name.name in vocabulary.POSITIONS:
        _require_position(condition, operator)
        return
    fact = condition.fact
    assert fact is not None
    if condition.comparison not in vocabulary.COMPARISONS[fact.kind]:
        can = sorted(o for o, (c, _) in OPERATORS.items() if c in vocabulary.COMPARISONS[fact.kind])
        raise Invalid(f"{name} is {_kind(fact)}: it is compared by {', '.join(can)}.")
    if other is None:
        for value in condition.values:
            _require_value(name, fact, condition.comparison, value)
        return
    if {name.of, other.of} in ({"user"}, {"wanted"}) or ({name.of, other.of}.isdisjoint({"user"})):
        raise Invalid(
            f"{name} is compared with a value or with something of the user, not with {other}."
        )
    if other.of == "user" and other.name in vocabulary.POSITIONS:
        raise Invalid(f"Write {other} on the left and compare it with a value.")
    _require_alike(condition)


def _require_position(condition: Condition, operator: str) -> None:
    position = vocabulary.POSITIONS[condition.name.name]
    if condition.other is not None or condition.comparison not in (
        Comparison.IS,
        Comparison.ONE_OF,
        Comparison.SET,
    ):
        raise Invalid(f"{condition.name} is compared with values, by “is” or “is one of”.")
    for value in condition.values:
        if value not in position.values:
            raise Invalid(
                f"{condition.name} is never {json.dumps(value)}. It is one of "
                f"{', '.join(position.values)}."
            )


def _require_value(name: Name, fact: Fact, comparison: Comparison, value: Any) -> None:
    # What a list has is a text.
    kind = AttributeKind.TEXT if fact.kind == AttributeKind.LIST else fact.kind
    if not _fits(kind, value):
        raise Invalid(f"{name} is {_kind(fact)} and is never {json.dumps(value)}.")
    if fact.values and value not in fact.values:
        raise Invalid(
            f"{name} is never {json.dumps(value, ensure_ascii=False)}. It is one of "
            f"{', '.join(fact.values)}."
        )


def _require_alike(condition: Condition) -> None:
    left, right = condition.fact, condition.other_fact
    assert left is not None
    assert right is not None
    texts = {AttributeKind.TEXT, AttributeKind.CHOICE}
    if condition.comparison is Comparison.HAS or left.kind in texts:
        alike = right.kind in texts
    else:
        alike = left.kind == right.kind
    if not alike:
        raise Invalid(
            f"{condition.name} is {_kind(left)} and {condition.other} is {_kind(right)}: they are "
            "never alike."
        )
    if condition.comparison in ORDERED and left.values != right.values:
        raise Invalid(
            f"{condition.name} and {condition.other} have different values, or another order of "
            "them: declare both with the same list."
        )


def _kind(fact: Fact) -> str:
    told = {
        AttributeKind.TEXT: "a text",
        AttributeKind.CHOICE: "one of some values",
        AttributeKind.NUMBER: "a number",
        AttributeKind.BOOLEAN: "true or false",
        AttributeKind.LIST: "a list",
    }
    return told[fact.kind]


def _fits(kind: AttributeKind, value: Any) -> bool:
    if kind == AttributeKind.LIST:
        return isinstance(value, list)
    if kind == AttributeKind.NUMBER:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, bool if kind == AttributeKind.BOOLEAN else str)
