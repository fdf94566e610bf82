"""Lookups for both databases: SQL's LIKE and ILIKE as MLflow's filters mean them, and lists.

Neither knows an escape character here, so that no pattern is malformed. SQLite's LIKE does not
tell upper from lower case; its GLOB does.
"""

from typing import Any

from django.db.models import BigIntegerField, Field, Lookup

AS_GLOB = {"%": "*", "_": "?", "*": "[*]", "?": "[?]", "[": "[[]"}


@Field.register_lookup
class MatchesCase(Lookup):
    lookup_name = "like"

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        return _joined(self, compiler, connection, "LIKE", self.rhs)

    def as_sqlite(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        pattern = "".join(AS_GLOB.get(character, character) for character in self.rhs)
        left, parameters = self.process_lhs(compiler, connection)
        return f"{left} GLOB %s", (*parameters, pattern)


@Field.register_lookup
class MatchesAnyCase(Lookup):
    lookup_name = "ilike"

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        return _joined(self, compiler, connection, "ILIKE", self.rhs)

    def as_sqlite(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        left, parameters = self.process_lhs(compiler, connection)
        return f"{left} LIKE %s", (*parameters, self.rhs)


@BigIntegerField.register_lookup
class Among(Lookup):
    """In a list of numbers that is given as one JSON text, so that the SQL is the same for any."""

    lookup_name = "among"
    prepare_rhs = False

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        left, parameters = self.process_lhs(compiler, connection)
        numbers = "SELECT json_array_elements_text(%s::json)::bigint"
        return f"{left} IN ({numbers})", (*parameters, self.rhs)

    def as_sqlite(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        left, parameters = self.process_lhs(compiler, connection)
        sql = f"{left} IN (SELECT value FROM json_each(%s))"  # nosec B608 - a column of Django's
        return sql, (*parameters, self.rhs)


def _joined(
    lookup: Lookup, compiler: Any, connection: Any, operator: str, pattern: str
) -> tuple[str, tuple[Any, ...]]:
    left, parameters = lookup.process_lhs(compiler, connection)
    return f"{left} {operator} %s ESCAPE ''", (*parameters, pattern)
