from typing import Any

from apps.builds.events import BuildFailed, BuildRetried, ImageBuilt
from apps.deployments import services
from apps.deployments.events import DeploymentFailed, DeploymentRetired
from apps.outbox.subscriptions import subscribe
from apps.registry.models import ModelVersion
from apps.runs.events import RunEnded
from apps.stages.events import StageEntered, StageLeft
from apps.stages.models import Stage, StageMove


@subscribe(StageEntered)
def deploy_the_version(payload: dict[str, Any]) -> None:
    move = StageMove.objects.select_related("version", "to_stage__environment", "by").get(
        pk=payload["move_id"]
    )
    if move.to_stage.environment is not None:
        # After the last approval mlgov acts by itself: the approver decided, and did not deploy.
        by = move.by if move.review_id is None else None
        services.deploy(move.version, move=move, by=by)


@subscribe(StageLeft)
def retire_what_was_archived(payload: dict[str, Any]) -> None:
    services.retire_archived(
        ModelVersion.objects.get(pk=payload["version_id"]),
        Stage.objects.select_related("environment").get(pk=payload["stage_id"]),
    )


@subscribe(ImageBuilt)
def roll_out_what_waited(payload: dict[str, Any]) -> None:
    services.roll_out_waiting(payload["build_id"])


@subscribe(BuildFailed)
def fail_what_waited(payload: dict[str, Any]) -> None:
    services.fail_waiting(payload["build_id"])


@subscribe(BuildRetried)
def wait_for_the_next_build(payload: dict[str, Any]) -> None:
    services.announce_build(payload["build_id"], payload["earlier_build_id"])


@subscribe(RunEnded)
def settle_the_rollout(payload: dict[str, Any]) -> None:
    if payload["kind"] == services.ROLLOUT:
        services.settle(payload["run_id"])


@subscribe(DeploymentRetired, slow=True, queue="deployments")
def clear_what_was_retired(payload: dict[str, Any]) -> None:
    services.clear(payload["deployment_id"])


@subscribe(DeploymentFailed, slow=True, queue="deployments")
def clear_what_failed(payload: dict[str, Any]) -> None:
    services.clear(payload["deployment_id"])
