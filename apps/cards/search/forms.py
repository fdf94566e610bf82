"""The form of the search: the browser asks with it, `asking` reads what was asked."""

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms

from apps.cards.models import TIERS
from apps.cards.schema import spoken
from apps.cards.search.asking import LONGEST, key_of
from apps.cards.search.finding import Offer
from apps.cards.search.words import LONGEST_QUERY

FORM = "card-search"
# With few values, of which one is chosen; the others are typed, with suggestions.
CHOSEN = {
    "risk_tier": "Any",
    "stage": "Any",
    "project": "All projects",
    "task": "Any",
    "framework": "Any",
}
TYPED = ("data_set", "owner", "metric")


def _field(label: str, widget: forms.Widget) -> forms.CharField:
    # Whatever is asked is shown again, right or wrong.
    return forms.CharField(label=label, required=False, strip=False, widget=widget)


def _text(name: str = "", **attributes: str) -> forms.TextInput:
    suggested = {"list": f"{name}-offers"} if name else {}
    typed = {"maxlength": str(LONGEST), "autocomplete": "off", "form": FORM}
    return forms.TextInput(typed | suggested | attributes)


def _choice(*choices: tuple[str, str]) -> forms.Select:
    return forms.Select({"form": FORM}, choices)


class SearchForm(forms.Form):
    q = _field(
        "Words on the card",
        forms.TextInput(
            {
                "type": "search",
                "maxlength": str(LONGEST_QUERY),
                "placeholder": "words, “a phrase”, -without, begin*",
            }
        ),
    )
    risk_tier = _field("Risk tier", _choice())
    stage = _field("Stage", _choice())
    project = _field("Project", _choice())
    task = _field("Task", _choice())
    framework = _field("Framework", _choice())
    data_set = _field("Data set", _text("data_set"))
    owner = _field("Owner", _text("owner"))
    metric = _field("Metric", _text("metric"))
    at_least = _field("At least", _text(inputmode="decimal"))
    at_most = _field("At most", _text(inputmode="decimal"))
    versions = _field("Versions", _choice(("newest", "Newest only"), ("all", "All of them")))
    sort = _field("First come", _choice(("relevance", "Best matches"), ("newest", "Newest")))

    def __init__(self, given: Mapping[str, str]) -> None:
        keys = {name: key_of(given.get(name, "")) for name in ("risk_tier", "task", "framework")}
        super().__init__({**given, **keys})

    def offer(self, offers: Mapping[str, Sequence[Offer]]) -> None:
        """Show the values that there are, with how many cards have each."""
        for name, any_of in CHOSEN.items():
            found = list(offers.get(name, ()))
            if name == "risk_tier":
                found.sort(key=lambda one: TIERS.index(one.value) if one.value in TIERS else -1)
            choices = [(one.value, f"{_spoken(name, one)} ({one.count:,})") for one in found]
            chosen = self.data.get(name, "")
            if chosen and chosen not in [one.value for one in found]:
                nothing = Offer(chosen, chosen[:LONGEST], 0)
                choices.append((chosen, f"{_spoken(name, nothing)} (0)"))
            widget: Any = self.fields[name].widget
            widget.choices = [("", any_of), *choices]


def _spoken(name: str, offer: Offer) -> str:
    return spoken(offer.title) if name == "risk_tier" else offer.title
