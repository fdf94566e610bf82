"""Which cards answer a question, and what may be counted of them.

A person's hidden sections are left out of every look into the index, so that nothing in them is
found, excluded, counted or ranked by. Versions that he does not see are left out before that.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from django.db.models import Case, Count, F, Min, Model, Q, QuerySet, Sum, Value, When

from apps.accounts.models import User
from apps.cards import sections
from apps.cards.models import CardFact, CardMetric, CardText, IndexedCard
from apps.cards.search.asking import CARD_FILTERS, PLACE_FILTERS, Question, key_of
from apps.cards.search.index import NAME
from apps.cards.search.matching import Holds, IsAmong
from apps.cards.search.words import Term
from apps.registry import policies
from apps.registry.models import ModelVersion
from apps.registry.queries import latest_of_each
from apps.registry.states import VersionState

R = TypeVar("R", bound=Model)
MOST_OFFERED = 50
# A card whose name or overview says it comes before one that says it in passing.
WEIGHTS = {NAME: 8, "overview": 4, "classification": 2, "use": 2, "data": 2, "evaluation": 2}
PLACES = {
    "stage": ("placement__stage__slug", "placement__stage__name"),
    "project": ("model__project__slug", "model__project__name"),
}


@dataclass(frozen=True)
class Hidden:
    """Keys of sections that a person may not read: on every card, and on those of a project."""

    everywhere: frozenset[str] = frozenset()
    by_project: Mapping[int, frozenset[str]] = field(default_factory=dict)

    @classmethod
    def to(cls, user: User) -> "Hidden":
        return cls(*sections.hidden_by_project(user))

    def of_project(self, pk: int) -> frozenset[str]:
        return self.everywhere | self.by_project.get(pk, frozenset())

    def rows(self) -> Q:
        """Which rows of the index the person may not be told of."""
        found = Q(section__in=sorted(self.everywhere)) if self.everywhere else Q(pk__in=[])
        alike: dict[frozenset[str], list[int]] = defaultdict(list)
        for project, keys in self.by_project.items():
            if keys:
                alike[keys].append(project)
        for keys, projects in alike.items():
            found |= Q(section__in=sorted(keys), version__model__project__in=projects)
        return found


@dataclass(frozen=True)
class Offer:
    """A value of a filter, and how many of the found versions have it."""

    value: str
    title: str
    count: int


@dataclass(frozen=True)
class Measured:
    name: str
    value: float


def versions_of(user: User, asked: Question) -> QuerySet[ModelVersion]:
    """Among which versions is searched: those that the person sees and that have a card."""
    seen = policies.versions.visible_to(user).filter(state=VersionState.READY)
    return latest_of_each(seen, "model") if asked.versions == "newest" else seen


def found(
    versions: QuerySet[ModelVersion], asked: Question, hidden: Hidden
) -> QuerySet[ModelVersion]:
    """Those of the versions whose cards answer the question, in no order."""
    answer = versions.order_by()
    for term in asked.wanted:
        answer = answer.filter(pk__in=_holding([term], hidden).values("version"))
    for term in asked.unwanted:
        answer = answer.exclude(pk__in=_holding([term], hidden).values("version"))
    for kind, value in asked.filters:
        if kind in PLACES:
            answer = answer.filter(**{PLACES[kind][0]: value})
        else:
            facts = _readable(CardFact, hidden).filter(kind=kind, key=key_of(value))
            answer = answer.filter(pk__in=facts.values("version"))
    if asked.metric:
        answer = answer.filter(pk__in=_measuring(asked, hidden).values("version"))
    return answer


class Answer(Sequence[int]):
    """Primary keys of the versions that answer, by relevance or the newest first.

    Which they are is asked once, and in which order for the page that is shown.
    """

    def __init__(self, versions: QuerySet[ModelVersion], asked: Question, hidden: Hidden) -> None:
        found_ones = found(versions, asked, hidden).order_by("-pk")
        self.keys = list(found_ones.values_list("pk", flat=True))
        self._ordered = _by_relevance(self.keys, asked, hidden) if asked.by_relevance else self.keys

    def __len__(self) -> int:
        return len(self.keys)

    def __getitem__(self, wanted: Any) -> Any:
        found_ones = self._ordered[wanted]
        return list(found_ones) if isinstance(wanted, slice) else found_ones


def _by_relevance(keys: Sequence[int], asked: Question, hidden: Hidden) -> QuerySet[Any, int]:
    """It depends on the card alone: what others say, perhaps unseen, changes nothing."""
    weights = Case(*(When(section=key, then=Value(w)) for key, w in WEIGHTS.items()), default=1)
    nothing = Value(0)
    score = sum(
        (Sum(Case(When(Holds(term), then=weights), default=nothing)) for term in asked.wanted),
        start=nothing,
    )
    return (
        _holding(asked.wanted, hidden)
        .filter(IsAmong(keys))
        .values("version")
        .annotate(score=score)
        .order_by("-score", "-version")
        .values_list("version", flat=True)
    )


def sections_holding(
    versions: Iterable[int], asked: Question, hidden: Hidden
) -> dict[int, list[str]]:
    """By version: keys of the sections in which a wanted term stands, those that say most first."""
    told: dict[int, list[str]] = defaultdict(list)
    if asked.wanted:
        rows = _holding(asked.wanted, hidden).filter(version__in=list(versions))
        for version, section in rows.values_list("version", "section"):
            told[version].append(section)
    for keys in told.values():
        keys.sort(key=lambda key: (-WEIGHTS.get(key, 1), key))
    return told


def metrics_of(
    versions: Iterable[int], asked: Question, hidden: Hidden
) -> dict[int, list[Measured]]:
    """By version: the metrics that were asked for, with their values."""
    told: dict[int, list[Measured]] = defaultdict(list)
    if asked.metric:
        rows = _measuring(asked, hidden).filter(version__in=list(versions)).order_by("pk")
        for version, name, value in rows.values_list("version", "name", "value"):
            told[version].append(Measured(name, value))
    return told


def facts_of(versions: Iterable[int], hidden: Hidden) -> dict[int, dict[str, list[str]]]:
    """By version and kind: what the card says of what it may be filtered by."""
    told: dict[int, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    rows = _readable(CardFact, hidden).filter(version__in=list(versions)).order_by("pk")
    for version, kind, value in rows.values_list("version", "kind", "value"):
        told[version][kind].append(value)
    return told


def cards_of(versions: Iterable[int]) -> dict[int, IndexedCard]:
    """By version: the revision that the index knows, with what a list shows of its version."""
    cards = IndexedCard.objects.filter(version__in=list(versions)).select_related(
        "revision", "version__model__project", "version__registered_by", "version__placement__stage"
    )
    return {card.version_id: card for card in cards}


def offers(
    versions: QuerySet[ModelVersion], asked: Question, hidden: Hidden, answer: Answer
) -> dict[str, list[Offer]]:
    """By filter: its values among what the others leave, the most frequent first.

    The names of metrics are among them, under `metric`.
    """
    wider = {kind: Answer(versions, asked.without(kind), hidden).keys for kind, _ in asked.filters}
    kinds = [kind for kind in CARD_FILTERS if kind not in wider]
    told = _facts_offered(answer.keys, kinds, hidden)
    for kind in CARD_FILTERS:
        if kind in wider:
            told |= _facts_offered(wider[kind], [kind], hidden)
    for kind in PLACE_FILTERS:
        told[kind] = _places_offered(wider.get(kind, answer.keys), kind)
    told["metric"] = _metrics_offered(answer.keys, hidden)
    return told


def _facts_offered(keys: list[int], kinds: list[str], hidden: Hidden) -> dict[str, list[Offer]]:
    told: dict[str, list[Offer]] = {kind: [] for kind in kinds}
    rows = (
        _readable(CardFact, hidden)
        .filter(IsAmong(keys), kind__in=kinds)
        .values("kind", "key")
        .annotate(title=Min("value"), count=Count("pk"))
        .order_by("-count", "key")
    )
    for row in rows:
        if len(told[row["kind"]]) < MOST_OFFERED:
            told[row["kind"]].append(Offer(row["key"], row["title"], row["count"]))
    return told


def _places_offered(keys: list[int], kind: str) -> list[Offer]:
    slug, name = PLACES[kind]
    rows = (
        ModelVersion.objects.order_by()
        .filter(IsAmong(keys, F("pk")))
        .exclude(**{slug: None})
        .values(place=F(slug))
        .annotate(title=Min(name), count=Count("pk"))
        .order_by("-count", "place")[:MOST_OFFERED]
    )
    return [Offer(row["place"], row["title"], row["count"]) for row in rows]


def _metrics_offered(keys: list[int], hidden: Hidden) -> list[Offer]:
    rows = (
        _readable(CardMetric, hidden)
        .filter(IsAmong(keys))
        .values("key")
        .annotate(title=Min("name"), count=Count("version", distinct=True))
        .order_by("-count", "key")[:MOST_OFFERED]
    )
    return [Offer(row["title"], row["title"], row["count"]) for row in rows]


def _readable(rows: type[R], hidden: Hidden) -> QuerySet[R]:
    kept = rows._default_manager.order_by()
    return kept.exclude(hidden.rows()) if hidden.everywhere or hidden.by_project else kept


def _holding(terms: Iterable[Term], hidden: Hidden) -> QuerySet[CardText]:
    any_of = Q()
    for term in terms:
        any_of |= Q(Holds(term))
    return _readable(CardText, hidden).filter(any_of)


def _measuring(asked: Question, hidden: Hidden) -> QuerySet[CardMetric]:
    rows = _readable(CardMetric, hidden).filter(key=key_of(asked.metric))
    if asked.at_least is not None:
        rows = rows.filter(value__gte=asked.at_least)
    if asked.at_most is not None:
        rows = rows.filter(value__lte=asked.at_most)
    return rows
