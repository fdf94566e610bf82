"""The grammar of MLflow's filters and orders, read with the parser that MLflow itself uses.

`clause (AND clause)*`, where a clause compares an attribute or a tag with a value. What MLflow's
server answers with 500 is `Invalid` here.
"""

import ast
import shlex
from dataclasses import dataclass
from functools import lru_cache

import sqlparse
from sqlparse.sql import Comparison, Identifier, Parenthesis, Token
from sqlparse.tokens import Keyword, Literal, Name

from apps.core.errors import Invalid

MOST_CLAUSES = 40
LONGEST_FILTER = 20_000
LONGEST_ORDER = 1_000
REMEMBERED = 256

ENTITIES = ("attribute", "tag", "tags")

Value = str | int | float | tuple[str, ...]


@dataclass(frozen=True)
class Clause:
    is_tag: bool
    key: str
    comparator: str
    value: Value


@lru_cache(maxsize=REMEMBERED)
def clauses(text: str) -> tuple[Clause, ...]:
    """What a filter asks for. Clients send the same few filters again and again."""
    if not text:
        return ()
    if len(text) > LONGEST_FILTER:
        raise Invalid(f"A filter has at most {LONGEST_FILTER} characters.")
    tokens = _joined(_statement(text, "filter"))
    found = []
    for token in tokens:
        if isinstance(token, Comparison):
            found.append(_clause(token))
        elif not (token.is_whitespace or token.match(Keyword, ["AND"])):
            raise Invalid(f"Invalid clause(s) in filter string: {str(token)[:200]}")
    if len(found) > MOST_CLAUSES:
        raise Invalid(f"A filter has at most {MOST_CLAUSES} clauses.")
    return tuple(found)


@lru_cache(maxsize=REMEMBERED)
def order(text: str) -> tuple[str, bool]:
    """The key of an order, as it was written, and whether it ascends."""
    refusal = Invalid(f"Invalid order_by clause '{text[:200]}'. Could not be parsed.")
    if not text or len(text) > LONGEST_ORDER:
        raise refusal
    tokens = _statement(text, "order_by clause")
    first, last = tokens[0], tokens[-1]
    # `timestamp` is a word of SQL, so that it is no identifier.
    is_timestamp = first.match(Name.Builtin, ["timestamp"])
    if len(tokens) == 1 and (isinstance(first, Identifier) or is_timestamp):
        written = first.value
    elif (
        is_timestamp
        and all(token.is_whitespace for token in tokens[1:-1])
        and last.ttype is Keyword.Order
    ):
        written = f"timestamp {last.value}"
    else:
        raise refusal
    try:
        words = shlex.split(written.replace("`", '"'))
    except ValueError:
        raise refusal from None
    if len(words) > 2:
        raise refusal
    if len(words) < 2:
        return written.strip(), True
    if words[1].lower() not in ("asc", "desc"):
        raise Invalid(f"Invalid ordering key in order_by clause '{text[:200]}'.")
    return words[0], words[1].lower() == "asc"


def attribute(written: str) -> str:
    """The key that an order names: attribute.name and `name` are name, and so is tag.name."""
    entity, dot, key = written.partition(".")
    if not dot:
        key = written
    elif entity not in ENTITIES:
        raise Invalid(f"Invalid entity type '{entity[:100]}': order by an attribute.")
    return _unquoted(_unquoted(key, "'\""), "`")


def _statement(text: str, what: str) -> list[Token]:
    try:
        parsed = sqlparse.parse(text)
    except Exception:
        # Too deep or too long for the parser.
        raise Invalid(f"Error on parsing {what} '{text[:200]}'") from None
    if len(parsed) != 1 or not parsed[0].tokens:
        raise Invalid(f"Invalid {what} '{text[:200]}': it has to be one expression.")
    return list(parsed[0].tokens)


def _joined(tokens: list[Token]) -> list[Token]:
    """The tokens, with `x IN (…)` and `x NOT IN (…)` as one comparison each."""
    tokens = [token for token in tokens if not token.is_whitespace]
    found: list[Token] = []
    position = 0
    while position < len(tokens):
        first, rest = tokens[position], tokens[position + 1 : position + 4]
        words = [token.normalized if token.ttype is Keyword else "" for token in rest]
        if isinstance(first, Identifier) and words[:1] == ["IN"] and _is_list(rest[1:2]):
            found.append(Comparison([first, rest[0], rest[1]]))
            position += 3
        elif isinstance(first, Identifier) and words[:2] == ["NOT", "IN"] and _is_list(rest[2:3]):
            found.append(Comparison([first, Token(Keyword, "NOT IN"), rest[2]]))
            position += 4
        else:
            found.append(first)
            position += 1
    return found


def _is_list(tokens: list[Token]) -> bool:
    return bool(tokens) and isinstance(tokens[0], Parenthesis)


def _clause(comparison: Comparison) -> Clause:
    parts = [token for token in comparison.tokens if not token.is_whitespace]
    if len(parts) != 3 or not isinstance(parts[0], Identifier):
        raise Invalid(
            f"Invalid comparison clause '{str(comparison)[:200]}': write a key, a comparator and "
            "a value, such as name = 'scoring'."
        )
    left, comparator, right = parts
    entity, dot, key = left.value.partition(".")
    if not dot:
        entity, key = "attribute", left.value
    if entity not in ENTITIES:
        raise Invalid(
            f"Invalid entity type '{entity[:100]}'. Valid entity types are attribute, tag and tags."
        )
    is_tag = entity != "attribute"
    # MLflow knows attributes unquoted only.
    name = _unquoted(_unquoted(key, "'\""), "`") if is_tag else key
    return Clause(is_tag, name, comparator.value.upper(), _value(right, is_tag=is_tag))


def _value(token: Token, *, is_tag: bool) -> Value:
    text = token.value
    if token.ttype is Literal.String.Single or isinstance(token, Identifier):
        if len(text) < 2 or text[0] not in "'\"" or text[-1] != text[0]:
            raise Invalid(f"A value has to be quoted, such as 'my-value'. Got value {text[:100]}")
        return str(text[1:-1])
    if not is_tag and isinstance(token, Parenthesis):
        return _list(text)
    if not is_tag and token.ttype is Literal.Number.Integer and len(text) < 20:
        return int(text)
    if not is_tag and token.ttype is Literal.Number.Float:
        return float(text)
    raise Invalid(f"A value has to be quoted, such as 'my-value'. Got value {text[:100]}")


def _list(text: str) -> tuple[str, ...]:
    """MLflow reads a list as Python does, and so do its escapes."""
    try:
        found = ast.literal_eval(text)
    except (SyntaxError, ValueError, TypeError, MemoryError, RecursionError):
        found = ()
    items = found if isinstance(found, tuple) else (found,)
    if not items or not all(isinstance(item, str) for item in items):
        raise Invalid("A list holds quoted values and at least one, such as ('a', 'b').")
    if any("\x00" in item for item in items):
        raise Invalid("The list holds a NUL character, which no text has here.")
    return items


def _unquoted(text: str, marks: str) -> str:
    if len(text) >= 2 and text[0] == text[-1] and text[0] in marks:
        return text[1:-1]
    return text
