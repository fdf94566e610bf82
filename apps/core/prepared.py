"""Queries that are asked again and again: put into SQL once, with places for what changes.

For the few reads that programs make many times a second. Django builds the SQL of a queryset anew
each time, which takes several times as long as the database takes to answer it. PostgreSQL, too,
keeps what it has planned.
"""

import secrets
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import cache
from string import Template
from typing import Any, TypeVar

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import Model, QuerySet
from django.db.transaction import TransactionManagementError
from psycopg.sql import Literal

M = TypeVar("M", bound=Model)
Row = tuple[Any, ...]
# A number that marks a place is drawn from these, which every field of whole numbers takes: what
# somebody wrote into a filter must not be taken for one.
MARKS = range(1_900_000_000, 2_147_000_000)
SEPARATOR = "\x1e"  # JSON has no such character: it writes it as \u001e
JOINED = Template("SELECT string_agg(text, E'\\x1e') FROM ($rows) AS found(text)")


class _TextPlace(str):
    """Fields of text hand on what they are given, so the mark is the object itself."""


@dataclass(frozen=True)
class _Statement:
    sql: str
    parameters: tuple[Any, ...]
    converters: dict[int, tuple[list[Any], Any]]
    locks: bool
    is_joined: bool

    def converted(self, row: Row) -> Row:
        """The values as Python knows them, where the database has no such type."""
        values = list(row)
        for position, (converters, expression) in self.converters.items():
            for converter in converters:
                values[position] = converter(values[position], expression, connection)
        return tuple(values)


class Asker:
    """Stands for whoever asks, where a policy builds its condition.

    A condition that depends on more than who it is cannot be kept, so there is nothing else here to
    depend on: a policy that wants more fails instead of answering for somebody else.
    """

    is_authenticated = True
    is_active = True
    limits = None

    def __init__(self, pk: int, *, is_superuser: bool) -> None:
        self.pk = self.id = pk
        self.is_superuser = is_superuser

    def __int__(self) -> int:
        return self.pk


# Says of somebody that who he is does not decide alone, so that his SQL cannot be kept.
_anew: list[Callable[[Any], bool]] = []


def ask_anew_where(concerns: Callable[[Any], bool]) -> None:
    _anew.append(concerns)


def is_judged_anew(user: Any) -> bool:
    return getattr(user, "limits", None) is not None or any(asks(user) for asks in _anew)


