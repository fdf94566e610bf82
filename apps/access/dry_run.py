"""What a rule would change before it holds: who would gain or lose what, on how many objects."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from django.db.models import QuerySet

from apps.access import policies, rulebook
from apps.access.models import Rule
from apps.access.rulebook import ReadRule, Standing, standing_of
from apps.accounts.models import User

EXAMPLES = 3
# Seconds after which a dry run says how far it came.
LONGEST = 10.0


@dataclass(frozen=True)
class Change:
    """What one person gains or loses: an action on some objects of a kind, with examples."""

    person: User
    action: str
    noun: str
    gains: int
    loses: int
    examples: tuple[str, ...]


@dataclass
class Comparison:
    """`examined` of `people` were looked at. Where a rule asks what is wanted beside an action, it
    was tried for `wanted`, which fulfils it."""

    people: int = 0
    examined: int = 0
    changes: list[Change] = field(default_factory=list)
    wanted: dict[str, str] = field(default_factory=dict)

    @property
    def is_whole(self) -> bool:
        return self.examined == self.people


def compare(
    before: Rule | None,
    after: Rule | None,
    *,
    people: QuerySet[User] | None = None,
    longest: float = LONGEST,
) -> Comparison:
    """Compare the rights of people as they are with those under a rule that is not saved yet.

    Without `before` the rule is new, without `after` it is gone. The rule has to be sound.
    """
    if people is None:
        people = User.objects.filter(is_active=True, is_superuser=False).order_by("username")
    declared = rulebook.declarations()
    old = rulebook.read_rule(before, declared) if before is not None else None
    new = rulebook.read_rule(after, declared) if after is not None else None
    if before is not None and not before.is_in_force:
        old = None
    if after is not None and not after.is_in_force:
        new = None
    found = Comparison(people=people.count())
    for rule in (old, new):
        if rule is not None:
            found.wanted |= _fulfilling(rule)
    given_up_at = time.monotonic() + longest
    for person in people.iterator(chunk_size=200):
        if time.monotonic() > given_up_at:
            break
        found.examined += 1
        found.changes += _changes(person, old, new, before, found.wanted)
    return found


def _fulfilling(rule: ReadRule) -> dict[str, str]:
    """Something that could be wanted, of which the rule's conditions are true."""
    found = {}
    for condition in rule.conditions:
        if condition.wanted:
            named = [str(value) for value in condition.values]
            found[condition.wanted] = "another" if condition.negated or not named else named[0]
    return found


def _changes(
    person: User,
    old: ReadRule | None,
    new: ReadRule | None,
    before: Rule | None,
    wanted: dict[str, str],
) -> Iterator[Change]:
    was = old.for_person(person) if old is not None else None
    then = new.for_person(person) if new is not None else None
    concerned = [rule for rule in (was, then) if rule is not None]
    if not concerned:
        return
    present = standing_of(person)
    others = tuple(r for r in present.rules if before is None or r.rule.pk != before.pk)
    sides = [
        replace(present, rules=(*others, *([rule] if rule is not None else [])))
        for rule in (was, then)
    ]
    asked = {action for found in concerned for action in found.rule.actions}
    for policy in policies.BY_KIND.values():
        touching = [r for r in concerned if r.rule.entities <= policy.reaches.keys()]
        if not touching:
            continue
        touched = policies.NOTHING
        for rule in touching:
            touched |= rule.where(policy.reaches)
        # Only among what the rule is about can anything change.
        objects = policy.model._default_manager.order_by().filter(touched)
        for action in policy.actions:
            if action in asked:
                yield from _difference(person, policy, action, objects, sides, wanted)


def _difference(
    person: User,
    policy: Any,
    action: str,
    objects: QuerySet[Any],
    sides: list[Standing],
    wanted: dict[str, str],
) -> Iterator[Change]:
    allowed = []
    for standing in sides:
        with rulebook.assuming(person, standing):
            seen = policy.judged(person, action, wanted).order_by().values("pk")
            allowed.append(set(objects.filter(pk__in=seen).values_list("pk", flat=True)))
    before, after = allowed
    changed = sorted(before ^ after)
    if changed:
        examples = policy.model._default_manager.filter(pk__in=changed[:EXAMPLES]).order_by("pk")
        yield Change(
            person,
            action,
            policy.noun,
            len(after - before),
            len(before - after),
            tuple(str(obj) for obj in examples),
        )
