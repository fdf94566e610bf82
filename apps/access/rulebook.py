"""The rules in force, as they concern one person. Read anew whenever one of them changed."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, reduce
from operator import or_
from typing import Any

from django.db.models import Exists, Model, OuterRef, Q, QuerySet, Subquery
from django.utils import timezone

from apps.access import vocabulary
from apps.access.conditions import Condition, Declared, ObjectTest, Wanted, read
from apps.access.models import Effect, GroupGrant, Rule, UserGrant
from apps.accounts.models import Attribute, User
from apps.accounts.services import note_with_tokens
from apps.core import prepared
from apps.core.context import current
from apps.core.errors import Invalid
from apps.core.prepared import Prepared

# Stands where it is not settled yet what is wanted: whether it is possible for anything.
ANYTHING: Wanted = {"": "anything"}
NOTHING: Wanted = {}


@dataclass(frozen=True)
class ReadRule:
    """A rule with its conditions understood. `fault` says why they cannot be, any more.

    A rule that cannot be understood fails closed: it allows nothing, and denies its actions.
    """

    pk: int
    name: str
    effect: str
    actions: frozenset[str]
    conditions: tuple[Condition, ...]
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    fault: str = ""

    @cached_property
    def entities(self) -> frozenset[str]:
        return frozenset(c.entity for c in self.conditions if c.entity)

    @cached_property
    def asks_for_what_is_wanted(self) -> bool:
        return any(condition.wanted for condition in self.conditions)

    @property
    def denies(self) -> bool:
        return self.effect == Effect.DENY

    def is_in_force(self, now: datetime) -> bool:
        return (self.valid_from is None or self.valid_from <= now) and (
            self.valid_until is None or now < self.valid_until
        )

    def for_person(self, user: User) -> "RuleForPerson | None":
        """What is left of the rule for the person; nothing where it does not concern him."""
        if self.fault:
            return RuleForPerson(self, (), ()) if self.denies else None
        tests: list[ObjectTest] = []
        open_: list[Condition] = []
        for condition in self.conditions:
            if condition.wanted:
                open_.append(condition)
            elif condition.entity:
                test = condition.test(user)
                if test is False:
                    return None
                if isinstance(test, ObjectTest):
                    tests.append(test)
            elif not condition.holds(user, NOTHING):
                return None
        # Asked for while the person is at hand.
        return RuleForPerson(self, tuple(tests), tuple(open_), user)


@dataclass(frozen=True)
class RuleForPerson:
    """A rule whose conditions on the person are fulfilled: what it still asks of objects."""

    rule: ReadRule
    tests: tuple[ObjectTest, ...]
    open: tuple[Condition, ...]
    user: User | None = None

    def concerns(self, wanted: Wanted) -> bool:
        """Whether what is asked for beside the action fulfils the rule.

        Where it is not said what is wanted, a rule that asks for it is silent. Where anything may
        be wanted, it allows and does not deny: there may be something else.
        """
        if not self.open:
            return True
        if wanted is ANYTHING:
            return not self.rule.denies
        assert self.user is not None
        return all(
            condition.wanted in wanted and condition.holds(self.user, wanted)
            for condition in self.open
        )

    def where(self, reaches: Mapping[str, str]) -> Q:
        """The objects that the rule is about, of a kind that leads to others by these paths."""
        found = Q()
        for entity in dict.fromkeys(test.entity for test in self.tests):
            found &= self._of(entity, reaches[entity])
        return found if self.tests else ~Q(pk__in=[])

    def _of(self, entity: str, path: str) -> Q:
        lookup = f"{path}__in" if path else "pk__in"
        manager = vocabulary.ENTITIES[entity].model._default_manager
        mine = [test for test in self.tests if test.entity == entity]
        found = Q()
        positive: QuerySet[Any] = manager.order_by()
        for test in mine:
            if test.negated:
                # All that is not among those of which it is true, also where nothing is set.
                found &= ~Q(**{lookup: manager.order_by().filter(test.where).values("pk")})
            else:
                # One filter each: two tags are two rows of the same table.
                positive = positive.filter(test.where)
        if any(not test.negated for test in mine):
            found &= Q(**{lookup: positive.values("pk")})
        return found


def any_of(rules: Iterable[RuleForPerson], reaches: Mapping[str, str]) -> Q:
    """The objects that at least one of the rules is about.

    Most rules ask one thing of one kind of object. Those are asked together: to build and to plan
    a query for each would take many times as long as to answer it.
    """
    found = Q(pk__in=[])
    together: dict[tuple[str, bool], list[Q]] = {}
    for rule in rules:
        if len(rule.tests) != 1:
            found |= rule.where(reaches)
            continue
        (test,) = rule.tests
        asked = together.setdefault((test.entity, test.negated), [])
        if test.where not in asked:
            asked.append(test.where)
    for (entity, negated), asked in together.items():
        lookup = f"{reaches[entity]}__in" if reaches[entity] else "pk__in"
        objects: QuerySet[Any] = vocabulary.ENTITIES[entity].model._default_manager.order_by()
        if negated:
            # Not in one of them is: not in all of them at once.
            for where in asked:
                objects = objects.filter(where)
            found |= ~Q(**{lookup: objects.values("pk")})
        else:
            one = reduce(or_, asked)
            found |= Q(**{lookup: objects.filter(one).values("pk")})
    return found


@dataclass(frozen=True)
class Standing:
    """What rules and grants mean for one person, at this moment."""

    rules: tuple[RuleForPerson, ...] = ()
    has_grants: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether roles alone decide."""
        return not self.rules and not self.has_grants

    def of(self, effect: str, action: str) -> Iterator[RuleForPerson]:
        for found in self.rules:
            if found.rule.effect == effect and action in found.rule.actions:
                yield found


