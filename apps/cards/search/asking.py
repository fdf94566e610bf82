"""A question to the search, as pages and programs put it: checked, and refused in words."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

from apps.cards.search.words import Term, folded, terms
from apps.core.errors import Invalid

LONGEST = 256
# What a card says, and where it stands.
CARD_FILTERS = ("risk_tier", "task", "framework", "data_set", "owner")
PLACE_FILTERS = ("stage", "project")
FILTERS = (*CARD_FILTERS, *PLACE_FILTERS)
SORTS = ("relevance", "newest")
VERSIONS = ("newest", "all")


@dataclass(frozen=True)
class Question:
    """`terms` have to be on the card, filters to hold; empty filters ask for nothing."""

    query: str = ""
    terms: tuple[Term, ...] = ()
    filters: tuple[tuple[str, str], ...] = ()
    metric: str = ""
    at_least: float | None = None
    at_most: float | None = None
    sort: Literal["relevance", "newest"] = "relevance"
    versions: Literal["newest", "all"] = "newest"

    @cached_property
    def wanted(self) -> tuple[Term, ...]:
        return tuple(term for term in self.terms if not term.is_unwanted)

    @cached_property
    def unwanted(self) -> tuple[Term, ...]:
        return tuple(term for term in self.terms if term.is_unwanted)

    @property
    def narrows(self) -> bool:
        return bool(self.terms or self.filters or self.metric)

    @property
    def by_relevance(self) -> bool:
        return self.sort == "relevance" and bool(self.wanted)

    def without(self, kind: str) -> "Question":
        filters = tuple((name, value) for name, value in self.filters if name != kind)
        return replace(self, filters=filters)


def question(given: Mapping[str, Any]) -> Question:
    """Raises `Invalid` with what is wrong at each of the parameters."""
    wrong: dict[str, str] = {}
    texts = {name: _text(given, name, wrong) for name in ("q", *FILTERS, "metric")}
    at_least, at_most = (_bound(given, name, wrong) for name in ("at_least", "at_most"))
    sort = _one_of(given, "sort", SORTS, wrong)
    versions = _one_of(given, "versions", VERSIONS, wrong)
    if not texts["metric"] and (at_least is not None or at_most is not None):
        wrong["metric"] = "Name the metric that the limits are for."
    if at_least is not None and at_most is not None and at_least > at_most:
        wrong["at_most"] = "The upper limit is below the lower one."
    asked: tuple[Term, ...] = ()
    if "q" not in wrong:
        try:
            asked = terms(texts["q"])
        except Invalid as refusal:
            wrong.update(refusal.details)
    if wrong:
        raise Invalid(" ".join(dict.fromkeys(wrong.values())), details=wrong)
    return Question(
        query=texts["q"],
        terms=asked,
        filters=tuple((name, texts[name]) for name in FILTERS if texts[name]),
        metric=texts["metric"],
        at_least=at_least,
        at_most=at_most,
        sort=sort,  # type: ignore[arg-type]
        versions=versions,  # type: ignore[arg-type]
    )


def key_of(value: str) -> str:
    """A value of a filter as the index keeps it."""
    return folded(value)[:200].strip()


def _text(given: Mapping[str, Any], name: str, wrong: dict[str, str]) -> str:
    text = str(given.get(name) or "").strip()
    if name == "q":
        return text
    if "\x00" in text:
        wrong[name] = "This holds a NUL character. Remove it."
    elif len(text) > LONGEST:
        wrong[name] = f"Write at most {LONGEST} characters."
    return text


def _bound(given: Mapping[str, Any], name: str, wrong: dict[str, str]) -> float | None:
    text = str("" if given.get(name) is None else given[name]).strip()
    if not text:
        return None
    try:
        # Python also reads 1_000 and digits of other scripts.
        number = float(text) if text.isascii() and "_" not in text else math.nan
    except ValueError:
        number = math.nan
    if math.isfinite(number):
        return number
    wrong[name] = "Write a number, such as 0.9 or -1.5e3."
    return None


def _one_of(
    given: Mapping[str, Any], name: str, known: tuple[str, ...], wrong: dict[str, str]
) -> str:
    text = str(given.get(name) or known[0])
    if text not in known:
        wrong[name] = f"Choose {' or '.join(known)}."
    return text
