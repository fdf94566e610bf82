"""Names that somebody may type: suggested while he does, and the nearest where one is wrong.

Objects are those that he sees. People are found by whoever is signed in, as over REST; groups by
those who look at everybody's rights.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import Group
from django.db.models import F, QuerySet

from apps.access import asking, explanations, policies, vocabulary
from apps.access.conditions import Condition
from apps.access.vocabulary import Comparison
from apps.accounts.finding import active_people, called
from apps.accounts.models import AttributeKind, User
from apps.core.nearest import LONGEST, did_you_mean

MOST = 20
OF_EACH = 5
NAMED = (AttributeKind.TEXT, AttributeKind.LIST)


@dataclass(frozen=True)
class Suggestion:
    """What can be put into the field, and what else it is called."""

    value: str
    told: str = ""


def people(text: str) -> list[Suggestion]:
    if not (text := _asked(text)):
        return []
    return [Suggestion(person.username, person.name) for person in called(text)[:MOST]]


def groups(text: str, *, by: User) -> list[Suggestion]:
    if not (text := _asked(text)):
        return []
    found = _groups(by).filter(name__icontains=text)[:MOST]
    return [Suggestion(group.name) for group in found]


def objects(text: str, *, by: User) -> list[Suggestion]:
    """Objects as `asking` takes them: `model:scoring`. A kind before a colon leaves out others."""
    noun, colon, name = text.partition(":")
    kinds = [noun] if colon else list(asking.kinds())
    if not (part := _asked(name if colon else text)):
        return []
    found: list[Suggestion] = []
    for kind in kinds:
        if (names := asking.whole_names(kind, by=by)) is not None:
            some = names.filter(whole__icontains=part)[: MOST if colon else OF_EACH]
            found += [Suggestion(f"{kind}:{row['whole']}") for row in some]
    return found[:MOST]


def lines(text: str, *, by: User) -> list[Suggestion]:
    """Conditions that name what is there and is called like this."""
    if not (text := _asked(text)):
        return []
    found = [
        Suggestion(f"user.username is {_quoted(person.value)}", person.told)
        for person in people(text)[:OF_EACH]
    ]
    for group in groups(text, by=by)[:OF_EACH]:
        found.append(Suggestion(f"user.groups has {_quoted(group.value)}"))
    for name, operator, values in _facts(by):
        some = values.filter(value__icontains=text).distinct()[:OF_EACH]
        found += [Suggestion(f"{name} {operator} {_quoted(row['value'])}") for row in some]
    return found[:MOST]


def doubts(conditions: Iterable[Condition], *, by: User) -> list[str]:
    """What conditions name and is not there now: a rule may be written before it is."""
    known = {name: values for name, _, values in _facts(by)}
    known["user.username"] = active_people().values(value=F("username"))
    known["user.groups"] = _groups(by).values(value=F("name"))
    return [
        f"{condition.name} is nowhere {_quoted(value)} now.{did_you_mean(value, values, 'value')}"
        for condition in conditions
        if (values := known.get(str(condition.name))) is not None
        and condition.comparison in (Comparison.IS, Comparison.ONE_OF, Comparison.HAS)
        for value in condition.values
        if not values.filter(value=value).exists()
    ]


def _groups(by: User) -> QuerySet[Group]:
    found = Group.objects.order_by("name")
    return found if explanations.reads_all(by) else found.none()


def _facts(by: User) -> Iterator[tuple[str, str, QuerySet[Any, Any]]]:
    """Name, operator and values of each fact that is a name in the objects he sees."""
    for entity in vocabulary.ENTITIES.values():
        policy = policies.BY_KIND[entity.model._meta.label_lower]
        for name, fact in entity.facts.items():
            if fact.kind in NAMED:
                operator = "has" if fact.kind == AttributeKind.LIST else "is"
                found = policy.visible_to(by).filter(fact.among).order_by(fact.path)
                yield f"{entity.name}.{name}", operator, found.values(value=F(fact.path))


def _asked(text: str) -> str:
    text = text.strip()[:LONGEST]
    return "" if "\x00" in text else text


def _quoted(text: Any) -> str:
    return json.dumps(text, ensure_ascii=False)
