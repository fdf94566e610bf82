"""Replicas as they are: written down, brought back, cleared away."""

import logging
from collections.abc import Iterable
from datetime import timedelta
from uuid import uuid4

from django.core.cache import cache
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from apps.core.errors import DomainError
from apps.deployments import queries
from apps.deployments.models import Deployment, Replica, ReplicaState, Rollout
from apps.deployments.services.rows import lock, note
from apps.deployments.specs import spec_of, target_for
from apps.deployments.states import DeploymentState
from apps.deployments.targets.base import DeploymentTarget, ReplicaStatus
from apps.deployments.targets.base import ReplicaState as SeenState
from apps.runs.failures import RunFailure

log = logging.getLogger(__name__)
LOCK = "deployments.reconcile"
# Longer than any reconciliation, shorter than people wait after a worker was killed in one.
LOCK_SECONDS = 120
# A replica that ends again and again is brought back once in this time; one that was removed, as
# by a restart of the machine, at once.
HEAL_EVERY = 60
NOTE_SIGHT_AFTER = timedelta(minutes=1)
# Read when it is needed: a credential that cannot be decrypted stops nothing that serves.
PASSWORD = "endpoint__environment__registry_password"
REFUSALS = (RunFailure, DomainError, OSError)
ENDED = (DeploymentState.RETIRED, DeploymentState.FAILED)


@transaction.atomic
def note_replicas(deployment: Deployment, seen: Iterable[ReplicaStatus]) -> None:
    """Make the rows match what was seen; rows that match already are left alone."""
    now = timezone.now()
    rows = {row.index: row for row in Replica.objects.filter(deployment=deployment)}
    by_index = {status.index: status for status in seen}
    for status in by_index.values():
        facts = {
            "target_id": status.id,
            "address": status.address,
            "state": str(status.state),
            "detail": status.detail,
            "restarts": status.restarts,
        }
        row = rows.get(status.index)
        if row is None or row.seen_at < now - NOTE_SIGHT_AFTER or _differs(row, facts):
            Replica.objects.update_or_create(
                deployment=deployment, index=status.index, defaults={**facts, "seen_at": now}
            )
    for index, row in rows.items():
        if index in by_index:
            continue
        if index >= deployment.replicas:
            row.delete()
        elif row.state != ReplicaState.MISSING:
            row.state, row.detail = ReplicaState.MISSING, "It is not on the target."
            row.save(update_fields=["state", "detail"])


def _differs(row: Replica, facts: dict[str, object]) -> bool:
    return any(getattr(row, name) != value for name, value in facts.items())


def clear(deployment_id: int) -> None:
    """Remove what a failed or retired deployment left on its target. Talks to the target."""
    deployment = (
        Deployment.objects.select_related("endpoint__environment").filter(pk=deployment_id).first()
    )
    if deployment is None or not _is_over(deployment):
        return
    target_for(deployment.endpoint.environment).remove(deployment.service_name)
    with transaction.atomic():
        if _is_over(lock(deployment)):
            Replica.objects.filter(deployment=deployment).delete()


def _is_over(deployment: Deployment) -> bool:
    return deployment.state in ENDED and queries.unfinished_rollout(deployment) is None


def reconcile() -> int:
    """Compare what serves with what should, and mend it. Returns how many deployments were mended.

    Called every few seconds; of two calls at the same time one does nothing.
    """
    token = uuid4().hex
    if not cache.add(LOCK, token, timeout=LOCK_SECONDS):
        return 0
    try:
        return _reconcile()
    finally:
        if cache.get(LOCK) == token:
            cache.delete(LOCK)


def _reconcile() -> int:
    unfinished = Rollout.objects.filter(deployment=OuterRef("pk"), finished_at=None)
    serving = (
        Deployment.objects.filter(~Exists(unfinished), state=DeploymentState.SERVING)
        .select_related(
            "endpoint__environment",
            "endpoint__project",
            "version__model__project",
            "move",
            "image__environment_image",
        )
        .defer(PASSWORD)
        .order_by("endpoint__environment_id", "pk")
    )
    unreachable: set[int] = set()
    mended = 0
    for deployment in serving:
        environment = deployment.endpoint.environment
        if environment.pk in unreachable:
            continue
        try:
            target = target_for(environment)
            seen = target.observe(deployment.service_name)
        except REFUSALS as error:
            # What serves may well go on serving: nobody can see it, that is all.
            log.warning("the target of %s does not answer: %s", environment, error)
            unreachable.add(environment.pk)
            continue
        try:
            mended += _mend(deployment, target, seen)
        except REFUSALS as error:
            log.warning("%s cannot be brought back: %s", deployment, error)
    left = Deployment.objects.filter(state__in=ENDED, copies__isnull=False).distinct()
    for deployment in left.select_related("endpoint__environment"):
        try:
            clear(deployment.pk)
        except REFUSALS as error:
            log.warning("%s cannot be cleared away: %s", deployment, error)
    return mended


def _mend(deployment: Deployment, target: DeploymentTarget, before: list[ReplicaStatus]) -> bool:
    lacking = _lacking(deployment, before)
    if not lacking or (_has_ended(before) and not _is_due(deployment)):
        note_replicas(deployment, before)
        return False
    after = target.apply(spec_of(deployment))
    changed = _what_runs(after) != _what_runs(before)
    with transaction.atomic():
        current = lock(deployment)
        still = current.state == DeploymentState.SERVING
        if still:
            note_replicas(deployment, after)
        if still and changed:
            note(current, "deployment.heal", actor=None, replicas=lacking)
    if not still:
        # It was retired while we looked; its clearing may have come before our mending.
        clear(deployment.pk)
    return bool(still and changed)


def _has_ended(seen: Iterable[ReplicaStatus]) -> bool:
    return any(status.state == SeenState.EXITED for status in seen)


def _is_due(deployment: Deployment) -> bool:
    return bool(cache.add(f"deployments.heal.{deployment.pk}", 1, timeout=HEAL_EVERY))


def _what_runs(seen: Iterable[ReplicaStatus]) -> set[tuple[int, str]]:
    return {(status.index, status.id) for status in seen if not status.is_final}


def _lacking(deployment: Deployment, seen: Iterable[ReplicaStatus]) -> dict[str, str]:
    """Why which replicas have to be brought back, by index."""
    by_index = {status.index: status for status in seen}
    lacking = {}
    for index in range(deployment.replicas):
        status = by_index.get(index)
        if status is None:
            lacking[str(index)] = "it is not there"
        elif status.is_final:
            lacking[str(index)] = status.detail or str(status.state)
    return lacking
