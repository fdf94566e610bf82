"""MLflow's search: filter strings, orders and page tokens, as conditions on querysets.

`clause (AND clause)*`, where a clause compares an attribute or a tag with a value.
"""

import base64
import binascii
import json
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, Model, OuterRef, Q

from apps.api.mlflow import lookups  # noqa: F401  (registers like and ilike)
from apps.core.errors import Invalid
from apps.registry.models import ModelTag, VersionTag

IS_PROMPT = "mlflow.prompt.is_prompt"
MOST_CLAUSES = 40
LONGEST_FILTER = 20_000
LARGEST_OFFSET = 2**31
STRING = r"""'(?:''|\\'|[^'])*'|"(?:""|\\"|[^"])*\""""
CLAUSE = re.compile(
    rf"""\s*(?:(?P<entity>\w+)\.)?(?P<key>`[^`]+`|"[^"]+"|[\w.\-/:]+)
    \s*(?P<comparator>!=|>=|<=|=|>|<|\bNOT\s+IN\b|\bIN\b|\bI?LIKE\b)
    \s*(?P<value>{STRING}|-?\d+(?:\.\d+)?|\(\s*(?:{STRING})(?:\s*,\s*(?:{STRING}))*\s*,?\s*\))
    \s*""",
    re.VERBOSE | re.IGNORECASE,
)
AND = re.compile(r"AND\b", re.IGNORECASE)
ITEM = re.compile(STRING)
ORDER = re.compile(r"\s*(`[^`]+`|\"[^\"]+\"|[\w.]+)(?:\s+(ASC|DESC))?\s*", re.IGNORECASE)

EQUALITY = {"=", "!="}
PATTERNS = {"LIKE", "ILIKE"}
LISTS = {"IN", "NOT IN"}
RANGES = {">": "gt", ">=": "gte", "<": "lt", "<=": "lte"}


@dataclass(frozen=True)
class Attribute:
    field: str
    comparators: frozenset[str]
    is_number: bool = False


@dataclass(frozen=True)
class Searchable:
    """What one kind of object can be searched and ordered by."""

    attributes: dict[str, Attribute]
    orders: dict[str, str]
    default_order: tuple[str, ...]
    tie_breaks: tuple[str, ...]
    tag: type[Model]
    owner: str  # the tag's field that names the object
    most_results: int


TEXT = frozenset(EQUALITY | PATTERNS | LISTS)
MODELS = Searchable(
    attributes={"name": Attribute("name", TEXT)},
    orders={
        "name": "name",
        "creation_timestamp": "created_at",
        "last_updated_timestamp": "updated_at",
        "timestamp": "updated_at",
    },
    default_order=(),
    tie_breaks=("name",),
    tag=ModelTag,
    owner="model",
    most_results=1_000,
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
    most_results=200_000,
)


def condition(text: str, of: Searchable) -> Q:
    """The filter as a condition. Raises `Invalid` where it is not of MLflow's grammar."""
    found = Q()
    by_key: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for entity, key, comparator, value in _clauses(text):
        if entity in ("tag", "tags"):
            by_key[key].append((comparator, _tag_value(key, comparator, value)))
        elif entity in ("", "attribute", "attributes"):
            found &= _on_attribute(key, comparator, value, of)
        else:
            raise Invalid(
                f"Invalid entity type '{entity}'. Valid entity types are attribute, tag and tags."
            )
    for key, comparisons in by_key.items():
        found &= _on_prompt(comparisons, of) if key == IS_PROMPT else _on_tag(key, comparisons, of)
    return found


def _clauses(text: str) -> Iterable[tuple[str, str, str, str]]:
    if len(text) > LONGEST_FILTER:
        raise Invalid(f"A filter has at most {LONGEST_FILTER} characters.")
    position, count = 0, 0
    while text.strip():
        match = CLAUSE.match(text, position)
        count += 1
        if match is None or count > MOST_CLAUSES:
            raise Invalid(f"Invalid clause(s) in filter string: {text[position : position + 200]}")
        comparator = " ".join(match["comparator"].upper().split())
        yield match["entity"] or "", match["key"].strip('`"'), comparator, match["value"]
        if match.end() == len(text):
            return
        joint = AND.match(text, match.end())
        if joint is None:
            raise Invalid(f"Invalid clause(s) in filter string: {text[match.end() :][:200]}")
        position = joint.end()


def _on_attribute(key: str, comparator: str, value: str, of: Searchable) -> Q:
    attribute = of.attributes.get(key)
    if attribute is None:
        raise Invalid(
            f"Invalid attribute key '{key}' specified. Valid keys are {sorted(of.attributes)}"
        )
    if comparator not in attribute.comparators:
        raise Invalid(f"Invalid comparator '{comparator}' for attribute '{key}'.")
    if attribute.is_number:
        if not re.fullmatch(r"-?\d{1,18}", value):
            raise Invalid(f"'{key}' is compared with a whole number. Got value {value[:100]}")
        return _numeric(attribute.field, comparator, int(value))
    if comparator in LISTS:
        if not value.startswith("("):
            raise Invalid(f"'{comparator}' takes a list of quoted values, such as ('a', 'b').")
        chosen = Q(**{f"{attribute.field}__in": [item[1:-1] for item in ITEM.findall(value)]})
        return ~chosen if comparator == "NOT IN" else chosen
    return _textual(attribute.field, comparator, _quoted(value, "attributes"))


