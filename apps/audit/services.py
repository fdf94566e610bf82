"""Writing the trail, sealing it, and checking the seals."""

import hashlib
import json
import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.db import connection, models, transaction
from django.utils import timezone

from apps.audit.models import AuditEvent, AuditLink, Seal
from apps.core.context import current
from apps.core.digests import canonical_json

log = logging.getLogger(__name__)
GENESIS = "0" * 64
SEALING = 6_021_955  # any number, as long as nothing else locks it
SEAL_BATCH = 2_000


def record(
    *,
    actor: Any,
    action: str,
    obj: models.Model,
    also: Iterable[models.Model] = (),
    project: models.Model | None = None,
    reason: str = "",
    data: dict[str, Any] | None = None,
) -> AuditEvent:
    """Add an event to the trail, in the transaction of the write that it tells of.

    `actor` is a user, or None for mlgov itself. `also` are further objects whose activity shows
    the event. `project` decides which project's auditors see it.
    """
    context = current()
    project_id = project.pk if project is not None else None
    if context.limits is not None:
        context.limits.require_write(action, project_id)
    data = dict(data or {})
    if context.token:
        data["token"] = context.token
    linked = {(o._meta.label_lower, str(o.pk)) for o in (obj, *also)}
    if project is not None:
        linked.add((project._meta.label_lower, str(project.pk)))
    event = AuditEvent(
        at=timezone.now(),
        actor_id=getattr(actor, "pk", None),
        actor_name=str(actor) if actor is not None else "mlgov",
        action=action,
        object_type=obj._meta.label_lower,
        object_id=str(obj.pk),
        object_name=str(obj)[:300],
        project_id=project_id,
        reason=reason,
        data=data,
        request_id=context.request_id,
        ip=context.ip,
        via=context.via,
    )
    if connection.vendor == "postgresql":
        _add_at_once(event, sorted(linked))
    else:
        event.save(force_insert=True)
        AuditLink.objects.bulk_create(
            AuditLink(event=event, object_type=kind, object_id=pk) for kind, pk in sorted(linked)
        )
    return event


# Every write is recorded, so that it is one statement.
ADD = """
WITH event AS (
    INSERT INTO audit_auditevent (at, actor_id, actor_name, action, object_type, object_id,
        object_name, project_id, reason, data, request_id, ip, via)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s::jsonb, %s, %s, %s) RETURNING id
), links AS (
    INSERT INTO audit_auditlink (event_id, object_type, object_id)
    SELECT event.id, linked.kind, linked.pk
    FROM event, unnest(%s::text[], %s::text[]) AS linked(kind, pk)
)
SELECT id FROM event
"""


def _add_at_once(event: AuditEvent, linked: list[tuple[str, str]]) -> None:
    with connection.preparing_cursor() as cursor:  # type: ignore[attr-defined] # of our backend
        cursor.execute(
            ADD,
            [
                event.at,
                event.actor_id,
                event.actor_name,
                event.action,
                event.object_type,
                event.object_id,
                event.object_name,
                event.project_id,
                event.reason,
                json.dumps(event.data),
                event.request_id,
                event.ip,
                event.via,
                [kind for kind, _ in linked],
                [pk for _, pk in linked],
            ],
        )
        event.pk = cursor.fetchone()[0]
    event._state.adding = False


def digest_of_event(event: AuditEvent, previous: str) -> str:
    content = {
        "id": event.pk,
        "at": event.at.isoformat(),
        "actor": [event.actor_id, event.actor_name],
        "action": event.action,
        "object": [event.object_type, event.object_id, event.object_name],
        "project": event.project_id,
        "reason": event.reason,
        "data": event.data,
        "from": [event.request_id, event.ip, event.via],
        "links": sorted([link.object_type, link.object_id] for link in event.links.all()),
        "previous": previous,
    }
    return hashlib.sha256(canonical_json(content)).hexdigest()


@transaction.atomic
def seal() -> int:
    """Seal what is not sealed yet, in the order in which it became visible. Returns how many.

    Asynchronous, so that no two writers wait for each other at the head of the chain.
    """
    _take_turns()
    head = Seal.objects.order_by("-id").first()
    previous = head.digest if head else GENESIS
    events = (
        AuditEvent.objects.filter(seal=None).order_by("id").prefetch_related("links")[:SEAL_BATCH]
    )
    seals = []
    for event in events:
        digest = digest_of_event(event, previous)
        seals.append(Seal(event=event, previous=previous, digest=digest))
        previous = digest
    Seal.objects.bulk_create(seals)
    if seals:
        # The head leaves the database with the log: who rewrites the chain cannot rewrite that.
        log.info("the audit trail is sealed up to event %s: %s", seals[-1].event_id, previous)
    return len(seals)


def _take_turns() -> None:
    """Two sealers at once would both go on from the same head, and the chain would fork.

    Not a lock on the head's row: there is none at first, and whoever waited for it would go on
    from a head that is not the head any more. SQLite's writers take turns by themselves.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [SEALING])


@dataclass(frozen=True)
class Verification:
    """Result of walking the chain. `broken_at` is the id of the first event that does not fit."""

    sealed: int
    unsealed: int
    head: str
    broken_at: int | None


def verify() -> Verification:
    """Walk the chain from its beginning to the first link that does not fit."""
    previous, sealed, broken_at = GENESIS, 0, None
    for seals in _batches(Seal.objects.order_by("id")):
        events = AuditEvent.objects.prefetch_related("links").in_bulk(
            [link.event_id for link in seals]
        )
        for link in seals:
            event = events.get(link.event_id)
            if (
                event is None
                or link.previous != previous
                or link.digest != digest_of_event(event, previous)
            ):
                broken_at = link.event_id
                break
            previous = link.digest
            sealed += 1
        if broken_at is not None:
            break
    return Verification(
        sealed=sealed,
        unsealed=AuditEvent.objects.filter(seal=None).count(),
        head=previous,
        broken_at=broken_at,
    )


def _batches(seals: models.QuerySet[Seal]) -> Iterator[list[Seal]]:
    last = 0
    while batch := list(seals.filter(pk__gt=last)[:SEAL_BATCH]):
        yield batch
        last = batch[-1].pk
