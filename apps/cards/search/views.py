"""The page that finds cards, and the one that puts some of them beside each other."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_safe

from apps.cards import comparison, diffs, queries, sections
from apps.cards.schema import spoken
from apps.cards.search import finding
from apps.cards.search.asking import FILTERS, Question, question
from apps.cards.search.finding import Hidden
from apps.cards.search.forms import TYPED, SearchForm
from apps.cards.search.results import results
from apps.core.errors import Invalid, NotFound
from apps.core.pages import answer, put_on_form, whole
from apps.registry import policies
from apps.registry.models import ModelVersion

PAGE = 20
# Of that many words it is looked up whether they stand on any card at all.
LOOKED_UP = 6


@dataclass(frozen=True)
class Loosened:
    """The same question asked less strictly, and how many cards answer that."""

    text: str
    count: int
    address: str


@dataclass(frozen=True)
class Chip:
    """A filter that is set, and the address without it."""

    label: str
    value: str
    address: str


@login_required
@require_safe
def search(request: HttpRequest) -> HttpResponse:
    """Cards by their words and by what they say of the model; without a question, all of them."""
    user: Any = request.user
    form = SearchForm(request.GET.dict())
    form.is_valid()
    hidden = Hidden.to(user)
    context: dict[str, Any] = {"section": "search", "form": form}
    try:
        asked = question(request.GET.dict())
    except Invalid as refusal:
        put_on_form(form, refusal)
        form.offer({})
        context |= {"asked": Question(), "is_refused": True}
        return answer(request, "cards/search.html", context, refusal=refusal)
    versions = finding.versions_of(user, asked)
    found = finding.Answer(versions, asked, hidden)
    page = Paginator(found, PAGE).get_page(request.GET.get("page"))
    offers = finding.offers(versions, asked, hidden, found)
    form.offer(offers)
    context |= {
        "asked": asked,
        "page": page,
        "results": results(list(page), asked, hidden),
        "chips": list(_chips(request.GET, form, asked)),
        "suggested": [(name, offers[name]) for name in TYPED],
    }
    if not page.object_list and asked.narrows:
        context |= {
            "strange": list(_strange(versions, asked, hidden)),
            "loosened": list(_loosened(request, asked, hidden)),
        }
    return answer(request, "cards/search.html", context)


@login_required
@require_safe
def compare(request: HttpRequest) -> HttpResponse:
    """Up to four versions, of one model or of several, named by `card` as model:number."""
    user: Any = request.user
    wanted = list(dict.fromkeys(map(_named, request.GET.getlist("card"))))
    if len(wanted) > comparison.MOST:
        raise Invalid(
            f"Choose at most {comparison.MOST} cards to compare: these are {len(wanted)}."
        )
    if len(wanted) > 1 and len({name for name, _ in wanted}) == 1:
        numbers = QueryDict(mutable=True)
        numbers.setlist("v", [str(number) for _, number in wanted])
        address = reverse("cards:compare", args=[wanted[0][0]])
        return redirect(f"{address}?{numbers.urlencode()}")
    by_name = _versions(user, wanted)
    if len(by_name) < len(wanted):
        raise NotFound("There is no such version. It may have been deleted or renamed.")
    versions = [by_name[name] for name in wanted]
    cards = [queries.card_for(version, user) for version in versions]
    context = {
        "section": "search",
        "versions": versions,
        "withheld": {
            version.model.project.slug: sections.rights(user, version.model.project_id).told
            for version in versions
        },
        "metrics": comparison.metrics(cards),
        "fields": comparison.fields(cards),
        "changes": diffs.between(cards[0].content, cards[1].content) if len(cards) == 2 else [],
    }
    return answer(request, "cards/compare_cards.html", context)


def _chips(given: QueryDict, form: SearchForm, asked: Question) -> Iterator[Chip]:
    values = dict(asked.filters)
    if asked.metric:
        low = "" if asked.at_least is None else f" ≥ {asked.at_least:g}"
        high = "" if asked.at_most is None else f" ≤ {asked.at_most:g}"
        values["metric"] = f"{asked.metric}{low}{high}"
    for name, value in values.items():
        further = ("at_least", "at_most") if name == "metric" else ()
        label = str(form.fields[name].label)
        shown = spoken(value) if name == "risk_tier" else value
        yield Chip(label, shown, _address(given, without=(name, *further)))


def _strange(versions: QuerySet[ModelVersion], asked: Question, hidden: Hidden) -> Iterator[str]:
    """Words that no card holds which the person may read."""
    for term in asked.wanted[:LOOKED_UP]:
        if not finding.found(versions, Question(terms=(term,)), hidden).exists():
            yield term.text


def _loosened(request: HttpRequest, asked: Question, hidden: Hidden) -> Iterator[Loosened]:
    user: Any = request.user
    given = request.GET
    narrowing = (*FILTERS, "metric", "at_least", "at_most")
    ways = [
        (
            "without the filters",
            replace(asked, filters=(), metric="", at_least=None, at_most=None),
            _address(given, without=narrowing),
        ),
        (
            "among all versions of the models",
            replace(asked, versions="all"),
            _address(given, without=("versions",), versions="all"),
        ),
        ("without the words", replace(asked, terms=()), _address(given, without=("q",))),
    ]
    for text, wider, address in ways:
        if wider != asked and wider.narrows:
            count = finding.found(finding.versions_of(user, wider), wider, hidden).count()
            if count:
                yield Loosened(text, count, address)


def _address(given: QueryDict, *, without: tuple[str, ...], **further: str) -> str:
    left = given.copy()
    for name in (*without, "page"):
        left.pop(name, None)
    for name in [name for name, value in left.items() if not value]:
        del left[name]
    for name, value in further.items():
        left[name] = value
    return f"{reverse('cards:search')}?{left.urlencode()}"


def _named(text: str) -> tuple[str, int]:
    name, _, number = text.rpartition(":")
    return name, whole(number)


def _versions(user: Any, wanted: list[tuple[str, int]]) -> dict[tuple[str, int], ModelVersion]:
    if not wanted:
        return {}
    any_of = Q()
    for name, number in wanted:
        any_of |= Q(model__name=name, number=number, model__deleted_at=None)
    versions = policies.versions.visible_to(user).filter(any_of)
    versions = versions.select_related("model__project", "registered_by", "placement__stage")
    return {(version.model.name, version.number): version for version in versions}
