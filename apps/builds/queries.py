"""Reads about builds and images that need a name."""

from django.db.models import QuerySet

from apps.builds.models import Build, ModelImage
from apps.registry.models import ModelVersion
from apps.runs.states import UNFINISHED
from apps.stages.models import Environment


def image_for(
    version: ModelVersion, environment: Environment, *, artifact_digest: str = ""
) -> ModelImage | None:
    """The newest image of the version that the environment can start, of exactly this content."""
    return (
        ModelImage.objects.filter(
            version=version,
            builder=environment.builder,
            registry=environment.registry,
            artifact_digest=artifact_digest or version.artifact_digest,
        )
        .order_by("-id")
        .first()
    )


def builds_like(build: Build) -> QuerySet[Build]:
    """Builds that make, or made, the same image, newest first."""
    return same_builds(build.version, build.environment, build.artifact_digest)


def same_builds(
    version: ModelVersion, environment: Environment, artifact_digest: str
) -> QuerySet[Build]:
    return Build.objects.filter(
        version=version,
        environment__builder=environment.builder,
        environment__registry=environment.registry,
        artifact_digest=artifact_digest,
    ).order_by("-id")


def unfinished_build(
    version: ModelVersion, environment: Environment, artifact_digest: str
) -> Build | None:
    """A build of the same image that is on its way and that nobody asked to end."""
    return (
        same_builds(version, environment, artifact_digest)
        .filter(run__state__in=UNFINISHED, run__cancel_requested=False)
        .select_related("run")
        .first()
    )
