"""Who may do something with one object, and what one person may: for reviews of access."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from django.db.models import BooleanField, Case, Model, Value, When
from django.utils import timezone

from apps.access import asking, explanations, rulebook
from apps.access.conditions import Wanted
from apps.access.explanations import Reason
from apps.access.models import GroupGrant, Rule, UserGrant
from apps.access.policies import Policy
from apps.access.rulebook import ANYTHING, ReadRule, Standing
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
    """All active people with what rules and grants mean for them, in a handful of queries."""

    def __init__(self) -> None:
        self._users = active_people()
        holding = set(UserGrant.objects.values_list("user_id", flat=True))
        of_groups = GroupGrant.objects.values("group")
        for user_id in User.groups.through.objects.filter(group__in=of_groups).values_list(
            "user_id", flat=True
        ):
            holding.add(user_id)
        now = timezone.now()
        rules = [
            rule
            for rule in rulebook.read_all(Rule.objects.filter(is_active=True).order_by("pk"))
            if rule.is_in_force(now)
        ]
        self._standings: dict[int, Standing] = {}
        for user in self._users:
            self._standings[user.pk] = _standing(user, rules, user.pk in holding)

    def who_may(
        self, policy: Policy[Any], action: str, obj: Model, wanted: Wanted = rulebook.NOTHING
    ) -> list[User]:
        """Those who may, in the order of their user names. The object has to exist."""
        found: list[User] = []
        people = iter(self._users)
        while some := list(islice(people, TOGETHER)):
            scopes = [self._scope(user, policy, action, wanted) for user in some]
            columns = [
                Case(
                    When(scope, then=Value(True)),
                    default=Value(False),
                    output_field=BooleanField(),
                )
                for scope in scopes
            ]
            rows = policy.model._default_manager.filter(pk=obj.pk).order_by()
            may = rows.values_list(*columns).first() or ()
            found += [user for user, allowed in zip(some, may, strict=False) if allowed]
        return found

    def reasons(
        self, users: Iterable[User], action: str, obj: Model, wanted: Wanted = rulebook.NOTHING
    ) -> Iterator[Permitted]:
        """The same people with what lets them."""
        for user in users:
            with rulebook.assuming(user, self._standings[user.pk]):
                told = explanations.explain(user, action, obj, wanted).reasons
            yield Permitted(user, tuple(reason for reason in told if reason.allows))

    def _scope(self, user: User, policy: Policy[Any], action: str, wanted: Wanted) -> Any:
        with rulebook.assuming(user, self._standings[user.pk]):
            return policy.scope(user, action, wanted)


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
