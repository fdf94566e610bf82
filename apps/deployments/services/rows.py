"""Locking, and what every write notes.

Rows are locked in one order: version, endpoint, deployment. `no_key`, because rows that refer to
them are written by others meanwhile.
"""

from typing import Any

from apps.accounts.models import User
from apps.audit.services import record
from apps.deployments.models import Deployment, Endpoint


def lock_endpoint(pk: int) -> Endpoint:
    return (
        Endpoint.objects.select_for_update(of=("self",), no_key=True)
        .select_related("environment", "project", "model")
        .defer("environment__registry_password")
        .get(pk=pk)
    )


def lock(deployment: Deployment) -> Deployment:
    """The deployment with its endpoint, both locked."""
    endpoint = lock_endpoint(deployment.endpoint_id)
    locked = (
        Deployment.objects.select_for_update(of=("self",), no_key=True)
        .select_related("version__model__project", "move__to_stage", "move__by", "image", "build")
        .get(pk=deployment.pk)
    )
    locked.endpoint = endpoint
    return locked


def note(
    deployment: Deployment,
    action: str,
    *,
    actor: User | None,
    reason: str = "",
    **data: Any,
) -> None:
    """Add to the audit trail of the deployment, its endpoint, version, model and environment."""
    endpoint = deployment.endpoint
    record(
        actor=actor,
        action=action,
        obj=deployment,
        also=[endpoint, endpoint.environment, deployment.version, deployment.version.model],
        project=endpoint.project,
        reason=reason,
        data={
            "environment": endpoint.environment.slug,
            "review": deployment.move.review_id,
            "artifact_digest": deployment.move.artifact_digest,
            **data,
        },
    )
