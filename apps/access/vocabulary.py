"""What rules and grants may speak of: kinds of objects, facts about them, and actions.

Each app registers what it knows beside its policies. Access itself knows no domain.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from django.db.models import BooleanField, F, Func, Model, Q, QuerySet

from apps.accounts.models import Attribute, AttributeKind, User


class Comparison(Enum):
    """The comparisons that can be true of a fact. Each has a negative, true wherever it is not."""

    IS = "is"
    ONE_OF = "is one of"
    AT_LEAST = "is at least"
    AT_MOST = "is at most"
    HAS = "has"
    SET = "is set"


ORDERED = frozenset({Comparison.AT_LEAST, Comparison.AT_MOST})
COMPARISONS: dict[AttributeKind, frozenset[Comparison]] = {
    AttributeKind.TEXT: frozenset({Comparison.IS, Comparison.ONE_OF, Comparison.SET}),
    AttributeKind.CHOICE: frozenset({Comparison.IS, Comparison.ONE_OF, Comparison.SET}) | ORDERED,
    AttributeKind.NUMBER: frozenset({Comparison.IS, Comparison.ONE_OF, Comparison.SET}) | ORDERED,
    AttributeKind.BOOLEAN: frozenset({Comparison.IS, Comparison.SET}),
    AttributeKind.LIST: frozenset({Comparison.HAS, Comparison.SET}),
}


@dataclass(frozen=True)
class Fact:
    """Something that is known of an object, and how the database is asked for it.

    `values` are those that it can have, in their order; empty: any.
    """

    kind: AttributeKind
    path: str
    values: tuple[str, ...] = ()
    # Rows in which the fact stands at all; what a filter on `path` alone would mean otherwise.
    among: Q = field(default_factory=Q)
    # An attribute kept in a JSON column of this name, under this key.
    column: str = ""
    key: str = ""

    def where(self, comparison: Comparison, value: Any = None) -> Q:
        """The objects of which the comparison is true. Never true where nothing is set."""
        if comparison is Comparison.SET:
            return self._is_set()
        if comparison is Comparison.ONE_OF:
            return self.among & Q(**{f"{self.path}__in": list(value)})
        if comparison is Comparison.HAS:
            if self.column:
                return Q(_Holds(self.column, self.key, value))
            return self.among & Q(**{self.path: value})
        if comparison in ORDERED:
            if self.kind == AttributeKind.CHOICE:
                reached = in_reach(self.values, comparison, value)
                return self.among & Q(**{f"{self.path}__in": reached})
            end = "gte" if comparison is Comparison.AT_LEAST else "lte"
            return self.among & Q(**{f"{self.path}__{end}": value})
        return self.among & Q(**{self.path: value})

    def _is_set(self) -> Q:
        if self.column:
            return Q(**{f"{self.column}__has_key": self.key})
        is_there = self.among & Q(**{f"{self.path}__isnull": False})
        return is_there if self.kind == AttributeKind.BOOLEAN else is_there & ~Q(**{self.path: ""})

    def read(self, objects: QuerySet[Any]) -> list[Any]:
        """The values that one object has, for an explanation."""
        found = objects.filter(self.among).order_by().values_list(self.path, flat=True)
        return [value for value in found if value not in (None, "")]


def in_reach(values: Sequence[str], comparison: Comparison, value: str) -> list[str]:
    """The values of an ordered choice that are at least, or at most, this one."""
    if value not in values:
        return []
    at = values.index(value)
    return list(values[at:] if comparison is Comparison.AT_LEAST else values[: at + 1])


class _Holds(Func):
    """Whether a list of texts in a JSON column holds a text. SQLite has no `contains` for JSON."""

    def __init__(self, column: str, key: str, value: str) -> None:
        super().__init__(F(column), output_field=BooleanField())
        self.key, self.value = key, value

    def as_postgresql(self, compiler: Any, connection: Any, **_: Any) -> Any:
        column, parameters = compiler.compile(self.source_expressions[0])
        sql = f"COALESCE({column} -> %s @> to_jsonb(%s::text), false)"
        return sql, (*parameters, self.key, self.value)

    def as_sqlite(self, compiler: Any, connection: Any, **_: Any) -> Any:
        column, parameters = compiler.compile(self.source_expressions[0])
        sql = f"EXISTS (SELECT 1 FROM json_each({column}, %s) held WHERE held.value = %s)"  # nosec B608
        return sql, (*parameters, f'$."{self.key}"', self.value)


@dataclass(frozen=True)
class Entity:
    """A kind of object that conditions name: `project.department`, `version.stage`.

    `about` says which declared attributes it has, `tags` by which relation it has tags.
    """

    name: str
    model: type[Model]
    facts: Mapping[str, Fact]
    about: str = ""
    tags: str = ""
    # Actions that may be granted on one object of this kind. None: no grants.
    grantable: tuple[str, ...] = ()

    def fact(self, name: str, key: str, declared: Mapping[tuple[str, str], Attribute]) -> Any:
        """The fact of this name, or None. `key` is what follows `tags.`"""
        if key:
            if name != "tags" or not self.tags:
                return None
            among = Q(**{f"{self.tags}__key": key})
            return Fact(AttributeKind.TEXT, f"{self.tags}__value", among=among)
        if name in self.facts:
            return self.facts[name]
        attribute = declared.get((self.about, name)) if self.about else None
        return kept_as_attribute(attribute) if attribute is not None else None


def kept_as_attribute(attribute: Attribute) -> Fact:
    return Fact(
        AttributeKind(attribute.kind),
        f"attributes__{attribute.name}",
        tuple(attribute.values),
        column="attributes",
        key=attribute.name,
    )


@dataclass(frozen=True)
class Position:
    """A fact about a person that depends on the object: the role in its project."""

    entity: str
    values: tuple[str, ...]
    where: Callable[[User, Comparison, Any], Q]


ENTITIES: dict[str, Entity] = {}
POSITIONS: dict[str, Position] = {}
# Action -> what it lets somebody do, for forms and the documentation.
ACTIONS: dict[str, str] = {}
# What is asked for beside an action. A condition on one concerns only calls that name it.
WANTED: dict[str, str] = {
    "stage": "short name of the stage that a version is to enter",
    "alias": "alias that is to be set or deleted",
    "tag": "key of the tag that is to be set or deleted",
}


def register_entity(entity: Entity) -> Entity:
    ENTITIES[entity.name] = entity
    return entity


def register_position(name: str, position: Position) -> None:
    POSITIONS[name] = position


def register_actions(told: Mapping[str, str]) -> None:
    ACTIONS.update(told)


def facts_of_users() -> dict[str, Fact]:
    """What is known of each person beside declared attributes. Read from the person himself."""
    return {
        "username": Fact(AttributeKind.TEXT, "username"),
        "groups": Fact(AttributeKind.LIST, "groups__name"),
        "service_account": Fact(AttributeKind.BOOLEAN, "is_service_account"),
    }


def entity_of(obj: Model) -> Entity | None:
    return next((found for found in ENTITIES.values() if found.model is type(obj)), None)
