"""Who may do something with one object, and what one person may: for reviews of access."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from django.db.models import BooleanField, Case, Exists, Model, Q, QuerySet, Value, When
from django.utils import timezone

from apps.access import asking, explanations, grants, rulebook
from apps.access.conditions import Condition, ObjectTest, Wanted
from apps.access.explanations import Reason
from apps.access.models import Rule
from apps.access.policies import Policy
from apps.access.rulebook import ANYTHING, ReadRule, RuleForPerson, Standing
from apps.accounts.models import User

# People of whom one query asks. Each adds its roles, rules and grants to the statement.
TOGETHER = 20
EXAMPLES = 3


@dataclass(frozen=True)
class Permitted:
    """A person who may, and by which roles, grants and rules."""

    person: User
    reasons: tuple[Reason, ...]


@dataclass(frozen=True)
class Allowance:
    """An action that a person may do on `count` objects of a kind."""

    noun: str
    action: str
    count: int
    examples: tuple[Model, ...]


class People:
    """All active people with what rules and grants mean for them on one object.

    Rules and grants that cannot concern the object are left out first, once for everybody: what
    is left is little, and most people are decided on by their roles alone.
    """

    def __init__(
        self, policy: Policy[Any], action: str, obj: Model, wanted: Wanted = rulebook.NOTHING
    ) -> None:
        self._policy, self._action, self._obj, self._wanted = policy, action, obj, wanted
        self._users = active_people()
        asked = {policy.known_as(action), "view"}
        rules = [rule for rule in rules_in_force() if rule.actions & asked]
        here = policy.model._default_manager.filter(pk=obj.pk).order_by()
        touching = rules_about(rules, policy, here)
        holding = _holders(policy, obj)
        self._standings = {
            user.pk: _standing(user, touching, user.pk in holding) for user in self._users
        }

    def who_may(self) -> list[User]:
        """Those who may, in the order of their user names. The object has to exist."""
        found, others = set(), []
        for user in self._users:
            standing = self._standings[user.pk]
            if self._policy.is_kept and standing.is_plain:
                with rulebook.assuming(user, standing):
                    if self._policy.allows(user, self._action, self._obj, self._wanted):
                        found.add(user.pk)
            else:
                others.append(user)
        found |= self._asked_together(others)
        return [user for user in self._users if user.pk in found]

    def reasons(self, users: Iterable[User]) -> Iterator[Permitted]:
        """The same people with what lets them."""
        for user in users:
            with rulebook.assuming(user, self._standings[user.pk]):
                told = explanations.explain(user, self._action, self._obj, self._wanted)
            yield Permitted(user, tuple(reason for reason in told.reasons if reason.allows))

    def _asked_together(self, users: Iterable[User]) -> set[int]:
        found: set[int] = set()
        rows = self._policy.model._default_manager.filter(pk=self._obj.pk).order_by()
        people = iter(users)
        while some := list(islice(people, TOGETHER)):
            columns = [
                Case(
                    When(self._scope(user), then=Value(True)),
                    default=Value(False),
                    output_field=BooleanField(),
                )
                for user in some
            ]
            may = rows.values_list(*columns).first() or ()
            found |= {user.pk for user, allowed in zip(some, may, strict=False) if allowed}
        return found

    def _scope(self, user: User) -> Q:
        with rulebook.assuming(user, self._standings[user.pk]):
            return self._policy.scope(user, self._action, self._wanted)


def rules_in_force() -> list[ReadRule]:
    now = timezone.now()
    read = rulebook.read_all(Rule.objects.filter(is_active=True).order_by("pk"))
    return [rule for rule in read if rule.is_in_force(now)]


def rules_about(
    rules: Iterable[ReadRule], policy: Policy[Any], objects: QuerySet[Any]
) -> list[ReadRule]:
    """Those that can concern one of the objects, for some person.

    What a rule asks of objects whoever it is, is asked once. What depends on the person stays open.
    """
    rules = list(rules)
    asked: dict[tuple[str, ...], RuleForPerson] = {}
    keys = {}
    for rule in rules:
        if rule.fault or not rule.entities <= policy.reaches.keys():
            continue
        constant = [c for c in rule.conditions if _is_about_objects_alone(c)]
        tests = tuple(t for c in constant if isinstance(t := c.test(User()), ObjectTest))
        if tests:
            keys[rule.pk] = key = tuple(sorted(c.text for c in constant))
            asked.setdefault(key, RuleForPerson(rule, tests, ()))
    met = _met(asked, policy, objects)
    return [rule for rule in rules if rule.pk not in keys or keys[rule.pk] in met]


def _is_about_objects_alone(condition: Condition) -> bool:
    is_alone = bool(condition.entity) and not condition.wanted
    return is_alone and all(name.of != "user" for name in condition.names)


def _met(
    asked: Mapping[tuple[str, ...], RuleForPerson], policy: Policy[Any], objects: QuerySet[Any]
) -> set[tuple[str, ...]]:
    found: set[tuple[str, ...]] = set()
    keys = iter(asked)
    while some := list(islice(keys, TOGETHER)):
        columns = [Exists(objects.filter(asked[key].where(policy.reaches))) for key in some]
        # One row, of whatever there is for certain.
        row = Rule.objects.order_by().filter(pk=asked[some[0]].rule.pk).values_list(*columns)
        found |= {key for key, hit in zip(some, row.first() or (), strict=False) if hit}
    return found


def _holders(policy: Policy[Any], obj: Model) -> set[int]:
    """Keys of those who hold a grant on the object, or on what it belongs to."""
    found: set[int] = set()
    for path in policy.reaches.values():
        at: Any = obj
        for name in filter(None, path.split("__")):
            at = getattr(at, name)
        to_people, to_groups = grants.on(at)
        found |= {grant.user_id for grant in to_people}
        if to_groups:
            members = User.groups.through.objects.filter(
                group__in={grant.group_id for grant in to_groups}
            )
            found |= set(members.values_list("user_id", flat=True))
    return found


def active_people() -> list[User]:
    """All of them, in the order of their user names, each with the names of his groups."""
    users = list(User.objects.filter(is_active=True).order_by("username"))
    groups: dict[int, list[str]] = {}
    for user_id, name in User.groups.through.objects.values_list("user_id", "group__name"):
        groups.setdefault(user_id, []).append(name)
    for user in users:
        # As `conditions.groups_of` would read them, one person at a time.
        user._names_of_groups = groups.get(user.pk, [])  # type: ignore[attr-defined]
    return users


def _standing(user: User, rules: list[ReadRule], has_grants: bool) -> Standing:
    if user.is_superuser:
        return rulebook.PLAIN
    mine = tuple(found for rule in rules if (found := rule.for_person(user)) is not None)
    return Standing(mine, has_grants)


def what_may(user: User) -> list[Allowance]:
    """What the person may do with objects of all kinds, for something that could be wanted."""
    found = []
    for noun, policy in asking.kinds().items():
        for action in policy.actions:
            objects = policy.visible_to(user, action, ANYTHING).order_by("pk")
            count = objects.count()
            if count:
                found.append(Allowance(noun, action, count, tuple(objects[:EXAMPLES])))
    return found


def everything(user: User) -> Iterator[tuple[str, str, str]]:
    """(kind, action, name of the object) for everything that the person may. May be long."""
    for noun, policy in asking.kinds().items():
        for action in policy.actions:
            objects = policy.visible_to(user, action, ANYTHING).order_by("pk")
            for name in asking.names_of(noun, objects):
                yield noun, action, name


def told(reasons: Iterable[Reason]) -> str:
    return " ".join(reason.sentence for reason in reasons)


def require_reader_of_all(by: User, obj: Model) -> None:
    """Raise unless the person may ask about everybody who may do something with the object."""
    explanations.require_reader(by, User(), obj)
