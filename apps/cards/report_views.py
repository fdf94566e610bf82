"""Reports of the user's own code on the card: picked, shown, and never trusted.

What such a file says stays in a frame or a picture. A frame has an origin of its own and a policy
that lets it load nothing; its scripts run only after somebody asked for that.
"""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core import signing
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.template.loader import render_to_string
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_http_methods, require_safe

from apps.cards import sections
from apps.cards.models import ReportFile
from apps.cards.reports import places, services, tables
from apps.cards.reports.kinds import ReportKind, text_of
from apps.cards.views import version_or_404
from apps.core.errors import DomainError, NotFound
from apps.core.pages import answer
from apps.registry import policies
from apps.registry.models import ModelVersion

SECTION = "evaluation"  # of the card, that reports stand in
PICTURES, FRAMES, FILES = "picture", "frame", "file"
SALT = "scripts-of-a-report"
# Long enough to load the page that was asked for, too short to be passed on.
SECONDS = 60
_NOTHING = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
_LOOKS = "img-src data:; font-src data:; media-src data:; style-src 'unsafe-inline'"
# What a picture or a download is opened with, should somebody go there directly.
STILL = f"sandbox; {_NOTHING}; style-src 'unsafe-inline'"
FRAME = f"sandbox; {_NOTHING}; {_LOOKS}"
# Plotly and its like compile functions, and draw to addresses of their own making.
RUNNING = (
    f"sandbox allow-scripts; {_NOTHING}; {_LOOKS} blob:; script-src 'unsafe-inline' 'unsafe-eval'; "
    "connect-src 'none'; worker-src 'none'; frame-src 'none'; object-src 'none'"
)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def reports(request: HttpRequest, name: str, number: int) -> HttpResponse:
    """The files of the version and of its run, of which some can be put on the card."""
    user: Any = request.user
    version = version_or_404(user, name, number)
    policies.versions.require(user, "edit_card", version)
    sections.require_editable(user, version, [SECTION])
    refusal: DomainError | None = None
    if request.method == "POST":
        try:
            services.add(version, by=user, keys=request.POST.getlist("file"))
            messages.success(request, "The card shows what you chose.")
            response = redirect("web:card", name, number)
            response["Location"] += "#card-evaluation"
            return response
        except DomainError as error:
            refusal = error
    context = {
        **_frame(version),
        **_offered(version, user),
        "chosen": request.POST.getlist("file"),
        "refusal": refusal,
    }
    return answer(request, "cards/report_files.html", context, refusal=refusal)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def report(request: HttpRequest, name: str, number: int, pk: int) -> HttpResponse:
    """One report; posting runs its scripts, or looks at the run again, for this answer only."""
    user: Any = request.user
    version, file = _file_or_404(user, name, number, pk)
    ticket, comparison = "", None
    if request.POST.get("do") == "run" and _has_scripts(file):
        ticket = signing.dumps([user.pk, file.pk], salt=SALT)
    elif request.POST.get("do") == "compare":
        comparison = services.compared(file, by=user)
    trouble, content = None, None
    try:
        content = _content(file)
    except DomainError as refusal:
        trouble = refusal
    context = {
        **_frame(version),
        "file": file,
        "ticket": ticket,
        "has_scripts": _has_scripts(file) and not ticket,
        "content": content,
        "trouble": trouble,
        "comparison": comparison,
    }
    fragments = {f"report-{file.pk}": "shown"}
    return answer(request, "cards/report.html", context, fragments=fragments)


