"""From a version that entered a stage to a rollout: the endpoint, the image, the waiting."""

from datetime import datetime

from django.db import transaction
from django.utils.text import slugify

from apps.accounts.models import User
from apps.audit.services import record
from apps.builds import queries as build_queries
from apps.builds import services as builds
from apps.builds.models import Build
from apps.core.errors import Conflict
from apps.deployments import queries
from apps.deployments.models import Deployment, Endpoint, Rollout, RolloutKind
from apps.deployments.services.rollouts import fail_locked, start_rollout
from apps.deployments.services.rows import lock, lock_endpoint, note
from apps.deployments.states import DEPLOYMENT, DeploymentState
from apps.projects.models import Project
from apps.registry.models import ModelVersion, RegisteredModel
from apps.registry.services.locks import lock_version
from apps.stages.models import Environment, StageMove

LONGEST_MODEL_PART = 45
ON_THEIR_WAY = (DeploymentState.BUILDING, DeploymentState.DEPLOYING)


@transaction.atomic
def deploy(version: ModelVersion, *, move: StageMove, by: User | None) -> Deployment:
    """Bring a version that entered a stage to the stage's environment.

    Rights were checked where the version was let in. Nobody is `by` after a review: that is
    mlgov's own work then. Hearing of the same move twice is harmless.
    """
    environment = move.to_stage.environment
    if environment is None:
        raise Conflict(f"{move.to_stage} has no environment, so its versions are not deployed.")
    version = lock_version(version.pk)
    endpoint = _endpoint(version.model, environment, by=by)
    deployment, is_new = Deployment.objects.get_or_create(
        endpoint=endpoint,
        version=version,
        defaults={"move": move, **sizes(environment)},
    )
    deployment = lock(deployment)
    if not is_new and move.pk <= deployment.move_id:
        return deployment
    deployment.move = move
    deployment.save(update_fields=["move"])
    note(
        deployment,
        "deployment.request",
        actor=by,
        reason=move.reason,
        stage=move.to_stage.name,
        move=move.pk,
    )
    if not is_new and deployment.state in ON_THEIR_WAY:
        Rollout.objects.filter(deployment=deployment, finished_at=None).update(asked_at=move.at)
    elif is_new or not deployment.traffic:
        build_or_roll_out(deployment, by=by, asked_for="move", asked_at=move.at)
    return deployment


def sizes(environment: Environment) -> dict[str, object]:
    return {
        "replicas": environment.replicas,
        "cpu": environment.cpu,
        "memory_mb": environment.memory_mb,
    }


def build_or_roll_out(
    deployment: Deployment,
    *,
    by: User | None,
    asked_for: str,
    asked_at: datetime,
    rebuild: bool = False,
) -> None:
    """Take the next step of a locked deployment, of the size that the environment has now."""
    environment = deployment.endpoint.environment
    for field, value in sizes(environment).items():
        setattr(deployment, field, value)
    image = None
    if not rebuild:
        image = build_queries.image_for(
            deployment.version, environment, artifact_digest=deployment.move.artifact_digest
        )
    if image is None and deployment.state == DeploymentState.SERVING:
        image = deployment.image
    if image is not None:
        deployment.image = image
        deployment.save(update_fields=["image", "replicas", "cpu", "memory_mb"])
        start_rollout(deployment, by=by, asked_for=asked_for, asked_at=asked_at)
        return
    if deployment.state != DeploymentState.BUILDING:
        DEPLOYMENT.apply(deployment, "build")
    deployment.retired_at = None
    deployment.build = builds.request_build(
        deployment.version,
        environment,
        by=by,
        asked_for=asked_for,
        artifact_digest=deployment.move.artifact_digest,
        review_id=deployment.move.review_id,
    )
    deployment.save(update_fields=["state", "build", "retired_at", "replicas", "cpu", "memory_mb"])


@transaction.atomic
def roll_out_waiting(build_id: int) -> None:
    """Start the rollouts that waited for an image which is there now."""
    build = Build.objects.select_related("environment", "image", "run").get(pk=build_id)
    for waiting in queries.waiting_for(build):
        deployment = lock(waiting)
        if deployment.state != DeploymentState.BUILDING:
            continue
        deployment.build, deployment.image = build, build.image
        deployment.save(update_fields=["build", "image"])
        start_rollout(
            deployment,
            by=build.run.requested_by,
            asked_for=build.run.asked_for,
            asked_at=deployment.move.at,
            kind=RolloutKind.ROLLOUT,
        )


@transaction.atomic
def fail_waiting(build_id: int) -> None:
    """Fail the deployments that waited for an image which will not come."""
    build = Build.objects.select_related("environment").get(pk=build_id)
    lock_version(build.version_id)
    if build_queries.unfinished_build(build.version, build.environment, build.artifact_digest):
        return  # somebody has tried again meanwhile
    for waiting in queries.waiting_for(build):
        deployment = lock(waiting)
        if deployment.state == DeploymentState.BUILDING:
            fail_locked(deployment)


@transaction.atomic
def announce_build(build_id: int, earlier_build_id: int) -> None:
    """Let the deployments that hoped for one build wait for the one that took over from it."""
    build = Build.objects.select_related("run").get(pk=build_id)
    lock_version(build.version_id)
    for found in Deployment.objects.filter(build=earlier_build_id).order_by("pk"):
        deployment = lock(found)
        if deployment.state == DeploymentState.FAILED and not build.run.is_finished:
            if queries.is_archived(deployment.version):
                continue
            DEPLOYMENT.apply(deployment, "build")
        elif deployment.state != DeploymentState.BUILDING:
            continue
        deployment.build = build
        deployment.save(update_fields=["state", "build"])


def _endpoint(model: RegisteredModel, environment: Environment, *, by: User | None) -> Endpoint:
    """The endpoint of the model in the environment, locked; made at the first deployment."""
    found = Endpoint.objects.filter(model=model, environment=environment).first()
    if found is not None:
        return lock_endpoint(found.pk)
    # Two models of a project can ask for the same name at the same time.
    project = Project.objects.select_for_update(no_key=True).get(pk=model.project_id)
    found = Endpoint.objects.filter(model=model, environment=environment).first()
    if found is None:
        found = Endpoint.objects.create(
            project=project,
            environment=environment,
            model=model,
            slug=_free_slug(project, model, environment),
        )
        record(
            actor=by,
            action="endpoint.create",
            obj=found,
            also=[model, environment],
            project=project,
        )
    return lock_endpoint(found.pk)


def _free_slug(project: Project, model: RegisteredModel, environment: Environment) -> str:
    name = slugify(model.name).replace("_", "-")[:LONGEST_MODEL_PART].strip("-") or "model"
    wanted = f"{name}-{environment.slug}"
    taken = set(
        Endpoint.objects.filter(project=project, slug__startswith=wanted).values_list(
            "slug", flat=True
        )
    )
    slug, number = wanted, 1
    while slug in taken:
        number += 1
        slug = f"{wanted}-{number}"
    return slug
