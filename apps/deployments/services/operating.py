"""What people do with a deployment: retry, cancel, roll back, retire."""

from django.db import transaction
from django.utils import timezone

from apps.accounts.models import User
from apps.builds import services as builds
from apps.core.errors import Conflict, Invalid
from apps.deployments import policies, queries
from apps.deployments.models import Deployment, RolloutKind
from apps.deployments.services.deploying import build_or_roll_out, sizes
from apps.deployments.services.rollouts import retire_locked, start_rollout
from apps.deployments.services.rows import lock, note
from apps.deployments.states import DEPLOYMENT, DeploymentState
from apps.registry.models import ModelVersion
from apps.registry.services.locks import lock_version
from apps.runs import services as runs
from apps.stages.models import Environment, Placement, Stage

# The image has gone from where it was kept, so another rollout of it fails in the same way.
IMAGE_GONE = ("image-missing", "environment-missing", "model-missing")


@transaction.atomic
def retry(deployment: Deployment, *, by: User) -> Deployment:
    """Take a failed deployment up again where it failed: with its build, or with its rollout."""
    lock_version(deployment.version_id)
    deployment = lock(deployment)
    policies.deployments.require(by, "retry", deployment)
    if deployment.state != DeploymentState.FAILED:
        label = DeploymentState(deployment.state).label.lower()
        raise Conflict(f"This deployment is {label}: only a failed one can be retried.")
    if queries.is_archived(deployment.version):
        raise Conflict(
            f"{deployment.version} was archived, so it is not deployed any more. "
            "Request a review to bring it back to the stage."
        )
    note(deployment, "deployment.retry", actor=by)
    last = deployment.rollouts.select_related("run").first()
    gone = last is not None and last.run.error_code.endswith(IMAGE_GONE)
    build_or_roll_out(deployment, by=by, asked_for="retry", asked_at=timezone.now(), rebuild=gone)
    return deployment


@transaction.atomic
def cancel(deployment: Deployment, *, by: User) -> Deployment:
    """End the build or rollout that is on its way. What served before goes on serving."""
    lock_version(deployment.version_id)
    deployment = lock(deployment)
    policies.deployments.require(by, "deploy", deployment)
    rollout = queries.unfinished_rollout(deployment)
    if rollout is not None and not rollout.run.is_finished:
        runs.request_cancel(rollout.run)
    elif deployment.state == DeploymentState.BUILDING and deployment.build is not None:
        builds.cancel(deployment.build, by=by)
    else:
        raise Conflict("Nothing is on its way for this deployment, so there is nothing to cancel.")
    note(deployment, "deployment.cancel", actor=by)
    return deployment


@transaction.atomic
def roll_back(deployment: Deployment, *, by: User, reason: str) -> Deployment:
    """Give an earlier deployment the traffic again, from the image that was kept."""
    lock_version(deployment.version_id)
    deployment = lock(deployment)
    policies.deployments.require(by, "roll_back", deployment)
    if not reason.strip():
        sentence = "Say why you roll back."
        raise Invalid(sentence, details={"reason": sentence})
    refusal = why_not_roll_back(deployment)
    if refusal:
        raise Conflict(refusal)
    for field, value in sizes(deployment.endpoint.environment).items():
        setattr(deployment, field, value)
    deployment.save(update_fields=["replicas", "cpu", "memory_mb"])
    note(deployment, "deployment.roll_back", actor=by, reason=reason)
    start_rollout(
        deployment,
        by=by,
        asked_for="roll_back",
        asked_at=timezone.now(),
        kind=RolloutKind.ROLLBACK,
        reason=reason,
    )
    return deployment


def why_not_roll_back(deployment: Deployment) -> str:
    """Empty where the deployment can have the traffic again, else a sentence that says why not."""
    if deployment.state not in (DeploymentState.RETIRED, DeploymentState.SERVING):
        label = DeploymentState(deployment.state).label.lower()
        return f"This deployment is {label}: only one that has served can have the traffic again."
    if deployment.traffic == 100:
        return f"{deployment.version} has all the traffic already."
    if queries.unfinished_rollout(deployment) is not None:
        return f"A rollout of {deployment.version} is on its way already."
    image = deployment.image
    if image is None:
        return f"No image of {deployment.version} was kept. Request a review to deploy it again."
    if image.artifact_digest != deployment.move.artifact_digest:
        return f"The image of {deployment.version} does not hold what was approved."
    if deployment.version.deleted_at is not None:
        return f"{deployment.version} was deleted."
    if image.builder != deployment.endpoint.environment.builder:
        return (
            f"The image of {deployment.version} was made for another kind of environment. "
            "Request a review to deploy it again."
        )
    return ""


@transaction.atomic
def retire(deployment: Deployment, *, by: User, reason: str) -> Deployment:
    """End a deployment. Its image is kept, so that it can be rolled back to."""
    lock_version(deployment.version_id)
    deployment = lock(deployment)
    policies.deployments.require(by, "deploy", deployment)
    if not reason.strip():
        sentence = "Say why the deployment is retired."
        raise Invalid(sentence, details={"reason": sentence})
    _end(deployment, actor=by, reason=reason)
    return deployment


@transaction.atomic
def retire_archived(version: ModelVersion, stage: Stage) -> None:
    """Retire the deployment of a version that left a stage and was archived.

    What has the traffic and a successor goes on until the successor serves: its rollout retires it.
    """
    if stage.environment is None:
        return
    version = lock_version(version.pk)
    if not queries.is_archived(version) or queries.stands_in(version, stage.environment):
        return
    found = Deployment.objects.filter(
        version=version, endpoint__environment=stage.environment
    ).first()
    if found is None or not DEPLOYMENT.allows(found, "retire"):
        return
    deployment = lock(found)
    if deployment.traffic and _has_successor(deployment, stage.environment):
        return
    _end(deployment, actor=None, reason=f"{version} was archived.")


def _has_successor(deployment: Deployment, environment: Environment) -> bool:
    return (
        Placement.objects.filter(
            stage__environment=environment, version__model=deployment.version.model_id
        )
        .exclude(version=deployment.version_id)
        .exists()
    )


def _end(deployment: Deployment, *, actor: User | None, reason: str) -> None:
    rollout = queries.unfinished_rollout(deployment)
    if rollout is not None and not rollout.run.is_finished:
        runs.request_cancel(rollout.run)
    retire_locked(deployment, actor=actor, reason=reason)