class Prepared:
    """`build` is called once with a mark for each value; its queryset gives rows of values.

    PostgreSQL keeps one plan for all values. Where that would be bad for some of them, such as the
    versions of a model that has very many, it is told to `plan_anew`. Rows of one JSON text each
    are `joined` by it and sent at once: many small rows come in many small parts.
    """

    def __init__(
        self,
        build: Callable[..., QuerySet[Any, Row]],
        *,
        plan_anew: bool = False,
        joined: bool = False,
    ) -> None:
        self._build, self._plan_anew, self._joined = build, plan_anew, joined
        # None stands for one that can find nothing: Django asks no such query.
        self._made: dict[Hashable, _Statement | None] = {}

    def rows(self, *, asked_by: Any = None, **values: str | int) -> list[Row]:
        """The rows for these values, as `asked_by` sees them where `build` takes an `asker`."""
        if asked_by is not None and is_judged_anew(asked_by):
            # What a token is limited to, or a rule asks, is part of the condition.
            return list(self._build(**values, asker=asked_by))
        key = (connection.vendor, getattr(asked_by, "is_superuser", None))
        if key not in self._made:
            self._made[key] = self._make(asked_by, values)
        statement = self._made[key]
        if statement is None:
            return []
        if asked_by is not None:
            values["asker"] = asked_by.pk
        if statement.locks and not connection.in_atomic_block:
            raise TransactionManagementError("Rows are locked in a transaction only.")
        with self._cursor() as cursor:
            cursor.execute(
                statement.sql,
                [
                    values[part.name] if isinstance(part, _Place) else part
                    for part in statement.parameters
                ],
            )
            found = cursor.fetchall()
        if statement.is_joined:
            return _taken_apart(found)
        return [statement.converted(row) for row in found] if statement.converters else found

    def _cursor(self) -> Any:
        if connection.vendor == "postgresql" and not self._plan_anew:
            return connection.preparing_cursor()  # type: ignore[attr-defined] # of our backend
        return connection.cursor()

    def _make(self, asked_by: Any, values: dict[str, str | int]) -> _Statement | None:
        first = secrets.choice(MARKS)
        marks: dict[str, Any] = {
            name: _TextPlace(name) if isinstance(value, str) else first + number
            for number, (name, value) in enumerate(values.items(), start=1)
        }
        arguments = dict(marks)
        if asked_by is not None:
            marks["asker"] = first
            arguments["asker"] = Asker(first, is_superuser=asked_by.is_superuser)
        with connection.execute_wrapper(_refuse_to_ask):
            queryset = self._build(**arguments)
            compiler = queryset.query.get_compiler(connection=connection)
            try:
                sql, parameters = compiler.as_sql()
            except EmptyResultSet:
                return None
        columns: Sequence[Any] = [column for column, *_ in compiler.select]
        parts = tuple(_place_or_constant(parameter, marks) for parameter in parameters)
        if connection.vendor == "postgresql":
            sql, parts = _with_constants_written(sql, parts)
        is_joined = self._joined and connection.vendor == "postgresql"
        return _Statement(
            JOINED.substitute(rows=sql) if is_joined else sql,
            parts,
            compiler.get_converters(columns),
            queryset.query.select_for_update,
            is_joined,
        )


def _taken_apart(found: list[Row]) -> list[Row]:
    ((texts,),) = found
    return [] if texts is None else [(text,) for text in texts.split(SEPARATOR)]


@dataclass(frozen=True)
class _Place:
    name: str


def _place_or_constant(parameter: Any, marks: dict[str, Any]) -> Any:
    for name, mark in marks.items():
        if parameter is mark or (isinstance(mark, int) and parameter == mark):
            return _Place(name)
    return parameter


def _with_constants_written(sql: str, parts: Row) -> tuple[str, Row]:
    """Only places stay parameters, so that a kept plan knows as much as one for this question."""
    written = [
        "%s"
        if isinstance(part, _Place)
        else Literal(part).as_string(connection.connection).replace("%", "%%")
        for part in parts
    ]
    places = tuple(part for part in parts if isinstance(part, _Place))
    return sql.replace("%%", "%%%%") % tuple(written), places


def _refuse_to_ask(*_: Any) -> Any:
    raise RuntimeError("A query that is kept must not depend on the answer to another one.")


@cache
def columns_of(model: type[Model]) -> tuple[str, ...]:
    return tuple(field.attname for field in model._meta.concrete_fields)


def _named_by(model: type[Model], related: str) -> type[Model]:
    other = model._meta.get_field(related).related_model
    assert isinstance(other, type)
    return other


def _all_columns(model: type[Model], related: str) -> list[str]:
    found = list(columns_of(model))
    first, _, rest = related.partition("__")
    if first:
        found += [f"{first}__{name}" for name in _all_columns(_named_by(model, first), rest)]
    return found


def with_related(
    objects: QuerySet[Any], related: str = "", *, also: Sequence[Any] = ()
) -> QuerySet[Any, Row]:
    """The objects, each with what foreign keys name, one after another, as rows for `object_of`.

    Values of `also` come last.
    """
    return objects.values_list(*_all_columns(objects.model, related), *also)


def object_of(row: Row, model: type[M], related: str = "") -> M:
    """The object, and what it names, which Django would have made of the same query."""
    columns = columns_of(model)
    own = len(columns)
    found = model.from_db(connection.alias, columns, row[:own])
    first, _, rest = related.partition("__")
    if first:
        setattr(found, first, object_of(row[own:], _named_by(model, first), rest))
    return found