@login_required
@require_safe
def report_content(
    request: HttpRequest, name: str, number: int, pk: int, form: str
) -> HttpResponseBase:
    """The bytes: for a frame or a picture of our own page, or to save."""
    _, file = _file_or_404(request.user, name, number, pk)
    if form == PICTURES and file.media_type:
        response = _bytes(file, file.media_type, STILL)
    elif form == FRAMES and file.kind == ReportKind.HTML:
        ticket = request.GET.get("run", "")
        # Alone in a window it could pass for a page of mlgov. Browsers say where it is shown, to
        # hosts that they trust; scripts run only where they said so.
        shown_in = request.headers.get("Sec-Fetch-Dest", "" if ticket else "iframe")
        if shown_in != "iframe":
            return redirect("cards:report", name, number, pk)
        if ticket:
            _require_ticket(ticket, request.user, file)
        response = _bytes(file, "text/html; charset=utf-8", RUNNING if ticket else FRAME)
        # Everything else that opens a connection, in browsers that know it: WebRTC above all,
        # which no Content-Security-Policy speaks of.
        response["Connection-Allowlist"] = "()"
        response["X-DNS-Prefetch-Control"] = "off"
        response["X-Frame-Options"] = "SAMEORIGIN"
    elif form == FILES:
        response = _bytes(file, "application/octet-stream", STILL)
    else:
        raise NotFound("This report is not shown like that.")
    if form != FRAMES:
        # Pictures ignore it in a page, and are saved where somebody opens them by themselves.
        wanted = content_disposition_header(True, file.name)
        response["Content-Disposition"] = wanted or "attachment"
    response["X-Content-Type-Options"] = "nosniff"
    response["Cross-Origin-Resource-Policy"] = "same-origin"
    response["Referrer-Policy"] = "no-referrer"
    response["Cache-Control"] = "private, no-store"
    return response


def _bytes(file: ReportFile, media_type: str, policy: str) -> HttpResponseBase:
    response: HttpResponseBase
    try:
        response = FileResponse(services.opened(file), content_type=media_type)
    except services.Altered as refusal:
        if media_type == "application/octet-stream":
            raise
        # Where the report was to be seen, its place says what became of it.
        is_frame = not file.media_type
        template = "cards/altered.html" if is_frame else "cards/altered.svg"
        media_type = "text/html; charset=utf-8" if is_frame else "image/svg+xml"
        text = render_to_string(template, {"message": refusal.message})
        response = HttpResponse(text, content_type=media_type, status=409)
    response["Content-Security-Policy"] = policy
    return response


def _content(file: ReportFile) -> tables.Content | None:
    """What a table or a text says; None for what is shown as it is, which is only checked."""
    with services.opened(file) as stored:
        if not file.is_table:
            return None
        beginning = stored.read(tables.LONGEST)
        is_whole = file.size <= len(beginning)
        text = text_of(beginning, is_whole=is_whole)
        return tables.read(ReportKind(file.kind), text, is_whole=is_whole)


def _has_scripts(file: ReportFile) -> bool:
    return file.kind == ReportKind.HTML and bool(settings.CONFIGURATION.report_scripts)


def _require_ticket(ticket: str, user: Any, file: ReportFile) -> None:
    try:
        given = signing.loads(ticket, salt=SALT, max_age=SECONDS)
    except signing.BadSignature:
        given = None
    if given != [user.pk, file.pk] or not _has_scripts(file):
        raise NotFound("The scripts of a report run only when you ask for it on its page.")


def _offered(version: ModelVersion, user: Any) -> dict[str, Any]:
    """What can be picked, and why the files of the run are not among it, where they are not."""
    trouble, listing = "", places.Listing([])
    try:
        places.require_run_seen(version, user)
        listing = places.in_run(version)
    except NotFound:
        trouble = (
            "This version was registered without a run, the run was deleted, or its experiment is "
            "not one of yours."
        )
    except DomainError as refusal:
        trouble = refusal.message
    on_card = set(version.report_files.values_list("origin", "path"))
    groups = [
        ("Files of the run", listing.files),
        ("Files of the version", places.among_artifacts(version)),
    ]
    return {
        "groups": [
            (title, [(file, (file.origin, file.path) in on_card) for file in files])
            for title, files in groups
        ],
        "trouble": trouble,
        "is_whole": listing.is_whole,
        "largest": services.LARGEST,
        "most": services.MOST_AT_ONCE,
    }


def _frame(version: ModelVersion) -> dict[str, Any]:
    return {"section": "models", "version": version, "model": version.model}


def _file_or_404(user: Any, name: str, number: int, pk: int) -> tuple[ModelVersion, ReportFile]:
    version = version_or_404(user, name, number)
    if SECTION in sections.hidden_sections(user, version):
        raise Http404
    found = version.report_files.select_related("added_by", "version__model__project")
    return version, get_object_or_404(found, pk=pk)
