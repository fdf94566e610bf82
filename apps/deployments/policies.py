from django.db.models import Q

from apps.access.policies import Policy
from apps.accounts.models import User
from apps.deployments.models import ApiKey, Deployment, Endpoint
from apps.projects.queries import projects_where
from apps.runs.models import Run


class EndpointPolicy(Policy[Endpoint]):
    model = Endpoint
    noun = "endpoint"
    verbs = {"predict": "call", "manage_keys": "manage the keys of"}

    def by_role(self, user: User, action: str) -> Q:
        return Q(project__in=projects_where(user, may=action).values("pk"))


class DeploymentPolicy(Policy[Deployment]):
    model = Deployment
    noun = "deployment"
    verbs = {"deploy": "retire or cancel", "roll_back": "roll back to"}

    def by_role(self, user: User, action: str) -> Q:
        return Q(endpoint__project__in=projects_where(user, may=action).values("pk"))


class ApiKeyPolicy(Policy[ApiKey]):
    model = ApiKey
    noun = "key"
    verbs = {"manage_keys": "manage"}

    def by_role(self, user: User, action: str) -> Q:
        return Q(endpoint__project__in=projects_where(user, may=action).values("pk"))


class RunPolicy(Policy[Run]):
    """A run is seen by whoever sees what it works on: a registration, a build, a rollout."""

    model = Run
    noun = "run"

    def by_role(self, user: User, action: str) -> Q:
        projects = projects_where(user, may=action).values("pk")
        return (
            Q(ingest__version__model__project__in=projects)
            | Q(build__version__model__project__in=projects)
            | Q(rollout__deployment__endpoint__project__in=projects)
        )


endpoints = EndpointPolicy()
deployments = DeploymentPolicy()
api_keys = ApiKeyPolicy()
runs = RunPolicy()