def _on_tag(key: str, comparisons: list[tuple[str, str]], of: Searchable) -> Q:
    # All conditions on one key hold for the same row; a tag that is missing never matches.
    rows = of.tag._default_manager.filter(**{of.owner: OuterRef("pk"), "key": key})
    for comparator, value in comparisons:
        rows = rows.filter(_textual("value", comparator, value))
    return Q(Exists(rows))


def _on_prompt(comparisons: list[tuple[str, str]], of: Searchable) -> Q:
    # MLflow's own mark. Ordinary models carry no such tag, and still are "not prompts".
    rows = of.tag._default_manager.filter(
        **{of.owner: OuterRef("pk"), "key": IS_PROMPT, "value__iexact": "true"}
    )
    found = Q()
    for comparator, value in comparisons:
        wants_prompts = (comparator == "=") == (value.lower() == "true")
        found &= Q(Exists(rows)) if wants_prompts else ~Q(Exists(rows))
    return found


def _tag_value(key: str, comparator: str, value: str) -> str:
    if comparator not in EQUALITY | PATTERNS:
        raise Invalid(f"Invalid comparator '{comparator}' for tag '{key}'.")
    return _quoted(value, "tags")


def _quoted(value: str, what: str) -> str:
    if value[:1] not in ("'", '"'):
        raise Invalid(f"Expected a quoted string value for {what} (e.g. 'my-value'). Got {value}")
    return value[1:-1]


def _numeric(field: str, comparator: str, value: int) -> Q:
    if comparator in RANGES:
        return Q(**{f"{field}__{RANGES[comparator]}": value})
    same = Q(**{field: value})
    return ~same if comparator == "!=" else same


def _textual(field: str, comparator: str, value: str) -> Q:
    if comparator in PATTERNS:
        return Q(**{f"{field}__{comparator.lower()}": re.sub("%+", "%", value)})
    same = Q(**{field: value})
    return ~same if comparator == "!=" else same


def order(clauses: list[str], of: Searchable) -> list[str]:
    """Fields to order by, ending in one that leaves no ties."""
    found: list[str] = []
    for clause in clauses:
        match = ORDER.fullmatch(clause)
        key = match[1].strip('`"').removeprefix("attribute.") if match else ""
        if match is None or key not in of.orders:
            raise Invalid(
                f"Invalid order by key '{clause[:100]}' specified. "
                f"Valid keys are {sorted(of.orders)}"
            )
        field = of.orders[key]
        if field in {name.lstrip("-") for name in found}:
            raise Invalid(f"`order_by` names '{key}' twice.")
        found.append(f"-{field}" if (match[2] or "").upper() == "DESC" else field)
    found = found or list(of.default_order)
    named = {name.lstrip("-") for name in found}
    return found + [name for name in of.tie_breaks if name.lstrip("-") not in named]


def model_named_in(text: str) -> str | None:
    """The name of the only model whose versions a filter asks for; None where it says no such."""
    for entity, key, comparator, value in _clauses(text):
        if (key, comparator) == ("name", "=") and entity in ("", "attribute", "attributes"):
            return _quoted(value, "attributes")
    return None


def slice_of(size: int, token: str, of: Searchable) -> tuple[int, int]:
    """The first row of a page, and how many to ask for: one more than asked for, if there is."""
    if not 1 <= size <= of.most_results:
        raise Invalid(
            "Invalid value for request parameter max_results. It must be at least 1 and at most "
            f"{of.most_results}, but got value {size}"
        )
    return _offset(token), size + 1


def page(rows: list[Any], *, start: int, asked: int) -> tuple[list[Any], str]:
    """The rows of a page, and the token of the next one; empty when this is the last."""
    if len(rows) < asked:
        return rows, ""
    text = json.dumps({"offset": start + asked - 1})
    return rows[:-1], base64.b64encode(text.encode()).decode()


def _offset(token: str) -> int:
    if not token:
        return 0
    try:
        found = json.loads(base64.b64decode(token, validate=True))
        offset = found["offset"]
    except (binascii.Error, ValueError, TypeError, KeyError, RecursionError):
        raise Invalid("Invalid page token, could not base64-decode") from None
    if isinstance(offset, bool) or not isinstance(offset, int) or not 0 < offset < LARGEST_OFFSET:
        raise Invalid(f"Invalid page token, parsed value={str(found)[:100]}")
    return offset
