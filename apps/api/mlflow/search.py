"""MLflow's search: filters, orders and page tokens, as conditions on querysets."""

import base64
import binascii
import json
import re
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, Model, OuterRef, Q

from apps.api.mlflow import (
    grammar,
    lookups,  # noqa: F401  (registers like and ilike)
)
from apps.core.errors import Invalid
from apps.registry.models import ModelTag, VersionTag
from apps.registry.validation import IS_PROMPT

LARGEST_OFFSET = 2**31
LARGEST_NUMBER = 2**63 - 1
# SQLite takes patterns of 50,000 bytes.
LONGEST_PATTERN = 12_000

EQUALITY = {"=", "!="}
PATTERNS = {"LIKE", "ILIKE"}
LISTS = {"IN", "NOT IN"}
RANGES = {">": "gt", ">=": "gte", "<": "lt", "<=": "lte"}


@dataclass(frozen=True)
class Attribute:
    field: str
    comparators: frozenset[str]
    is_number: bool = False


@dataclass(frozen=True, eq=False)
class Searchable:
    """What one kind of object can be searched and ordered by."""

    attributes: dict[str, Attribute]
    orders: dict[str, str]
    default_order: tuple[str, ...]
    tie_breaks: tuple[str, ...]
    tag: type[Model]
    owner: str  # the tag's field that names the object
    is_prompt: str  # the field that says so
    most_results: int
    # Whether an order may be written like a filter's key: attribute.name, `name`.
    quoted_orders: bool


TEXT = frozenset(EQUALITY | PATTERNS | LISTS)
MODELS = Searchable(
    attributes={"name": Attribute("name", TEXT)},
    orders={
        "name": "name",
        "last_updated_timestamp": "updated_at",
        "timestamp": "updated_at",
    },
    default_order=(),
    tie_breaks=("name",),
    tag=ModelTag,
    owner="model",
    is_prompt="is_prompt",
    most_results=1_000,
    quoted_orders=False,
)
VERSIONS = Searchable(
    attributes={
        "name": Attribute("model__name", TEXT),
        "run_id": Attribute("source_run_id", TEXT),
        "source_path": Attribute("source", frozenset(EQUALITY | PATTERNS)),
        "version_number": Attribute("number", frozenset(EQUALITY | set(RANGES)), is_number=True),
    },
    orders={
        "name": "model__name",
        "version_number": "number",
        "creation_timestamp": "created_at",
        "last_updated_timestamp": "updated_at",
    },
    default_order=("-updated_at",),
    tie_breaks=("model__name", "-number"),
    tag=VersionTag,
    owner="version",
    is_prompt="model__is_prompt",
    most_results=200_000,
    quoted_orders=True,
)


def condition(text: str, of: Searchable) -> Q:
    """The filter as a condition. Raises `Invalid` where it is not of MLflow's grammar."""
    found = Q()
    by_key: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for clause in grammar.clauses(text):
        if clause.is_tag:
            by_key[clause.key].append(_on_tag(clause))
        else:
            found &= _on_attribute(clause, of)
    wants_prompts = _wants_prompts(by_key.get(IS_PROMPT, []))
    if not wants_prompts:
        # MLflow's own mark: models carry no such tag, and still are "not prompts".
        by_key.pop(IS_PROMPT, None)
        found &= Q(**{of.is_prompt: False})
    for key, comparisons in by_key.items():
        # All conditions on one key hold for the same row; a tag that is missing never matches.
        rows = of.tag._default_manager.filter(**{of.owner: OuterRef("pk"), "key": key})
        for comparator, value in comparisons:
            rows = rows.filter(_textual("value", comparator, value))
        found &= Q(Exists(rows))
    return found


def _on_attribute(clause: grammar.Clause, of: Searchable) -> Q:
    key, comparator, value = clause.key, clause.comparator, clause.value
    attribute = of.attributes.get(key)
    if attribute is None:
        raise Invalid(
            f"Invalid attribute key '{key[:100]}' specified. Valid keys are {sorted(of.attributes)}"
        )
    if comparator not in attribute.comparators:
        raise Invalid(f"Invalid comparator '{comparator[:100]}' for attribute '{key}'.")
    if attribute.is_number:
        return _numeric(attribute.field, comparator, _number(key, value))
    if comparator in LISTS:
        if not isinstance(value, tuple):
            raise Invalid(f"'{comparator}' takes a list of quoted values, such as ('a', 'b').")
        chosen = Q(**{f"{attribute.field}__in": list(value)})
        return ~chosen if comparator == "NOT IN" else chosen
    if not isinstance(value, str):
        raise Invalid(f"'{key}' is compared with a quoted value, such as 'my-value'.")
    return _textual(attribute.field, comparator, value)


