"""What a rollout does, step by step. Every step may be repeated after a crash."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from apps.core.errors import DomainError
from apps.deployments import queries, services
from apps.deployments.models import Deployment, Rollout, RolloutKind
from apps.deployments.specs import spec_of, target_for
from apps.deployments.states import DeploymentState
from apps.deployments.targets import health, http
from apps.deployments.targets.base import (
    DeploymentTarget,
    ReplicaState,
    ReplicaStatus,
    ServiceSpec,
)
from apps.runs.failures import RunCancelled, RunFailure, RunLost
from apps.runs.runners import RunContext

HEALTH_SECONDS = 300
LOOK_EVERY = 0.5
SAY_EVERY = 15
SMOKE_SECONDS = 60
LOG_TAIL = 100
LOAD_FAILURE = "the model fails to load"
PAYLOADS = ("dataframe_split", "dataframe_records", "instances", "inputs")


def roll_out(rollout: Rollout, ctx: RunContext) -> None:
    """Bring a deployment to its target and give it the traffic, or leave everything as it was."""
    rollout = Rollout.objects.select_related("deployment").get(pk=rollout.pk)
    deployment = _read(rollout)
    with _in_words():
        with ctx.step("verify", "Verify what was approved"):
            if not _is_admitted(rollout, deployment, ctx):
                _stand_down(rollout, ctx)
                return
            target = target_for(deployment.endpoint.environment)
            target.check()
            spec = spec_of(deployment)
            _require_room(spec, target)
            if spec.registry_auth:
                ctx.mask(spec.registry_auth[1])
        try:
            with ctx.step("start", f"Start {_replicas(spec.replicas)}"):
                target.apply(spec)
            with ctx.step("health", "Wait until they are healthy"):
                healthy = _wait_for_health(deployment, target, spec, ctx)
            with ctx.step("smoke", "Try a prediction"):
                _smoke_test(deployment, healthy, ctx)
            with ctx.step("switch", "Switch the traffic"):
                services.note_replicas(deployment, healthy)
                deployment = services.switch_traffic(rollout, ctx)
                ctx.log(_sentence(deployment))
        except RunLost:
            raise  # another worker has taken over, and needs what is there
        except Exception as error:
            _clean_up(rollout, target, spec, ctx, error)
            raise
    with ctx.step("retire", "Retire what was replaced"):
        replaced = services.retire_replaced(deployment)
        for other in replaced:
            ctx.log(f"{other.version} is retired. Its image is kept, so it can be rolled back to.")
        if not replaced:
            ctx.log("Nothing was replaced.")


def _read(rollout: Rollout) -> Deployment:
    return Deployment.objects.select_related(
        "endpoint__environment",
        "endpoint__project",
        "version__model__project",
        "move__to_stage",
        "image__environment_image",
    ).get(pk=rollout.deployment_id)


def _is_admitted(rollout: Rollout, deployment: Deployment, ctx: RunContext) -> bool:
    """Whether the version is still wanted here. Another content than was approved is a failure."""
    version, image, approved = deployment.version, deployment.image, deployment.move.artifact_digest
    found = image.artifact_digest if image else "nothing"
    if not (found == approved == version.artifact_digest):
        raise RunFailure(
            "deployments.platform.digest-mismatch",
            f"The image holds {found}, and {approved} was approved.",
            "Nothing was started. Find out where the image comes from, then build it again.",
        )
    if deployment.state == DeploymentState.RETIRED or version.deleted_at is not None:
        return False
    if rollout.kind == RolloutKind.ROLLOUT and queries.is_archived(version):
        return False
    ctx.log(f"The image holds what was approved for {deployment.move.to_stage}: {approved}")
    return True


def _stand_down(rollout: Rollout, ctx: RunContext) -> None:
    deployment = services.stand_down(rollout, ctx)
    ctx.log(f"{deployment.version} has left its stage meanwhile. It is not deployed.")


def _require_room(spec: ServiceSpec, target: DeploymentTarget) -> None:
    if spec.replicas > target.capabilities.max_replicas:
        raise RunFailure(
            "deployments.platform.too-many-replicas",
            f"The environment asks for {spec.replicas} replicas, and its target runs at most "
            f"{target.capabilities.max_replicas}.",
            "Lower the number of replicas of the environment, then retry.",
        )


def _wait_for_health(
    deployment: Deployment, target: DeploymentTarget, spec: ServiceSpec, ctx: RunContext
) -> list[ReplicaStatus]:
    options = deployment.endpoint.environment.options
    patience = float(options.get("health_seconds") or HEALTH_SECONDS)
    started = last_said = time.monotonic()
    told: dict[int, str] = {}
    while True:
        ctx.check()
        seen = target.observe(spec.name)
        for status in seen:
            if told.get(status.index) != status.state:
                told[status.index] = status.state
                detail = f" ({status.detail})" if status.detail else ""
                ctx.log(f"replica {status.index}: {status.state}{detail}")
        services.note_replicas(deployment, seen)
        _require_alive(seen, target, spec)
        healthy = [status for status in seen if status.state == ReplicaState.HEALTHY]
        if len(healthy) >= spec.replicas:
            return healthy
        if len(seen) < spec.replicas:
            target.apply(spec)  # somebody removed one, and it will not come by itself
        now = time.monotonic()
        if now - started > patience:
            reasons = "; ".join(f"replica {s.index}: {s.detail or s.state}" for s in seen)
            raise RunFailure(
                "deployments.platform.not-healthy",
                f"{len(healthy)} of {_replicas(spec.replicas)} became healthy within "
                f"{patience:g} seconds. {reasons}",
                "Look at the log below. If the model only needs longer to load, allow it more "
                "time with health_seconds in the environment's options, then retry.",
            )
        if now - last_said > SAY_EVERY:
            last_said = now
            ctx.log(f"{len(healthy)} of {spec.replicas} healthy after {now - started:.0f} s")
        time.sleep(LOOK_EVERY)


def _require_alive(seen: list[ReplicaStatus], target: DeploymentTarget, spec: ServiceSpec) -> None:
    for status in seen:
        ended = status.state == ReplicaState.EXITED
        detail = status.detail
        if status.restarts and status.state != ReplicaState.HEALTHY and not ended:
            # The same files fail the same way: there is no need to wait for the last restart.
            detail = health.load_failure(target.logs(spec.name, tail=50))
            ended = bool(detail)
        if ended and LOAD_FAILURE in detail:
            raise RunFailure(
                "deployments.model.load-failed",
                f"In replica {status.index} {detail}",
                "Log the model again so that it loads in an environment with its own "
                "requirements only: often a package or a local module is missing from them.",
            )
        if ended and "memory" in detail:
            raise RunFailure(
                "deployments.platform.out-of-memory",
                f"Replica {status.index} ended: {detail}",
                "Give the replicas of the environment more memory, then retry.",
            )
        if ended:
            raise RunFailure(
                "deployments.platform.replica-exited",
                f"Replica {status.index} ended: {detail or 'it did not say why'}",
                "Look at the log below, mend what it names, then retry.",
            )


def _smoke_test(deployment: Deployment, healthy: list[ReplicaStatus], ctx: RunContext) -> None:
    for status in healthy:
        _ask(status, "GET", "/ping", None, "deployments.platform.ping-failed")
    payload = payload_of(deployment.version.input_example)
    if payload is None:
        ctx.log("The version has no input example, so no prediction was tried.")
        return
    body = json.dumps(payload).encode()
    for status in healthy:
        _ask(status, "POST", "/invocations", body, "deployments.model.example-fails")
    ctx.log(f"{_replicas(len(healthy))} answered the model's input example.")


def _ask(status: ReplicaStatus, method: str, path: str, body: bytes | None, code: str) -> None:
    headers = {"Content-Type": "application/json"} if body is not None else {}
    try:
        answer = http.request(status.address, method, path, body, headers, SMOKE_SECONDS)
    except http.ReplicaUnreachable as error:
        raise RunFailure(
            "deployments.platform.no-answer",
            f"Replica {status.index} does not answer {path}: {error}",
            "Look at the log below, then retry.",
        ) from error
    if answer.status == 200:
        return
    said = answer.body[:500].decode(errors="replace")
    raise RunFailure(
        code,
        f"Replica {status.index} answers {path} with status {answer.status}: {said}",
        "Call the model locally with its input example and its signature; log it again when "
        "that works."
        if body is not None
        else "Look at the log below, then retry.",
    )


def payload_of(example: Any) -> dict[str, Any] | None:
    """The body of a request with the example that was logged with the model."""
    if not example:
        return None
    if isinstance(example, dict):
        if any(name in example for name in PAYLOADS):
            return example
        if "data" in example:
            return {"dataframe_split": example}
    if isinstance(example, list) and all(isinstance(row, dict) for row in example):
        return {"dataframe_records": example}
    return {"inputs": example}


def _clean_up(
    rollout: Rollout,
    target: DeploymentTarget,
    spec: ServiceSpec,
    ctx: RunContext,
    error: Exception,
) -> None:
    """Keep the last lines of replicas that were started in vain, and remove them."""
    try:
        ctx.check()
    except RunLost:
        return
    except RunCancelled:
        pass
    if Deployment.objects.filter(pk=rollout.deployment_id, state=DeploymentState.SERVING).exists():
        return  # it served before, and goes on
    try:
        if not isinstance(error, RunCancelled):
            ctx.log("The last lines of the replicas:")
            ctx.log(target.logs(spec.name, tail=LOG_TAIL))
        target.remove(spec.name)
        ctx.log("The replicas were removed. What served before goes on serving.")
    except (RunFailure, DomainError, OSError) as second:
        # The failure that counts is the first; what is left is cleared away when it is heard of.
        ctx.log(f"The replicas could not be removed yet: {second}", stream="err")


def _sentence(deployment: Deployment) -> str:
    if deployment.state == DeploymentState.RETIRED:
        return f"{deployment.version} was archived meanwhile and is retired."
    if deployment.traffic:
        return f"{deployment.version} has all the traffic of {deployment.endpoint} now."
    return f"{deployment.version} serves without traffic: a later decision has it."


def _replicas(number: int) -> str:
    return "1 replica" if number == 1 else f"{number} replicas"


@contextmanager
def _in_words() -> Iterator[None]:
    """Refusals of other apps as failures of the run."""
    try:
        yield
    except DomainError as refusal:
        raise RunFailure(
            f"deployments.platform.{refusal.code.replace('_', '-')}",
            refusal.message,
            "Mend what the sentence names, then retry the deployment.",
        ) from refusal
