from typing import Any

from django.db.models import Q, QuerySet

from apps.access.policies import Policy
from apps.accounts.models import User
from apps.projects.queries import projects_where
from apps.registry.models import ModelVersion, RegisteredModel


class RegisteredModelPolicy(Policy[RegisteredModel]):
    """What was deleted is kept for the trail, and exists for nobody.

    Prompts share the table and the name space of models. Only MLflow's protocol knows them: what
    is visible anywhere else are models.
    """

    model = RegisteredModel
    noun = "model"
    is_kept = True
    verbs = {"register": "register versions of"}

    def by_role(self, user: User, action: str) -> Q:
        return Q(project__in=projects_where(user, may=action).values("pk"))

    def visible_to(self, user: Any, action: str = "view") -> QuerySet[RegisteredModel]:
        return self.entries_visible_to(user, action).filter(is_prompt=False)

    def entries_visible_to(self, user: Any, action: str = "view") -> QuerySet[RegisteredModel]:
        """Models and prompts."""
        return super().visible_to(user, action).filter(deleted_at=None)

    def judged(self, user: Any, action: str) -> QuerySet[RegisteredModel]:
        return self.entries_visible_to(user, action)


# What is done with the version of a prompt: it is written down, and deleted.
OF_PROMPTS = frozenset({"view", "register", "delete"})


class ModelVersionPolicy(Policy[ModelVersion]):
    """What was deleted is kept for the trail, and exists for nobody. So do prompts, see above."""

    model = ModelVersion
    noun = "version"
    is_kept = True
    verbs = {
        "register": "change",
        "comment": "comment on",
        "edit_card": "edit the card of",
        "request_review": "request a review of",
        "move": "move",
        "retry": "retry the registration of",
    }

    def by_role(self, user: User, action: str) -> Q:
        return Q(model__project__in=projects_where(user, may=action).values("pk"))

    def visible_to(self, user: Any, action: str = "view") -> QuerySet[ModelVersion]:
        return self.entries_visible_to(user, action).filter(model__is_prompt=False)

    def entries_visible_to(self, user: Any, action: str = "view") -> QuerySet[ModelVersion]:
        """Versions of models and of prompts."""
        return super().visible_to(user, action).filter(deleted_at=None)

    def judged(self, user: Any, action: str) -> QuerySet[ModelVersion]:
        entries = self.entries_visible_to if action in OF_PROMPTS else self.visible_to
        return entries(user, action)


models = RegisteredModelPolicy()
versions = ModelVersionPolicy()
