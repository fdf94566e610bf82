"""What waits for the person: reviews and notifications."""

from dataclasses import dataclass
from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import get_script_prefix, reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST, require_safe

from apps.core.pages import answer
from apps.notifications import queries as notification_queries
from apps.notifications import services as notification_services
from apps.reviews import queries as review_queries
from apps.reviews.models import ReviewRequest
from apps.reviews.states import VerdictKind

PAGE = 25
EMPTY = {
    "waiting": (
        "Nothing waits for you",
        "Reviews that somebody asks you for appear here, and in a mail. Enjoy the quiet.",
    ),
    "yours": (
        "You have asked for no review",
        "To bring a version to a stage, open its model card and press Request review.",
    ),
    "done": (
        "Nothing is done yet",
        "Reviews that you decided on, and requests of yours that are over, appear here.",
    ),
}


@dataclass(frozen=True)
class Row:
    """A review as a line of the inbox."""

    review: ReviewRequest
    url: str
    title: str
    ask: str
    approvals: int
    needed: int

    @property
    def note(self) -> str:
        first = self.review.note.strip().splitlines()[0] if self.review.note.strip() else ""
        return first if len(first) <= 140 else first[:139].rstrip() + "…"


def row_of(review: ReviewRequest, *, show: str) -> Row:
    # From what was prefetched: a list must not ask once per row. A stale verdict is marked so.
    approvals = sum(
        verdict.kind == VerdictKind.APPROVE and not verdict.stale
        for verdict in review.verdicts.all()
        if not verdict.superseded
    )
    ask = {"waiting": "Approve for", "yours": "You asked for"}.get(show, "Asked for")
    return Row(
        review=review,
        url=reverse("reviews:detail", args=[review.pk]),
        title=str(review.version),
        ask=ask,
        approvals=approvals,
        needed=review_queries.policy_of(review).approvals_needed,
    )


@login_required
@require_safe
def inbox(request: HttpRequest) -> HttpResponse:
    user: Any = request.user
    lists = {
        "waiting": review_queries.waiting_for(user),
        "yours": review_queries.requested_by(user),
        "done": review_queries.done_by(user),
    }
    show = request.GET.get("show", "waiting")
    show = show if show in lists else "waiting"
    page = Paginator(lists[show], PAGE).get_page(request.GET.get("page"))
    counts = {
        key: page.paginator.count if key == show else found.count() for key, found in lists.items()
    }
    title, text = EMPTY[show]
    context = {
        "section": "inbox",
        "show": show,
        "filters": [
            ("waiting", "Waiting for you", "inbox", counts["waiting"]),
            ("yours", "Yours", "send", counts["yours"]),
            ("done", "Done", "circle-check", counts["done"]),
        ],
        "page": page,
        "rows": [row_of(review, show=show) for review in page],
        "empty_title": title,
        "empty_text": text,
    }
    return answer(request, "web/inbox.html", context)


@login_required
@require_safe
def notifications(request: HttpRequest) -> HttpResponse:
    user: Any = request.user
    found = notification_queries.notifications_of(user)
    page = Paginator(found, PAGE).get_page(request.GET.get("page"))
    return answer(request, "web/notifications.html", {"page": page, "section": "notifications"})


@login_required
@require_safe
def notification(request: HttpRequest, pk: int) -> HttpResponse:
    """Lead to what the notification is about; having looked is having read."""
    user: Any = request.user
    found = get_object_or_404(notification_queries.notifications_of(user), pk=pk)
    notification_services.mark_read(user, notification=found)
    here = url_has_allowed_host_and_scheme(found.path, allowed_hosts=None)
    if not here:
        return redirect("web:notifications")
    return redirect(f"{get_script_prefix().rstrip('/')}{found.path}")


@login_required
@require_POST
def mark_read(request: HttpRequest, pk: int | None = None) -> HttpResponse:
    """Mark one notification as read, or all."""
    user: Any = request.user
    chosen = None
    if pk is not None:
        chosen = get_object_or_404(notification_queries.notifications_of(user), pk=pk)
    notification_services.mark_read(user, notification=chosen)
    return redirect("web:notifications")
