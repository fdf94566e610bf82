"""Questions about rights, as people put them: a person, an action, and an object by its name.

What the asker may not see does not exist, whomever he asks about.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.db.models import F, Model, QuerySet, TextField, Value
from django.db.models.functions import Cast, Concat

from apps.access import explanations, policies, vocabulary
from apps.access.explanations import Explanation
from apps.access.policies import Policy
from apps.accounts.finding import nearest_person
from apps.accounts.models import User
from apps.core.errors import Invalid, NotFound
from apps.core.nearest import did_you_mean

LONGEST_NAME = 400
# Noun -> the columns whose values name one object, as in `version:scoring/3`.
_NAMED_BY: dict[str, tuple[str, ...]] = {}


def name_by(noun: str, *paths: str) -> None:
    """Let objects of this kind be asked for by name, beside their key."""
    _NAMED_BY[noun] = paths


@dataclass(frozen=True)
class Answer:
    """`name` is what the object can be asked for by."""

    person: User
    action: str
    obj: Model
    name: str
    wanted: Mapping[str, str]
    explanation: Explanation
    # Whether the asker reads rules, and sees their conditions.
    is_whole: bool


def why(by: User, *, person: str, action: str, named: str, wanted: Mapping[str, str]) -> Answer:
    """Why somebody may or may not do something. An empty name of a person is oneself."""
    policy, obj = object_named(named, by=by)
    user = person_asked_about(by, person, obj)
    require_action(policy, action)
    unknown = sorted(set(wanted) - set(vocabulary.WANTED))
    if unknown:
        raise Invalid(f"Nothing called “{unknown[0]}” is asked for beside an action.")
    found = explanations.explain(user, action, obj, dict(wanted))
    is_whole = explanations.reads_all(by)
    if not is_whole:
        told = tuple(replace(reason, conditions=()) for reason in found.reasons)
        found = replace(found, reasons=told)
    return Answer(user, action, obj, name_of(obj), wanted, found, is_whole)


def kinds() -> dict[str, Policy[Any]]:
    """The kinds of objects that can be asked about."""
    return {policy.noun: policy for policy in policies.BY_KIND.values() if policy.actions}


def object_named(text: str, *, by: User) -> tuple[Policy[Any], Model]:
    """`version:12` or `version:scoring/3`. Raises `NotFound` for what the asker does not see."""
    noun, colon, name = text.strip().partition(":")
    known = kinds()
    if not colon or noun not in known or not name or len(text) > LONGEST_NAME:
        sentence = (
            f"Name the object by its kind and its name or number, such as model:scoring or "
            f"version:scoring/3. There are {', '.join(known)}."
        )
        raise Invalid.at("object", sentence)
    policy = known[noun]
    visible = policy.visible_to(by)
    found = None
    # A name may consist of digits; the key is what links carry, so that it comes first.
    if is_key(name):
        found = visible.filter(pk=int(name)).first()
    if found is None and noun in _NAMED_BY:
        paths = _NAMED_BY[noun]
        parts = name.rsplit("/", len(paths) - 1)
        lookup = dict(zip(paths, parts, strict=False))
        is_complete = len(parts) == len(paths) and "\x00" not in name
        if is_complete and all(is_key(v) for p, v in lookup.items() if p == "number"):
            found = visible.filter(**lookup).first()
    if found is None:
        names = None if is_key(name) else whole_names(noun, by=by)
        near = did_you_mean(name, names, "whole") if names is not None else ""
        sentence = f"There is no such {noun}.{near}"
        raise NotFound(sentence, details={"object": sentence} if near else None)
    return policy, found


def whole_names(noun: str, *, by: User) -> QuerySet[Any, Any] | None:
    """The names of all objects of the kind that somebody sees, as `whole`. None: they have none."""
    if noun not in _NAMED_BY or noun not in kinds():
        return None
    first, *rest = _NAMED_BY[noun]
    whole: Any = F(first)
    for path in rest:
        number = Cast(path, TextField())
        whole = Concat(whole, Value("/"), number, output_field=TextField())
    return kinds()[noun].visible_to(by).values(whole=whole).order_by("whole")


def name_of(obj: Model) -> str:
    """What the object can be asked for by: by name where it has one."""
    noun = policies.of(obj).noun
    parts = []
    for path in _NAMED_BY.get(noun, ("pk",)):
        value: Any = obj
        for attribute in path.split("__"):
            value = getattr(value, attribute)
        parts.append(str(value))
    return f"{noun}:{'/'.join(parts)}"


def names_of(noun: str, objects: QuerySet[Any]) -> Iterator[str]:
    """The names of many objects, in one query."""
    for values in objects.values_list(*_NAMED_BY.get(noun, ("pk",))).iterator(chunk_size=2000):
        yield f"{noun}:{'/'.join(map(str, values))}"


def person_asked_about(by: User, username: str, obj: Model | None) -> User:
    """The person, if the asker may know. Who may not is not told whether there is such a person."""
    username = username.strip()
    if not username or username == by.username:
        return by
    found = None if "\x00" in username else User.objects.filter(username=username).first()
    # Somebody without a key is nobody's own self.
    explanations.require_reader(by, found or User(), obj)
    if found is None:
        sentence = f"Nobody here is called “{username[:150]}”.{nearest_person(username)}"
        raise Invalid.at("person", sentence)
    return found


def require_action(policy: Policy[Any], action: str) -> None:
    if action not in (known := actions_of(policy)):
        sentence = (
            f"“{action[:40]}” is not done with a {policy.noun}. There are {', '.join(known)}."
        )
        raise Invalid.at("action", sentence)


def actions_of(policy: Policy[Any]) -> list[str]:
    """What is done with objects of this kind, or with what belongs to them."""
    # Also what has a name of its own here, and is part of another action to tokens and rules.
    named_here = policy.token_actions
    entity = next((e for e in vocabulary.ENTITIES.values() if e.model is policy.model), None)
    grantable = entity.grantable if entity is not None else ()
    return list(dict.fromkeys([*policy.actions, *named_here, *grantable]))


def is_key(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 18
