"""What the platform's people look at: messages that are stuck, runs that go on, workers."""

from datetime import timedelta

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from apps.audit.services import record
from apps.core.pages import answer
from apps.outbox import services
from apps.outbox.models import MessageState, OutboxMessage
from apps.runs.models import Run, WorkerBeat
from apps.runs.states import UNFINISHED, RunState

PAGE = 25
MOST_RUNS = 50
AWAY_AFTER = timedelta(minutes=2)


def require_staff(request: HttpRequest) -> None:
    """For others the page does not exist."""
    if not (request.user.is_staff and request.user.is_active):
        raise Http404("There is no such page.")


@login_required
@require_safe
def operations(request: HttpRequest) -> HttpResponse:
    require_staff(request)
    now = timezone.now()
    stuck = OutboxMessage.objects.filter(state=MessageState.STUCK).order_by("-pk")
    waiting = OutboxMessage.objects.filter(state=MessageState.WAITING)
    oldest = waiting.order_by("created_at").first()
    lost_before = now - timedelta(seconds=settings.MLGOV_LEASE_SECONDS)
    unfinished = Run.objects.filter(state__in=UNFINISHED).select_related("requested_by")
    context = {
        "section": "admin",
        "page": Paginator(stuck, PAGE).get_page(request.GET.get("page")),
        "waiting": waiting.count(),
        "oldest": oldest,
        "runs": [
            {
                "run": run,
                "is_silent": run.state == RunState.RUNNING
                and (run.heartbeat_at is None or run.heartbeat_at < lost_before),
            }
            for run in unfinished.order_by("pk")[:MOST_RUNS]
        ],
        "run_count": unfinished.count(),
        "workers": [
            {"beat": beat, "is_away": beat.at < now - AWAY_AFTER}
            for beat in WorkerBeat.objects.order_by("name")
        ],
    }
    return answer(request, "web/operations.html", context, fragments={"live": "live"})


@login_required
@require_POST
def retry_message(request: HttpRequest, pk: int) -> HttpResponse:
    require_staff(request)
    message = get_object_or_404(OutboxMessage, pk=pk)
    with transaction.atomic():
        services.retry(message)
        record(actor=request.user, action="message.retry", obj=message)
    messages.success(request, f"“{message}” is delivered again within seconds.")
    return redirect("web:operations")
