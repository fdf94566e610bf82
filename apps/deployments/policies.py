from django.db.models import Q

from apps.access import asking
from apps.access.policies import NOTHING, Policy
from apps.access.vocabulary import Entity, Fact, register_entity
from apps.accounts.models import AttributeKind, User
from apps.builds.policies import builds
from apps.deployments.models import ApiKey, Deployment, Endpoint
from apps.evaluations.policies import evaluations
from apps.projects.queries import projects_where
from apps.registry.policies import versions
from apps.runs.models import Run

register_entity(
    Entity(
        "endpoint",
        Endpoint,
        {"slug": Fact(AttributeKind.TEXT, "slug")},
        grantable=("view", "predict", "manage_keys", "deploy", "roll_back", "retry"),
    )
)


class EndpointPolicy(Policy[Endpoint]):
    model = Endpoint
    noun = "endpoint"
    actions = ("view", "predict", "manage_keys")
    verbs = {"predict": "call", "manage_keys": "manage the keys of"}
    reaches = {
        "endpoint": "",
        "environment": "environment",
        "model": "model",
        "project": "project",
    }

    def by_role(self, user: User, action: str) -> Q:
        return Q(project__in=projects_where(user, may=action).values("pk"))


class DeploymentPolicy(Policy[Deployment]):
    model = Deployment
    noun = "deployment"
    actions = ("view", "deploy", "roll_back", "retry")
    verbs = {"deploy": "retire or cancel", "roll_back": "roll back to"}
    reaches = {
        "version": "version",
        "endpoint": "endpoint",
        "environment": "endpoint__environment",
        "model": "endpoint__model",
        "project": "endpoint__project",
    }

    def by_role(self, user: User, action: str) -> Q:
        return Q(endpoint__project__in=projects_where(user, may=action).values("pk"))


class ApiKeyPolicy(Policy[ApiKey]):
    model = ApiKey
    noun = "key"
    verbs = {"manage_keys": "manage"}
    reaches = {
        "endpoint": "endpoint",
        "environment": "endpoint__environment",
        "model": "endpoint__model",
        "project": "endpoint__project",
    }

    def by_role(self, user: User, action: str) -> Q:
        return Q(endpoint__project__in=projects_where(user, may=action).values("pk"))


class RunPolicy(Policy[Run]):
    """A run is seen by whoever sees what it works on: a registration, a build, an evaluation,
    a data set that is taken in, a rollout."""

    model = Run
    noun = "run"

    def by_role(self, user: User, action: str) -> Q:
        if action != "view":
            return NOTHING
        seen = versions.entries_visible_to(user).order_by().values("pk")
        return (
            Q(ingest__version__in=seen)
            | Q(data_set_intake__version__in=seen)
            | Q(build__in=builds.visible_to(user).order_by().values("pk"))
            | Q(evaluation__in=evaluations.visible_to(user).order_by().values("pk"))
            | Q(rollout__deployment__in=deployments.visible_to(user).order_by().values("pk"))
        )


asking.name_by("endpoint", "project__slug", "slug")
endpoints = EndpointPolicy()
deployments = DeploymentPolicy()
api_keys = ApiKeyPolicy()
runs = RunPolicy()
