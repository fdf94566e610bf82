"""What each database is asked in its own words: terms in its index, and many keys at once."""

import json
from collections.abc import Sequence
from typing import Any

from django.db.models import BooleanField, F, Func
from django.db.models.expressions import Col

from apps.cards.search.words import Term, Wording


class Holds(Func):
    """Whether a row of `CardText` holds a term. Its words are letters and digits alone."""

    output_field = BooleanField()

    def __init__(self, term: Term, *columns: Any) -> None:
        self.term = term
        super().__init__(*(columns or (F("pk"),)))

    def as_postgresql(self, compiler: Any, connection: Any, **_: Any) -> tuple[str, list[Any]]:
        # The vector stands in the same row, in a column that Django does not know.
        (column,) = self.get_source_expressions()
        assert isinstance(column, Col)
        table = compiler.quote_name_unless_alias(column.alias)
        asked = " | ".join(map(_for_postgresql, self.term.wordings))
        return table + ".vector @@ to_tsquery('simple'::regconfig, %s)", [asked]

    def as_sqlite(self, compiler: Any, connection: Any, **_: Any) -> tuple[str, tuple[Any, ...]]:
        (column,) = self.get_source_expressions()
        key, parameters = compiler.compile(column)
        asked = " OR ".join(map(_for_sqlite, self.term.wordings))
        rows = " IN (SELECT rowid FROM cards_words WHERE cards_words MATCH %s)"
        return key + rows, (*parameters, asked)


class IsAmong(Func):
    """Whether a key is one of many, which are sent as one value and not as one each."""

    output_field = BooleanField()

    def __init__(self, keys: Sequence[int], *columns: Any) -> None:
        self.keys = tuple(keys)
        super().__init__(*(columns or (F("version"),)))

    def as_postgresql(self, compiler: Any, connection: Any, **_: Any) -> tuple[str, list[Any]]:
        (column,) = self.get_source_expressions()
        key, parameters = compiler.compile(column)
        return key + " = ANY(%s::bigint[])", [*parameters, list(self.keys)]

    def as_sqlite(self, compiler: Any, connection: Any, **_: Any) -> tuple[str, tuple[Any, ...]]:
        (column,) = self.get_source_expressions()
        key, parameters = compiler.compile(column)
        rows = " IN (SELECT value FROM json_each(%s))"
        return key + rows, (*parameters, json.dumps(self.keys))


def _for_postgresql(wording: Wording) -> str:
    words = [f"'{word}'" for word in wording.words]
    if wording.is_beginning:
        words[-1] += ":*"
    return f"({' <-> '.join(words)})"


def _for_sqlite(wording: Wording) -> str:
    return f'"{" ".join(wording.words)}"{" *" if wording.is_beginning else ""}'
