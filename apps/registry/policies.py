from typing import Any

from django.db.models import Q, QuerySet

from apps.access import asking, rulebook
from apps.access.conditions import Wanted
from apps.access.models import Effect
from apps.access.policies import Policy
from apps.access.rulebook import standing_of
from apps.access.vocabulary import Entity, Fact, register_entity
from apps.accounts.models import About, AttributeKind, User
from apps.projects.queries import projects_where
from apps.registry.models import ModelVersion, RegisteredModel
from apps.registry.states import VersionState

register_entity(
    Entity(
        "model",
        RegisteredModel,
        {
            "name": Fact(AttributeKind.TEXT, "name"),
            "aliases": Fact(AttributeKind.LIST, "aliases__name"),
        },
        about=About.MODEL,
        tags="tags",
        grantable=(
            "view",
            "comment",
            "predict",
            "register",
            "edit_card",
            "request_review",
            "evaluate",
            "move",
            "deploy",
            "roll_back",
            "retry",
            "delete",
        ),
    )
)
register_entity(
    Entity(
        "version",
        ModelVersion,
        {
            "number": Fact(AttributeKind.NUMBER, "number"),
            "state": Fact(AttributeKind.CHOICE, "state", tuple(VersionState.values)),
            # Placed by the app of stages, which is above this one.
            "stage": Fact(AttributeKind.TEXT, "placement__stage__slug"),
            "aliases": Fact(AttributeKind.LIST, "aliases__name"),
        },
        about=About.VERSION,
        tags="tags",
        grantable=(
            "view",
            "comment",
            "predict",
            "register",
            "edit_card",
            "request_review",
            "evaluate",
            "move",
            "deploy",
            "roll_back",
            "retry",
            "delete",
        ),
    )
)


class RegisteredModelPolicy(Policy[RegisteredModel]):
    """What was deleted is kept for the trail, and exists for nobody.

    Prompts share the table and the name space of models. Only MLflow's protocol knows them: what
    is visible anywhere else are models.
    """

    model = RegisteredModel
    noun = "model"
    actions = ("view", "register", "delete")
    is_kept = True
    verbs = {"register": "register versions of"}
    reaches = {"model": "", "project": "project"}

    def by_role(self, user: User, action: str) -> Q:
        return Q(project__in=projects_where(user, may=action).values("pk"))

    def visible_to(
        self, user: Any, action: str = "view", wanted: Wanted = rulebook.NOTHING
    ) -> QuerySet[RegisteredModel]:
        return self.entries_visible_to(user, action, wanted).filter(is_prompt=False)

    def entries_visible_to(
        self, user: Any, action: str = "view", wanted: Wanted = rulebook.NOTHING
    ) -> QuerySet[RegisteredModel]:
        """Models and prompts."""
        return super().visible_to(user, action, wanted).filter(deleted_at=None)

    def judged(
        self, user: Any, action: str, wanted: Wanted = rulebook.NOTHING
    ) -> QuerySet[RegisteredModel]:
        return self.entries_visible_to(user, action, wanted)


# What is done with the version of a prompt: it is written down, and deleted.
OF_PROMPTS = frozenset({"view", "register", "delete"})


class ModelVersionPolicy(Policy[ModelVersion]):
    """What was deleted is kept for the trail, and exists for nobody. So do prompts, see above."""

    model = ModelVersion
    noun = "version"
    actions = (
        "view",
        "comment",
        "register",
        "edit_card",
        "request_review",
        "evaluate",
        "review",
        "move",
        "retry",
        "delete",
    )
    is_kept = True
    verbs = {
        "register": "change",
        "comment": "comment on",
        "edit_card": "edit the card of",
        "request_review": "request a review of",
        "evaluate": "evaluate",
        "move": "move",
        "retry": "retry the registration of",
    }
    reaches = {"version": "", "model": "model", "project": "model__project"}

    def by_role(self, user: User, action: str) -> Q:
        return Q(model__project__in=projects_where(user, may=action).values("pk"))

    def visible_to(
        self, user: Any, action: str = "view", wanted: Wanted = rulebook.NOTHING
    ) -> QuerySet[ModelVersion]:
        return self.entries_visible_to(user, action, wanted).filter(model__is_prompt=False)

    def entries_visible_to(
        self, user: Any, action: str = "view", wanted: Wanted = rulebook.NOTHING
    ) -> QuerySet[ModelVersion]:
        """Versions of models and of prompts."""
        return super().visible_to(user, action, wanted).filter(deleted_at=None)

    def judged(
        self, user: Any, action: str, wanted: Wanted = rulebook.NOTHING
    ) -> QuerySet[ModelVersion]:
        entries = self.entries_visible_to if action in OF_PROMPTS else self.visible_to
        return entries(user, action, wanted)


asking.name_by("model", "name")
asking.name_by("version", "model__name", "number")
models = RegisteredModelPolicy()
versions = ModelVersionPolicy()


def hides_versions(user: Any) -> bool:
    """Whether a rule may hide some versions of a model that the person sees."""
    denials = versions.rules(standing_of(user), Effect.DENY, "view", rulebook.NOTHING)
    return any(True for _ in denials)


def versions_within(user: Any) -> QuerySet[ModelVersion]:
    """Living versions, for a query that leads to models which the person sees."""
    if hides_versions(user):
        return versions.entries_visible_to(user)
    return ModelVersion.objects.filter(deleted_at=None)