PLAIN = Standing()
_assumed: ContextVar[tuple[int, Standing] | None] = ContextVar("mlgov_assumed", default=None)
# The last rules that this process read, and of which state of the database. Nothing about anybody.
_book: tuple[Any, tuple[ReadRule, ...]] = (None, ())


def standing_of(user: Any) -> Standing:
    """What concerns the person beside roles. Administrators are bound by no rule."""
    if not isinstance(user, User) or user.pk is None or user.is_superuser:
        return PLAIN
    if user.limits is not None and user.limits.of_administrator:
        return PLAIN
    if (assumed := _assumed.get()) is not None and assumed[0] == user.pk:
        return assumed[1]
    memo = current().memo
    key = ("standing", user.pk)
    if memo is not None and key in memo:
        return memo[key]
    found = _standing(user)
    if memo is not None:
        memo[key] = found
    return found


@contextmanager
def assuming(user: User, standing: Standing) -> Iterator[None]:
    """Within the block, this is what concerns the person: for a rule that is tried."""
    token = _assumed.set((user.pk, standing))
    try:
        yield
    finally:
        _assumed.reset(token)


def _standing(user: User) -> Standing:
    noted = user.noted or next(iter(_STATE.rows(person=user.pk)), None)
    if noted is None:
        return PLAIN
    *state, granted_to_him, granted_to_a_group = noted
    now = timezone.now()
    rules = (rule for rule in rules_of(tuple(state)) if rule.is_in_force(now))
    mine = tuple(found for rule in rules if (found := rule.for_person(user)) is not None)
    return Standing(mine, bool(granted_to_him or granted_to_a_group))


def rules_of(state: Any) -> tuple[ReadRule, ...]:
    """The rules that are switched on, as they are in this state of the database."""
    global _book
    known, rules = _book
    if known != state:
        rules = read_all(Rule.objects.filter(is_active=True).order_by("pk"))
        _book = (state, rules)
    return rules


def read_all(rules: Iterable[Rule]) -> tuple[ReadRule, ...]:
    declared = declarations()
    return tuple(read_rule(rule, declared) for rule in rules)


def read_rule(rule: Rule, declared: Declared) -> ReadRule:
    """The rule as it is asked. What cannot be understood any more is its fault."""
    conditions: tuple[Condition, ...] = ()
    fault = ""
    try:
        conditions = tuple(read(text, declared) for text in rule.conditions)
    except Invalid as refusal:
        fault = refusal.message
    return ReadRule(
        rule.pk,
        rule.name,
        rule.effect,
        frozenset(rule.actions),
        conditions,
        rule.valid_from,
        rule.valid_until,
        fault,
    )


def declarations() -> Declared:
    return {(found.about, found.name): found for found in Attribute.objects.all()}


def _last(model: type[Model], column: str) -> Subquery:
    """Of the newest row of a history. A number alone could come twice after a rollback."""
    rows = model.history.order_by("-history_id")  # type: ignore[attr-defined]
    return Subquery(rows.values(column)[:1])


def _columns(person: Any) -> tuple[Any, ...]:
    return (
        _last(Rule, "history_id"),
        _last(Rule, "history_date"),
        _last(Attribute, "history_id"),
        _last(Attribute, "history_date"),
        Exists(UserGrant.objects.filter(user=person)),
        Exists(GroupGrant.objects.filter(group__user=person)),
    )


_STATE = Prepared(
    lambda person: User.objects.order_by().filter(pk=person).values_list(*_columns(person))
)
note_with_tokens(_columns(OuterRef("user_id")))
prepared.ask_anew_where(lambda user: not standing_of(user).is_plain)
