from django.db.models import Q

from apps.access import asking
from apps.access.policies import EVERYTHING, NOTHING, Policy
from apps.access.vocabulary import Entity, Fact, register_entity
from apps.accounts.models import AttributeKind, User
from apps.projects.queries import projects_where
from apps.projects.roles import INFRASTRUCTURE_ADMINS
from apps.stages.models import Environment, Stage

register_entity(
    Entity(
        "environment",
        Environment,
        {"slug": Fact(AttributeKind.TEXT, "slug")},
        grantable=("view", "deploy", "roll_back", "retry", "manage_keys"),
    )
)


class StagePolicy(Policy[Stage]):
    """Global stages are seen by everybody, a project's own by those who see the project."""

    model = Stage
    noun = "stage"
    token_actions = {"change": "override_stages"}

    def by_role(self, user: User, action: str) -> Q:
        if action == "view":
            visible = projects_where(user, may="view").values("pk")
            return Q(project=None) | Q(project__in=visible)
        if action == "change":
            return Q(project__in=projects_where(user, may="override_stages").values("pk"))
        return NOTHING


class EnvironmentPolicy(Policy[Environment]):
    """Environments are known to everybody and changed by the people of the infrastructure."""

    model = Environment
    noun = "environment"
    actions = ("view", "deploy")
    token_actions = {"change": "deploy"}
    done_by = {"change": "The people of the infrastructure change environments."}
    reaches = {"environment": ""}

    def by_role(self, user: User, action: str) -> Q:
        if action == "view":
            return EVERYTHING
        if user.groups.filter(name=INFRASTRUCTURE_ADMINS).exists():
            return EVERYTHING
        return NOTHING


asking.name_by("environment", "slug")
stages = StagePolicy()
environments = EnvironmentPolicy()
