from typing import Any

from django.db.models import Q, QuerySet

from apps.access import rulebook
from apps.access.conditions import Wanted
from apps.access.policies import Policy
from apps.accounts.models import User
from apps.projects.models import Project
from apps.projects.queries import projects_where
from apps.webhooks.models import RegistryWebhook


class WebhookPolicy(Policy[RegistryWebhook]):
    """Owners and maintainers see and manage the webhooks of a project and of its models.

    An address is often a secret by itself. Those of all models are the administrators'.
    """

    model = RegistryWebhook
    noun = "webhook"
    token_actions = dict.fromkeys(("edit", "delete", "test"), "manage_webhooks")

    def by_role(self, user: User, action: str) -> Q:
        run = projects_where(user, may="manage_webhooks").values("pk")
        return Q(model__project__in=run) | Q(project__in=run)

    def of_project(self, user: Any, project: Project) -> QuerySet[RegistryWebhook]:
        """Those of the project and of its models."""
        return (
            self.visible_to(user)
            .filter(Q(model__project=project) | Q(project=project))
            .select_related("model__project", "project")
        )

    def visible_to(
        self, user: Any, action: str = "view", wanted: Wanted = rulebook.NOTHING
    ) -> QuerySet[RegistryWebhook]:
        return super().visible_to(user, action, wanted).filter(model__deleted_at=None)


webhooks = WebhookPolicy()
