"""Who may do what to which objects: one filter for lists and for single objects.

Each app declares one `Policy` per model. Its single primitive is `scope(user, action) -> Q`, the
union of what roles and per-object grants allow. What a person may not see does not exist for him.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar, Generic, TypeVar, cast

from django.db import models
from django.db.models import Q

from apps.accounts.models import User
from apps.core.errors import NotFound, NotPermitted
from apps.core.prepared import Prepared

M = TypeVar("M", bound=models.Model)
NOTHING = Q(pk__in=[])
EVERYTHING = ~Q(pk__in=[])


@dataclass(frozen=True)
class Explanation:
    """Why somebody may or may not, in a sentence for the person who asks."""

    allowed: bool
    sentence: str


class Policy(Generic[M]):
    """Base of the policies of the apps."""

    model: ClassVar[type[models.Model]]
    noun: ClassVar[str] = "object"
    # What each action is called in a refusal: "You may not {verb} this {noun}."
    verbs: ClassVar[dict[str, str]] = {}
    # Actions that access tokens know under another name.
    token_actions: ClassVar[dict[str, str]] = {}
    # Whether what a person may is decided by nothing but who it is, so that the SQL can be kept.
    is_kept: ClassVar[bool] = False

    def by_role(self, user: User, action: str) -> Q:
        """What the person's roles allow. Nothing, unless an app says otherwise."""
        return NOTHING

    def scope(self, user: Any, action: str) -> Q:
        if not getattr(user, "is_authenticated", False) or not user.is_active:
            return NOTHING
        if not self._is_in_the_token(user, action):
            return NOTHING
        if user.is_superuser:
            return EVERYTHING
        return self.by_role(user, action)

    def visible_to(self, user: Any, action: str = "view") -> models.QuerySet[M]:
        """The objects on which the person may do the action."""
        found = self.model._default_manager.filter(self.scope(user, action))
        return cast(models.QuerySet[M], found)

    def allows(self, user: Any, action: str, obj: M) -> bool:
        if self.is_kept and isinstance(user, User) and user.is_active:
            return bool(self._kept(action).rows(pk=obj.pk, asked_by=user))
        return self.judged(user, action).filter(pk=obj.pk).exists()

    def judged(self, user: Any, action: str) -> models.QuerySet[M]:
        """Among which objects `allows` looks, where lists leave some of them out."""
        return self.visible_to(user, action)

    @cache  # noqa: B019 - policies are made once and stay
    def _kept(self, action: str) -> Prepared:
        return Prepared(
            lambda pk, asker: self.judged(asker, action).order_by().filter(pk=pk).values_list("pk")
        )

    def require(self, user: Any, action: str, obj: M) -> None:
        """Raise `NotFound` for what the person may not see, `NotPermitted` for the rest."""
        if self.allows(user, action, obj):
            return
        if action != "view" and self.allows(user, "view", obj):
            if not self._is_in_the_token(user, action):
                raise user.limits.refusal()
            raise NotPermitted(self.refusal(user, action, obj))
        raise NotFound(f"There is no such {self.noun}.")

    def _is_in_the_token(self, user: Any, action: str) -> bool:
        return user.limits is None or user.limits.allow(self.token_actions.get(action, action))

    def refusal(self, user: Any, action: str, obj: M) -> str:
        verb = self.verbs.get(action, action.replace("_", " "))
        return f"You may not {verb} this {self.noun}. Ask an owner of the project for the right."

    def explain(self, user: Any, action: str, obj: M) -> Explanation:
        if self.allows(user, action, obj):
            return Explanation(
                True, f"{user} may {self.verbs.get(action, action)} this {self.noun}."
            )
        return Explanation(False, self.refusal(user, action, obj))
