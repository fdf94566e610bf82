"""The audit trail: filtered, read page by page, exported."""

import json
from collections.abc import Iterator
from typing import Any

from django.contrib.auth.decorators import login_required
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from apps.audit.models import AuditEvent, Seal
from apps.core.pages import answer
from apps.projects.queries import events_visible_to
from apps.web import activity
from apps.web.exports import csv_lines, download
from apps.web.forms import AuditFilter
from apps.web.objects import page_of

PAGE = 50
CHUNK = 500
LARGEST_ID = 2**63 - 1
COLUMNS = [
    "id", "at", "actor_id", "actor", "action", "object_type", "object_id", "object", "project_id",
    "reason", "data", "request_id", "ip", "via", "seal",
]  # fmt: skip


@login_required
@require_safe
def audit(request: HttpRequest) -> HttpResponse:
    form = AuditFilter(request.GET or None, user=request.user)
    found = filtered(events_visible_to(request.user), form)  # type: ignore[arg-type]
    before = request.GET.get("before", "")
    if before.isascii() and before.isdigit() and int(before) <= LARGEST_ID:
        found = found.filter(pk__lt=int(before))
    # By key, not by number: the trail grows at the top while it is read.
    events = list(found.select_related("seal").order_by("-pk")[: PAGE + 1])
    older = events[PAGE - 1].pk if len(events) > PAGE else None
    kept: dict[str, Any] = {
        key: value for key, value in request.GET.items() if value and key != "before"
    }
    context = {
        "section": "audit",
        "form": form,
        "events": [activity.tell(event) for event in events[:PAGE]],
        "older_url": f"?{urlencode({**kept, 'before': older})}" if older else "",
        "newest_url": f"?{urlencode(kept)}" if before else "",
        "exports": [
            (label, f"{reverse('web:audit_export', args=[kind])}?{urlencode(kept)}")
            for kind, label in (("csv", "CSV"), ("jsonl", "JSON lines"))
        ],
        "is_filtered": bool(kept),
    }
    return answer(request, "web/audit.html", context)


@login_required
@require_safe
def audit_event(request: HttpRequest, pk: int) -> HttpResponse:
    """One event, with everything that was recorded."""
    event = get_object_or_404(events_visible_to(request.user).select_related("seal"), pk=pk)  # type: ignore[arg-type]
    context = {
        "section": "audit",
        "event": event,
        "told": activity.tell(event),
        "data": json.dumps(event.data, indent=2, ensure_ascii=False, sort_keys=True),
    }
    return answer(request, "web/audit_event.html", context)


@login_required
@require_safe
def audit_export(request: HttpRequest, kind: str) -> StreamingHttpResponse:
    form = AuditFilter(request.GET or None, user=request.user)
    found = filtered(events_visible_to(request.user), form)  # type: ignore[arg-type]
    events = found.select_related("seal").order_by("pk")
    lines = as_csv(events) if kind == "csv" else as_json_lines(events)
    return download(lines, "mlgov-audit", kind=kind)


def filtered(events: QuerySet[AuditEvent], form: AuditFilter) -> QuerySet[AuditEvent]:
    if not form.is_bound:
        return events
    if not form.is_valid():
        return events.none()
    wanted = form.cleaned_data
    if project := wanted["project"]:
        events = events.filter(project_id=project.pk)
    if person := wanted["person"].strip():
        events = events.filter(actor_name__icontains=person)
    if action := wanted["action"].strip():
        events = events.filter(action__startswith=action)
    if since := wanted["since"]:
        events = events.filter(at__date__gte=since)
    if until := wanted["until"]:
        events = events.filter(at__date__lte=until)
    if text := wanted["q"].strip():
        events = events.filter(
            Q(object_name__icontains=text) | Q(reason__icontains=text) | Q(request_id=text)
        )
    return events


def as_csv(events: QuerySet[AuditEvent]) -> Iterator[str]:
    return csv_lines(COLUMNS, map(_row, events.iterator(chunk_size=CHUNK)))


def _row(event: AuditEvent) -> list[Any]:
    values = _values(event)
    values["data"] = json.dumps(values["data"], ensure_ascii=False, sort_keys=True)
    return [values[column] for column in COLUMNS]


def as_json_lines(events: QuerySet[AuditEvent]) -> Iterator[str]:
    for event in events.iterator(chunk_size=CHUNK):
        yield json.dumps(_values(event), ensure_ascii=False) + "\n"


def _values(event: AuditEvent) -> dict[str, Any]:
    seal = event.seal if _is_sealed(event) else None
    return {
        "id": event.pk,
        "at": event.at.isoformat(),
        "actor_id": event.actor_id,
        "actor": event.actor_name,
        "action": event.action,
        "object_type": event.object_type,
        "object_id": event.object_id,
        "object": event.object_name,
        "project_id": event.project_id,
        "reason": event.reason,
        "data": event.data,
        "request_id": event.request_id,
        "ip": event.ip,
        "via": event.via,
        "seal": seal.digest if seal else None,
    }


def _is_sealed(event: AuditEvent) -> bool:
    try:
        return bool(event.seal)
    except Seal.DoesNotExist:
        return False


@login_required
@require_safe
def object_page(request: HttpRequest, kind: str, pk: str) -> HttpResponse:
    """Lead from an event to the page of what it is about."""
    url = page_of(kind, pk, user=request.user)
    if url is None:
        raise Http404("It is gone, or not for you.")
    return redirect(url)
