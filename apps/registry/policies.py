from typing import Any

from django.db.models import Q, QuerySet

from apps.access.policies import Policy
from apps.accounts.models import User
from apps.projects.queries import projects_where
from apps.registry.models import ModelVersion, RegisteredModel


class RegisteredModelPolicy(Policy[RegisteredModel]):
    """What was deleted is kept for the trail, and exists for nobody."""

    model = RegisteredModel
    noun = "model"
    is_kept = True
    verbs = {"register": "register versions of"}

    def by_role(self, user: User, action: str) -> Q:
        return Q(project__in=projects_where(user, may=action).values("pk"))

    def visible_to(self, user: Any, action: str = "view") -> QuerySet[RegisteredModel]:
        return super().visible_to(user, action).filter(deleted_at=None)


class ModelVersionPolicy(Policy[ModelVersion]):
    """What was deleted is kept for the trail, and exists for nobody."""

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
        return super().visible_to(user, action).filter(deleted_at=None)


models = RegisteredModelPolicy()
versions = ModelVersionPolicy()
