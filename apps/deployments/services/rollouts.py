"""Rollouts: started, given the traffic, ended."""

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from apps.accounts.models import User
from apps.core.errors import Conflict
from apps.deployments import queries
from apps.deployments.events import DeploymentFailed, DeploymentRetired, DeploymentServing
from apps.deployments.models import Deployment, Rollout, RolloutKind
from apps.deployments.services.rows import lock, note
from apps.deployments.states import DEPLOYMENT, DeploymentState
from apps.outbox.services import publish
from apps.registry.services.locks import lock_version
from apps.runs import services as runs
from apps.runs.failures import WORKER_LOST
from apps.runs.models import Run
from apps.runs.runners import RunContext
from apps.runs.states import RunState

ROLLOUT = "deployments.rollout"
NOT_PERMITTED = "deployments.project.not-permitted"
ATTEMPTS = 5
TITLES = {
    RolloutKind.ROLLOUT: "Deploy {} to {}",
    RolloutKind.ROLLBACK: "Roll back to {} in {}",
}


def start_rollout(
    deployment: Deployment,
    *,
    by: User | None,
    asked_for: str,
    asked_at: datetime,
    kind: str = RolloutKind.ROLLOUT,
    reason: str = "",
    attempt: int = 1,
) -> Rollout:
    """Queue a rollout of a locked deployment that has an image; one on its way is kept."""
    unfinished = queries.unfinished_rollout(deployment)
    if unfinished is not None and not unfinished.run.is_finished:
        runs.vouch(unfinished.run, by=by, asked_for=asked_for)
        return unfinished
    if unfinished is not None:
        _close(unfinished)
    # What serves already goes on serving while a rollout gives it the traffic.
    if deployment.state not in (DeploymentState.SERVING, DeploymentState.DEPLOYING):
        DEPLOYMENT.apply(deployment, "roll out")
        deployment.retired_at = None
        deployment.save(update_fields=["state", "retired_at"])
    title = TITLES[RolloutKind(kind)].format(deployment.version, deployment.endpoint.environment)
    rollout = Rollout.objects.create(
        deployment=deployment,
        run=runs.start(kind=ROLLOUT, title=title, requested_by=by, asked_for=asked_for),
        kind=kind,
        reason=reason,
        asked_at=asked_at,
        attempt=attempt,
    )
    note(
        deployment,
        "rollout.start",
        actor=by if attempt == 1 else None,
        reason=reason,
        kind=kind,
        rollout=rollout.pk,
        attempt=attempt,
        image=deployment.image.reference if deployment.image else "",
    )
    return rollout


def _close(rollout: Rollout) -> None:
    """End a rollout whose run has succeeded but whose end was not heard of yet."""
    if rollout.run.state != RunState.SUCCEEDED:
        raise Conflict(
            "The last rollout of this deployment is just ending. Try again in a few seconds."
        )
    rollout.finished_at = timezone.now()
    rollout.save(update_fields=["finished_at"])


@transaction.atomic
def switch_traffic(rollout: Rollout, ctx: RunContext) -> Deployment:
    """Give the deployment of a running rollout all the traffic of its endpoint.

    It stays without where a later decision has the traffic, and is retired where its version was
    archived meanwhile.
    """
    deployment = lock(rollout.deployment)
    ctx.check()  # with the lock held, so that a run which was given up switches nothing
    if rollout.kind == RolloutKind.ROLLOUT and queries.is_archived(deployment.version):
        retire_locked(deployment, actor=None, reason=f"{deployment.version} was archived.")
        return deployment
    before = (deployment.state, deployment.traffic)
    if deployment.state != DeploymentState.SERVING:
        DEPLOYMENT.apply(deployment, "serve with")
    if queries.later_decision(rollout) is None:
        others = Deployment.objects.select_for_update(no_key=True).filter(
            endpoint=deployment.endpoint_id
        )
        for other in others.exclude(pk=deployment.pk).filter(traffic__gt=0).order_by("pk"):
            other.traffic = 0
            other.save(update_fields=["traffic"])
        deployment.traffic = 100
    if before != (deployment.state, deployment.traffic):
        deployment.serving_since = timezone.now()
        deployment.save(update_fields=["state", "traffic", "serving_since"])
        note(
            deployment,
            "deployment.serve",
            actor=None,
            reason=rollout.reason,
            rollout=rollout.pk,
            traffic=deployment.traffic,
            image=deployment.image.reference if deployment.image else "",
        )
        publish(DeploymentServing(deployment.pk, rollout.pk))
    return deployment


@transaction.atomic
def stand_down(rollout: Rollout, ctx: RunContext) -> Deployment:
    """End a rollout whose version is not wanted here any more."""
    deployment = lock(rollout.deployment)
    ctx.check()
    if deployment.state != DeploymentState.RETIRED:
        retire_locked(deployment, actor=None, reason=f"{deployment.version} has left its stage.")
    return deployment


@transaction.atomic
def retire_replaced(deployment: Deployment) -> list[Deployment]:
    """Retire the endpoint's other deployments whose version stands here no longer."""
    deployment = lock(deployment)
    if not deployment.traffic:
        return []
    replaced = [lock(other) for other in queries.replaced_by(deployment)]
    for other in replaced:
        retire_locked(other, actor=None, reason=f"{deployment.version} took its place.")
    return replaced


def retire_locked(deployment: Deployment, *, actor: User | None, reason: str) -> None:
    DEPLOYMENT.apply(deployment, "retire")
    traffic, deployment.traffic = deployment.traffic, 0
    deployment.retired_at = timezone.now()
    deployment.save(update_fields=["state", "traffic", "retired_at"])
    note(deployment, "deployment.retire", actor=actor, reason=reason, traffic_before=traffic)
    publish(DeploymentRetired(deployment.pk))


@transaction.atomic
def settle(run_id: int) -> None:
    """Draw the consequences of the end of a rollout's run. Twice is as good as once."""
    found = Rollout.objects.filter(run=run_id).select_related("deployment").first()
    if found is None:
        return
    lock_version(found.deployment.version_id)
    deployment = lock(found.deployment)
    rollout = Rollout.objects.select_related("run").get(pk=found.pk)
    run: Run = rollout.run
    if rollout.finished_at is not None or not run.is_finished:
        return
    rollout.finished_at = timezone.now()
    rollout.save(update_fields=["finished_at"])
    if run.state == RunState.SUCCEEDED:
        return
    action = "rollout.end" if run.state == RunState.CANCELLED else "rollout.fail"
    failure = {"code": run.error_code, "text": run.error_text} if run.error_code else {}
    note(deployment, action, actor=None, rollout=rollout.pk, attempt=rollout.attempt, **failure)
    if deployment.state == DeploymentState.RETIRED:
        return
    if run.error_code == WORKER_LOST and rollout.attempt < ATTEMPTS:
        start_rollout(
            deployment,
            by=run.requested_by,
            asked_for=run.asked_for,
            asked_at=rollout.asked_at,
            kind=rollout.kind,
            reason=rollout.reason,
            attempt=rollout.attempt + 1,
        )
    elif deployment.state != DeploymentState.DEPLOYING:
        return
    elif rollout.kind == RolloutKind.ROLLBACK and run.error_code == NOT_PERMITTED:
        # Nothing was tried, so it is as good to go back to as it was.
        retire_locked(deployment, actor=None, reason=run.error_text)
    else:
        fail_locked(deployment)


def fail_locked(deployment: Deployment) -> None:
    DEPLOYMENT.apply(deployment, "fail")
    deployment.save(update_fields=["state"])
    publish(DeploymentFailed(deployment.pk))
