"""Taking over the artifacts of a version: started, accepted, rejected, tried again."""

from collections.abc import Iterable
from typing import Any

from django.db import transaction
from django.utils import timezone

from apps.accounts.models import User
from apps.audit.services import record
from apps.core.errors import Conflict
from apps.outbox.services import publish
from apps.registry import policies, queries
from apps.registry.events import VersionReady, VersionRejected
from apps.registry.models import Artifact, Ingest, Lineage, ModelVersion
from apps.registry.services.locks import lock_version
from apps.registry.states import VERSION, VersionState
from apps.runs import services as runs
from apps.runs.failures import WORKER_LOST

KIND = "registry.ingest"
MOST_LOSSES = 5
READ_FROM_ARTIFACTS = (
    "flavors",
    "signature",
    "input_example",
    "requirements",
    "python_version",
    "mlflow_version",
    "model_uuid",
)


def start_ingest(version: ModelVersion, *, by: User | None, asked_for: str) -> Ingest:
    """Queue the run, in the transaction of whoever wants it."""
    run = runs.start(
        kind=KIND,
        title=f"Take over the artifacts of {version}",
        requested_by=by,
        asked_for=asked_for,
    )
    return Ingest.objects.create(version=version, run=run)


@transaction.atomic
def retry_ingest(version: ModelVersion, *, by: User) -> Ingest:
    """Try again to take over the artifacts of a version whose registration failed."""
    version = lock_version(version.pk)
    policies.versions.require(by, "retry", version)
    if version.deleted_at is not None:
        raise Conflict(f"{version} was deleted.")
    VERSION.apply(version, "retry")
    version.status_message = ""
    version.updated_at = timezone.now()
    version.save(update_fields=["state", "status_message", "updated_at"])
    record(
        actor=by,
        action="version.retry",
        obj=version,
        also=[version.model],
        project=version.model.project,
    )
    return start_ingest(version, by=by, asked_for="retry")


@transaction.atomic
def start_again(version: ModelVersion) -> Ingest | None:
    """After a worker was lost: a new run, unless the version is decided or one waits already."""
    version = lock_version(version.pk)
    latest = queries.latest_ingest(version)
    if version.state != VersionState.PENDING or latest is None or not latest.run.is_finished:
        return None
    if version.deleted_at is not None:
        return None
    if version.ingests.filter(run__error_code=WORKER_LOST).count() > MOST_LOSSES:
        reject_version(
            version,
            reason="The worker that took over the artifacts went silent again and again. "
            "Tell the platform's people; the registration can be retried.",
        )
        return None
    return start_ingest(version, by=latest.run.requested_by, asked_for=latest.run.asked_for)


@transaction.atomic
def accept_version(
    version: ModelVersion,
    *,
    digest: str,
    artifacts: Iterable[tuple[str, int, str]],
    facts: dict[str, Any],
    lineage: dict[str, Any],
) -> ModelVersion:
    """The artifacts lie in our store: record them and open the version. Twice changes nothing.

    `facts` are fields of the version that were read from the artifacts.
    """
    version = lock_version(version.pk)
    if version.state != VersionState.PENDING or version.deleted_at is not None:
        return version
    VERSION.apply(version, "accept")
    entries = list(artifacts)
    version.artifact_digest = digest
    version.artifact_bytes = sum(size for _, size, _ in entries)
    version.status_message = ""
    version.updated_at = timezone.now()
    for field, value in facts.items():
        setattr(version, field, value)
    version.save(
        update_fields=[
            "state",
            "artifact_digest",
            "artifact_bytes",
            "status_message",
            "updated_at",
            *facts,
        ]
    )
    version.artifacts.all().delete()
    Artifact.objects.bulk_create(
        Artifact(version=version, path=path, size=size, sha256=sha256)
        for path, size, sha256 in entries
    )
    Lineage.objects.update_or_create(
        version=version, defaults={"document": lineage, "read_at": timezone.now()}
    )
    record(
        actor=None,
        action="version.ready",
        obj=version,
        also=[version.model],
        project=version.model.project,
        data={"artifact_digest": digest, "files": len(entries), "bytes": version.artifact_bytes},
    )
    publish(VersionReady(version.pk))
    return version


def accept_copy(version: ModelVersion, origin: ModelVersion) -> ModelVersion:
    """Open a version whose bytes are those of another one, and lie in our store already."""
    lineage = Lineage.objects.filter(version=origin).first()
    return accept_version(
        version,
        digest=origin.artifact_digest,
        artifacts=list(origin.artifacts.values_list("path", "size", "sha256")),
        facts={field: getattr(origin, field) for field in READ_FROM_ARTIFACTS},
        lineage=lineage.document if lineage else {},
    )


@transaction.atomic
def reject_version(version: ModelVersion, *, reason: str) -> ModelVersion:
    """The artifacts cannot be taken over; MLflow's client shows the reason. Twice is harmless."""
    version = lock_version(version.pk)
    if version.state != VersionState.PENDING or version.deleted_at is not None:
        return version
    VERSION.apply(version, "reject")
    version.status_message = reason
    version.updated_at = timezone.now()
    version.save(update_fields=["state", "status_message", "updated_at"])
    record(
        actor=None,
        action="version.reject",
        obj=version,
        also=[version.model],
        project=version.model.project,
        reason=reason,
    )
    publish(VersionRejected(version.pk))
    return version
