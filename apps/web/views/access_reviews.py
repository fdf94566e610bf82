"""Who has access to a project, looked through and signed from time to time."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_http_methods, require_safe

from apps.access.models import AccessReview
from apps.core.digests import digest_of
from apps.core.errors import DomainError
from apps.core.pages import answer
from apps.projects import access_reviews
from apps.projects.access_tables import digest_of_table, table_of
from apps.projects.models import Project
from apps.projects.views import project_or_404
from apps.web.exports import csv_lines, download

COLUMNS = [
    "kind", "name", "shown", "access", "because", "since", "until", "given_by", "decision",
    "signed_by", "signed_at",
]  # fmt: skip
EARLIER = 20


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def access(request: HttpRequest, slug: str) -> HttpResponse:
    """The table as it is now, and the earlier reviews; a POST signs it."""
    user: Any = request.user
    project = _readable(request, slug)
    posted, refusal = request.method == "POST", None
    given = _decisions(request)
    remark = request.POST.get("remark", "")
    if posted:
        try:
            review = access_reviews.sign(
                project, decisions=given, seen=request.POST.get("seen", ""), remark=remark, by=user
            )
            messages.success(request, "Signed. What you took away is gone from now on.")
            return redirect("projects:access_review", slug, review.pk)
        except DomainError as error:
            refusal = error
    rows = table_of(project)
    earlier = list(access_reviews.reviews_of(project)[:EARLIER])
    last = earlier[0] if earlier else None
    context = {
        "section": "projects",
        "project": project,
        "rows": [
            {"row": row, "decision": given.get(row.key, ""), "is_self": row.holder == user}
            for row in rows
        ],
        "seen": digest_of_table(rows),
        "remark": remark,
        "refusal": refusal,
        "earlier": earlier,
        "last": last,
        "changes": access_reviews.differences(last, rows),
        "due_at": access_reviews.due_at(project),
        "is_due": access_reviews.overdue_days(project) is not None,
    }
    status = 422 if posted else 200
    return answer(request, "projects/access.html", context, refusal=refusal, status=status)


@login_required
@require_safe
def review(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """A review as it was signed."""
    project = _readable(request, slug)
    found = _review(project, pk)
    context = {
        "section": "projects",
        "project": project,
        "review": found,
        "is_intact": digest_of(found.document) == found.digest,
        "table": found.document["table"],
    }
    return answer(request, "projects/access_review.html", context)


@login_required
@require_safe
def export(request: HttpRequest, slug: str, pk: int, kind: str) -> HttpResponseBase:
    project = _readable(request, slug)
    found = _review(project, pk)
    name = f"mlgov-access-{project.slug}-{found.pk}"
    if kind == "csv":
        return _as_csv(found, name)
    signed = {
        "document": found.document,
        "digest": found.digest,
        "signed_by": found.signed_by.username,
        "signed_at": found.signed_at.isoformat(),
    }
    response = JsonResponse(signed, json_dumps_params={"indent": 2, "ensure_ascii": False})
    response["Content-Disposition"] = f'attachment; filename="{name}.json"'
    return response


def _as_csv(found: AccessReview, name: str) -> StreamingHttpResponse:
    signed = (found.signed_by.username, found.signed_at.isoformat())
    rows = (
        [
            row["kind"], row["name"], row["shown"], item["what"], item["kind"], item["since"],
            item["until"], item["given_by"], row["decision"], *signed,
        ]
        for row in found.document["table"]
        for item in row["access"]
    )  # fmt: skip
    return download(csv_lines(COLUMNS, rows), name)


def _readable(request: HttpRequest, slug: str) -> Project:
    user: Any = request.user
    project = project_or_404(user, slug)
    access_reviews.require_reader(user, project)
    return project


def _review(project: Project, pk: int) -> AccessReview:
    return get_object_or_404(access_reviews.reviews_of(project), pk=pk)


def _decisions(request: HttpRequest) -> dict[str, str]:
    prefix = "decision-"
    return {
        name.removeprefix(prefix): value
        for name, value in request.POST.items()
        if name.startswith(prefix) and isinstance(value, str)
    }
