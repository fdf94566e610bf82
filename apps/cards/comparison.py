"""Cards of a few versions of a model, side by side."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from apps.cards import catalogues, diffs, documents
from apps.cards.models import CardRevision
from apps.cards.reading import Shown, shown
from apps.cards.schema import Field, Source
from apps.core.digests import canonical_json

MOST = 4
METRICS = "/evaluation/metrics"
# What differs between any two versions and tells nobody anything.
PLAIN = {"/overview/version", "/overview/registered_at", "/provenance/artifacts"}


@dataclass(frozen=True)
class MetricRow:
    """One metric: the value of each version, and which of them is the best."""

    name: str
    on: str
    values: list[Any]
    best: int | None


@dataclass(frozen=True)
class FieldRow:
    field: Field
    values: list[Shown | None]


def metrics(cards: Sequence[CardRevision]) -> list[MetricRow]:
    """Every metric that one of the versions has, in the order in which they come."""
    found: dict[tuple[Any, ...], list[Any]] = {}
    directions: dict[tuple[Any, ...], bool | None] = {}
    for number, card in enumerate(cards):
        for row in documents.value_at(card.content, METRICS) or []:
            key = tuple(row.get(part) for part in diffs.OF_A_METRIC)
            found.setdefault(key, [None] * len(cards))[number] = row.get("value")
            directions.setdefault(key, row.get("higher_is_better"))
    return [
        MetricRow(
            str(key[0]),
            ", ".join(str(part) for part in key[1:] if part),
            values,
            _best(str(key[0]), values, directions[key]),
        )
        for key, values in found.items()
    ]


def fields(cards: Sequence[CardRevision]) -> list[FieldRow]:
    """The other fields in which the versions differ, in the order of the card."""
    rows = []
    for pointer, field in catalogues.together(cards).fields.items():
        if pointer == METRICS or pointer in PLAIN or field.source == Source.SYSTEM:
            continue
        values = [documents.value_at(card.content, pointer) for card in cards]
        if len({b"" if documents.is_empty(v) else canonical_json(v) for v in values}) > 1:
            rows.append(
                FieldRow(
                    field,
                    [
                        None if documents.is_empty(v) else shown(field, v, is_inner=True)
                        for v in values
                    ],
                )
            )
    return rows


def _best(name: str, values: list[Any], higher: bool | None) -> int | None:
    numbers = [(value, at) for at, value in enumerate(values) if documents.is_number(value)]
    if len(numbers) < 2 or len({value for value, _ in numbers}) == 1:
        return None
    least, most = min(numbers), max(numbers)
    better = diffs.is_better(name, least[0], most[0], higher)
    return None if better is None else (most if better else least)[1]
