"""Reads about endpoints and deployments that need a name."""

from django.db.models import Q, QuerySet

from apps.builds.models import Build
from apps.deployments.models import Deployment, Endpoint, Rollout
from apps.deployments.states import DeploymentState
from apps.registry.models import ModelVersion
from apps.stages import queries as stage_queries
from apps.stages.models import Environment, Placement


def stands_in(version: ModelVersion, environment: Environment) -> bool:
    """Whether the version stands in a stage of the environment."""
    return Placement.objects.filter(version=version, stage__environment=environment).exists()


def is_archived(version: ModelVersion) -> bool:
    """Whether the version has left the stages: archived, displaced or deleted."""
    placement = Placement.objects.filter(version=version).select_related("stage").first()
    gone = placement is None or placement.stage == stage_queries.archive_stage()
    return gone or version.deleted_at is not None


def deployments_of(version: ModelVersion) -> QuerySet[Deployment]:
    return (
        Deployment.objects.filter(version=version)
        .select_related("endpoint__environment", "endpoint__project")
        .order_by("endpoint__environment__order", "-pk")
    )


def living_deployments_of(version: ModelVersion) -> QuerySet[Deployment]:
    """Those that serve, or are on their way to."""
    return deployments_of(version).exclude(
        state__in=(DeploymentState.RETIRED, DeploymentState.FAILED)
    )


def unfinished_rollout(deployment: Deployment) -> Rollout | None:
    return (
        Rollout.objects.filter(deployment=deployment, finished_at=None)
        .select_related("run")
        .first()
    )


def waiting_for(build: Build) -> QuerySet[Deployment]:
    """Deployments that wait for the image which the build makes."""
    environment = build.environment
    return Deployment.objects.filter(
        state=DeploymentState.BUILDING,
        version=build.version_id,
        endpoint__environment__builder=environment.builder,
        endpoint__environment__registry=environment.registry,
        move__artifact_digest=build.artifact_digest,
    ).order_by("pk")


def replaced_by(deployment: Deployment) -> QuerySet[Deployment]:
    """Other deployments of the endpoint whose version stands in no stage of the environment."""
    standing = Q(version__placement__stage__environment=deployment.endpoint.environment_id)
    return (
        Deployment.objects.filter(endpoint=deployment.endpoint_id)
        .exclude(pk=deployment.pk)
        .exclude(state=DeploymentState.RETIRED)
        .exclude(standing)
        .order_by("pk")
    )


def later_decision(rollout: Rollout) -> Rollout | None:
    """A rollout that was decided after this one and gave another deployment the traffic."""
    return (
        Rollout.objects.filter(
            deployment__endpoint=rollout.deployment.endpoint_id,
            deployment__traffic__gt=0,
            asked_at__gt=rollout.asked_at,
        )
        .exclude(deployment=rollout.deployment_id)
        .order_by("-asked_at")
        .select_related("deployment__version__model")
        .first()
    )


def serving_deployments(endpoint: Endpoint) -> QuerySet[Deployment]:
    return (
        endpoint.deployments.filter(state=DeploymentState.SERVING)
        .select_related("version__model")
        .prefetch_related("copies")
    )