def _number(key: str, value: grammar.Value) -> int:
    try:
        number = int(value) if isinstance(value, int | str) else None
    except ValueError:
        number = None
    if number is None or abs(number) > LARGEST_NUMBER:
        raise Invalid(f"'{key}' is compared with a whole number. Got value {str(value)[:100]}")
    return number


def _on_tag(clause: grammar.Clause) -> tuple[str, str]:
    if clause.comparator not in EQUALITY | PATTERNS:
        raise Invalid(f"Invalid comparator '{clause.comparator[:100]}' for tag '{clause.key}'.")
    if not isinstance(clause.value, str):
        raise Invalid(f"The tag '{clause.key}' is compared with a quoted value.")
    return clause.comparator, clause.value


def _wants_prompts(comparisons: list[tuple[str, str]]) -> bool:
    if not comparisons:
        return False
    comparator, value = comparisons[0]
    return (comparator, value.lower()) in {("=", "true"), ("!=", "false")}


def _numeric(field: str, comparator: str, value: int) -> Q:
    if comparator in RANGES:
        return Q(**{f"{field}__{RANGES[comparator]}": value})
    same = Q(**{field: value})
    return ~same if comparator == "!=" else same


def _textual(field: str, comparator: str, value: str) -> Q:
    if comparator in PATTERNS:
        if len(value) > LONGEST_PATTERN:
            raise Invalid(f"A pattern has at most {LONGEST_PATTERN} characters.")
        return Q(**{f"{field}__{comparator.lower()}": re.sub("%+", "%", value)})
    same = Q(**{field: value})
    return ~same if comparator == "!=" else same


def order(clauses: list[str], of: Searchable) -> list[str]:
    """Fields to order by, ending in one that leaves no ties."""
    found: list[str] = []
    for clause in clauses:
        written, ascends = grammar.order(clause)
        key = grammar.attribute(written) if of.quoted_orders else written
        if key not in of.orders:
            raise Invalid(
                f"Invalid order by key '{clause[:100]}' specified. "
                f"Valid keys are {sorted(of.orders)}"
            )
        field = of.orders[key]
        if field in {name.lstrip("-") for name in found}:
            raise Invalid(f"`order_by` names '{key}' twice.")
        found.append(field if ascends else f"-{field}")
    found = found or list(of.default_order)
    named = {name.lstrip("-") for name in found}
    return found + [name for name in of.tie_breaks if name.lstrip("-") not in named]


def model_named_in(text: str) -> str | None:
    """The name of the only model whose versions a filter asks for; None where it says no such."""
    for clause in grammar.clauses(text):
        is_name = not clause.is_tag and (clause.key, clause.comparator) == ("name", "=")
        if is_name and isinstance(clause.value, str):
            return clause.value
    return None


def slice_of(size: int, token: str, of: Searchable) -> tuple[int, int]:
    """The first row of a page, and how many to ask for: one more than asked for, if there is."""
    if not 1 <= size <= of.most_results:
        raise Invalid(
            "Invalid value for request parameter max_results. It must be at least 1 and at most "
            f"{of.most_results}, but got value {size}"
        )
    return offset_in(token), size + 1


def page(rows: list[Any], *, start: int, asked: int) -> tuple[list[Any], str]:
    """The rows of a page, and the token of the next one; empty when this is the last."""
    if len(rows) < asked:
        return rows, ""
    text = json.dumps({"offset": start + asked - 1})
    return rows[:-1], base64.b64encode(text.encode()).decode()


def offset_in(token: str) -> int:
    if not token:
        return 0
    try:
        found = json.loads(base64.b64decode(token))
        offset = int(found["offset"])
    except (binascii.Error, ValueError, TypeError, KeyError, OverflowError, RecursionError):
        raise Invalid("Invalid page token, could not base64-decode") from None
    if not 0 < offset < LARGEST_OFFSET:
        raise Invalid(f"Invalid page token, parsed value={str(found)[:100]}")
    return offset
