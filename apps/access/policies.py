"""Who may do what to which objects: one filter for lists and for single objects.

Each app declares one `Policy` per model. Its single primitive is `scope(user, action) -> Q`: what
roles, grants on single objects and rules allow, without what rules deny. What a person may not see
does not exist for him.
"""

from collections.abc import Iterator
from functools import cache
from typing import Any, ClassVar, Generic, TypeVar, cast

from django.db import models
from django.db.models import Q

from apps.access import grants, rulebook
from apps.access.conditions import Wanted
from apps.access.models import Effect
from apps.access.rulebook import ANYTHING, RuleForPerson, Standing, any_of, standing_of
from apps.accounts.models import User
from apps.core.errors import NotFound, NotPermitted
from apps.core.prepared import Prepared, is_judged_anew

M = TypeVar("M", bound=models.Model)
NOTHING = Q(pk__in=[])
EVERYTHING = ~Q(pk__in=[])


class Policy(Generic[M]):
    """Base of the policies of the apps."""

    model: ClassVar[type[models.Model]]
    noun: ClassVar[str] = "object"
    # What each action is called in a refusal: "You may not {verb} this {noun}."
    verbs: ClassVar[dict[str, str]] = {}
    # Actions that tokens and rules know under another name. Nothing allows them but a role.
    token_actions: ClassVar[dict[str, str]] = {}
    # Who does such an action, in a sentence, where that is not said by the roles of a project.
    done_by: ClassVar[dict[str, str]] = {}
    # Whether what a person may is decided by nothing but who it is, so that the SQL can be kept.
    is_kept: ClassVar[bool] = False
    # What is done with these objects, for lists of what somebody may.
    actions: ClassVar[tuple[str, ...]] = ()
    # Kinds of objects that conditions may speak of here, each with the path that leads to it. The
    # path to itself is empty. Rules that speak of others do not concern these objects.
    reaches: ClassVar[dict[str, str]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "model" in cls.__dict__:
            BY_KIND[cls.model._meta.label_lower] = cls()

    def by_role(self, user: User, action: str) -> Q:
        """What the person's roles allow. Nothing, unless an app says otherwise."""
        return NOTHING

    def scope(self, user: Any, action: str, wanted: Wanted = rulebook.NOTHING) -> Q:
        if not getattr(user, "is_authenticated", False) or not user.is_active:
            return NOTHING
        if not self._is_in_the_token(user, action):
            return NOTHING
        if user.is_superuser:
            return EVERYTHING
        roles = self.by_role(user, action)
        standing = standing_of(user)
        if standing.is_plain:
            return roles
        allowed = roles | self._beside_roles(user, action, standing, wanted)
        denials = list(self.rules(standing, Effect.DENY, action, wanted))
        return allowed & ~any_of(denials, self.reaches) if denials else allowed

    def visible_to(
        self, user: Any, action: str = "view", wanted: Wanted = rulebook.NOTHING
    ) -> models.QuerySet[M]:
        """The objects on which the person may do the action."""
        found = self.model._default_manager.filter(self.scope(user, action, wanted))
        return cast(models.QuerySet[M], found)

    def allows(self, user: Any, action: str, obj: M, wanted: Wanted = rulebook.NOTHING) -> bool:
        """Whether the person may do the action, with what is wanted: `{"stage": "production"}`."""
        if self.is_kept and isinstance(user, User) and user.is_active and not is_judged_anew(user):
            return bool(self._kept(action).rows(pk=obj.pk, asked_by=user))
        return self.judged(user, action, wanted).filter(pk=obj.pk).exists()

    def could(self, user: Any, action: str, obj: M) -> bool:
        """Whether there may be something for which it is allowed, where none is chosen yet."""
        return self.allows(user, action, obj, ANYTHING)

    def judged(
        self, user: Any, action: str, wanted: Wanted = rulebook.NOTHING
    ) -> models.QuerySet[M]:
        """Among which objects `allows` looks, where lists leave some of them out."""
        return self.visible_to(user, action, wanted)

    def rules(
        self, standing: Standing, effect: str, action: str, wanted: Wanted
    ) -> Iterator[RuleForPerson]:
        """The rules that decide on objects of this kind, beyond those about their project.

        Those are asked where roles are: in `projects_where`, which `by_role` is made of.
        """
        if effect == Effect.ALLOW and not self.reaches:
            return
        for found in self.rules_about(standing, effect, action, wanted):
            if not ("project" in self.reaches and is_about_projects(found.rule)):
                yield found

    def rules_about(
        self, standing: Standing, effect: str, action: str, wanted: Wanted
    ) -> Iterator[RuleForPerson]:
        """All rules that can concern objects of this kind, those about their project as well."""
        known_as = self.known_as(action)
        if effect == Effect.ALLOW and known_as != action:
            return
        for found in standing.of(effect, known_as):
            if found.rule.entities <= self.reaches.keys() and found.concerns(wanted):
                yield found

    def known_as(self, action: str) -> str:
        """What tokens and rules call the action."""
        return self.token_actions.get(action, action)

    def _beside_roles(self, user: User, action: str, standing: Standing, wanted: Wanted) -> Q:
        """What grants and rules allow, within what the token and denials leave of projects."""
        found = NOTHING
        if standing.has_grants and action == self.known_as(action):
            found |= grants.granted(user, action, self.reaches)
        if allowances := list(self.rules(standing, Effect.ALLOW, action, wanted)):
            found |= any_of(allowances, self.reaches)
        if found == NOTHING:
            return found
        if user.limits is not None and user.limits.projects is not None:
            if "project" not in self.reaches:
                return NOTHING
            path = self.reaches["project"]
            found &= Q(**{f"{path or 'pk'}__in": list(user.limits.projects)})
        if "project" in self.reaches:
            denials = standing.of(Effect.DENY, self.known_as(action))
            if of_projects := [rule for rule in denials if is_about_projects(rule.rule)]:
                found &= ~any_of(of_projects, self.reaches)
        return found

    @cache  # noqa: B019 - policies are made once and stay
    def _kept(self, action: str) -> Prepared:
        return Prepared(
            lambda pk, asker: self.judged(asker, action).order_by().filter(pk=pk).values_list("pk")
        )

    def require(self, user: Any, action: str, obj: M, wanted: Wanted = rulebook.NOTHING) -> None:
        """Raise `NotFound` for what the person may not see, `NotPermitted` for the rest."""
        if self.allows(user, action, obj, wanted):
            return
        if action != "view" and self.allows(user, "view", obj):
            if not self._is_in_the_token(user, action):
                raise user.limits.refusal()
            denial = self.denial(user, action, obj, wanted)
            raise NotPermitted(denial or self.refusal(user, action, obj))
        raise NotFound(f"There is no such {self.noun}.")

    def _is_in_the_token(self, user: Any, action: str) -> bool:
        return user.limits is None or user.limits.allow(self.known_as(action))

    def refusal(self, user: Any, action: str, obj: M) -> str:
        verb = self.verbs.get(action, action.replace("_", " "))
        who = self.done_by.get(action, "Ask an owner of the project for the right.")
        return f"You may not {verb} this {self.noun}. {who}"

    def denial(self, user: Any, action: str, obj: M, wanted: Wanted = rulebook.NOTHING) -> str:
        """Which rule stands in the way, in a sentence; empty where none does."""
        for rule in self.rules_about(standing_of(user), Effect.DENY, action, wanted):
            here = self.model._default_manager.filter(pk=obj.pk).filter(rule.where(self.reaches))
            if here.exists():
                verb = self.verbs.get(action, action.replace("_", " "))
                return (
                    f"The rule “{rule.rule.name}” does not let you {verb} this {self.noun}. An "
                    "administrator can say more about it."
                )
        return ""


def is_about_projects(rule: rulebook.ReadRule) -> bool:
    """Whether it is settled by the project alone, so that it holds for all that is in it."""
    return rule.entities <= {"project"} and not rule.asks_for_what_is_wanted


def on_projects(user: Any, action: str) -> tuple[Q, Q]:
    """Which projects rules let the person do the action in, and in which they deny it."""
    standing = standing_of(user)
    allowed, denied = (
        any_of(
            [found for found in standing.of(effect, action) if is_about_projects(found.rule)],
            {"project": ""},
        )
        for effect in (Effect.ALLOW, Effect.DENY)
    )
    return allowed, denied


def hidden_from(user: Any) -> dict[str, models.QuerySet[Any]]:
    """What rules hide from the person within projects that he sees, by kind.

    For whatever tells of objects and is no list of them: counts, activity, names in an answer.
    """
    standing = standing_of(user)
    found = {}
    for kind, policy in BY_KIND.items():
        if rules := list(policy.rules(standing, Effect.DENY, "view", rulebook.NOTHING)):
            hidden = any_of(rules, policy.reaches)
            found[kind] = policy.model._default_manager.order_by().filter(hidden)
    return found


def of(obj: models.Model) -> "Policy[Any]":
    """The policy of an object of any kind."""
    return BY_KIND[obj._meta.label_lower]


def reached(obj: models.Model, path: str) -> Any:
    """What the object leads to by one of the paths that its policy reaches."""
    for name in filter(None, path.split("__")):
        obj = getattr(obj, name)
    return obj


# By the label of the model, for whoever asks about objects of any kind.
BY_KIND: dict[str, "Policy[Any]"] = {}
