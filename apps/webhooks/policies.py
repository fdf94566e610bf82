from typing import Any

from django.db.models import Q, QuerySet

from apps.access.policies import Policy
from apps.accounts.models import User
from apps.projects.queries import projects_where
from apps.webhooks.models import RegistryWebhook


class WebhookPolicy(Policy[RegistryWebhook]):
    """Whoever runs the project of the model sees and manages its webhooks; nobody else does.

    An address is often a secret by itself. Those of all models are the administrators'.
    """

    model = RegistryWebhook
    noun = "webhook"

    def by_role(self, user: User, action: str) -> Q:
        return Q(model__project__in=projects_where(user, may="manage_project").values("pk"))

    def visible_to(self, user: Any, action: str = "view") -> QuerySet[RegistryWebhook]:
        return super().visible_to(user, action).filter(model__deleted_at=None)


webhooks = WebhookPolicy()
