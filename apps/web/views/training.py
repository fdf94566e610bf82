"""A training run: what it was given, what came of it, and its files."""

import re
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.http import content_disposition_header
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_safe

from apps.accounts import services as accounts
from apps.cards.rendering import to_html
from apps.cards.reports.kinds import picture_type, text_of
from apps.core.errors import DomainError, NotFound, TooLarge
from apps.core.pages import answer
from apps.tracking import training as reads
from apps.web import training
from apps.web.training import Training

CURVES = 12
MOST_PAIRS = 200
MOST_ROWS = 500
LONGEST_TEXT = 64 * 1024
LARGEST_IMAGE = 5 * 1024 * 1024
NOTE = "mlflow.note.content"
# What the host of MLflow's pages sends along: the digest of a secret of the browser.
BROWSER = re.compile(r"[0-9a-f]{64}", re.ASCII)
SANDBOX = "sandbox; default-src 'none'; frame-ancestors 'none'"


@login_required
@require_safe
def run(request: HttpRequest, run_id: str) -> HttpResponse:
    user: Any = request.user
    found = training.training_run(run_id, user=user)
    find = request.GET.get("find", "").strip()[:200]
    page = Paginator(training.metrics(found, find=find), CURVES).get_page(request.GET.get("page"))
    parameters = training.pairs(found, "parameters", find=find)
    tags = [(key, value) for key, value in training.pairs(found, "tags", find=find) if key != NOTE]
    note = str((found.document.get("tags") or {}).get(NOTE) or "")
    context = {
        **_frame(found),
        "find": find,
        "page": page,
        "curves": training.curves(found, page),
        "metric_count": len(training.metrics(found)),
        "parameters": parameters[:MOST_PAIRS],
        "parameter_count": len(found.document.get("parameters") or {}),
        "parameters_left_out": max(0, len(parameters) - MOST_PAIRS),
        "tags": tags[:MOST_PAIRS],
        "note": to_html(note) if note else "",
        "data_sets": training.data_sets(found),
        "logged_models": training.logged_models(found, user=user),
        **_listing(found, "", ""),
    }
    return answer(request, "web/training_run.html", context)


@login_required
@require_safe
def metric(request: HttpRequest, run_id: str) -> HttpResponse:
    """One metric, larger, and its values as a table."""
    found = training.training_run(run_id, user=request.user)
    name = request.GET.get("name", "")
    last = dict(training.metrics(found)).get(name)
    if last is None:
        raise NotFound("The run has no metric of this name.")
    curve = training.curve(found, name, last)
    page = Paginator(curve.points, MOST_ROWS).get_page(request.GET.get("page"))
    context = {**_frame(found), "curve": curve, "page": page}
    return answer(request, "web/training_metric.html", context)


@login_required
@require_safe
def artifacts(request: HttpRequest, run_id: str) -> HttpResponse:
    """One folder of the run's artifacts; htmx puts it in place of the one that is shown."""
    found = training.training_run(run_id, user=request.user)
    listing = _listing(found, *_asked(request))
    if isinstance(listing["trouble"], NotFound):
        raise listing["trouble"]
    context = {**_frame(found), **listing}
    return answer(request, "web/training_artifacts.html", context, fragments={"listing"})


@login_required
@require_safe
def file(request: HttpRequest, run_id: str) -> HttpResponse:
    """The beginning of a file as text, or a picture."""
    found = training.training_run(run_id, user=request.user)
    model_id, path = _asked(request)
    with_ends = _opened(found, model_id, path)
    content, is_whole = with_ends.beginning(LONGEST_TEXT)
    kind = picture_type(content)
    context = {
        **_frame(found),
        "model_id": model_id,
        "path": path,
        "crumbs": _crumbs(path),
        "is_image": bool(kind),
        "text": "" if kind else text_of(content, is_whole=is_whole),
        "is_whole": is_whole,
        "size": len(content),
    }
    return answer(request, "web/training_file.html", context)


@login_required
@require_GET
def raw(request: HttpRequest, run_id: str) -> HttpResponseBase:
    """The bytes of a file, to save; with `?show=image` a picture, for our own page alone."""
    found = training.training_run(run_id, user=request.user)
    model_id, path = _asked(request)
    opened = _opened(found, model_id, path)
    response: HttpResponseBase
    if request.GET.get("show") == "image":
        content, is_whole = opened.beginning(LARGEST_IMAGE)
        kind = picture_type(content)
        if not kind:
            raise NotFound("This file is no picture that mlgov shows. Download it instead.")
        if not is_whole:
            raise TooLarge("This picture is too large to be shown here. Download it instead.")
        response = HttpResponse(content, content_type=kind)
    else:
        response = StreamingHttpResponse(opened, content_type="application/octet-stream")
        name = path.rpartition("/")[2]
        response["Content-Disposition"] = content_disposition_header(True, name) or "attachment"
    # What people uploaded is never a page, a script or a style of ours.
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = SANDBOX
    response["Cross-Origin-Resource-Policy"] = "same-origin"
    response["Cache-Control"] = "private, no-store"
    return response


def _frame(found: Training) -> dict[str, Any]:
    return {"section": "projects" if found.client else "models", "training": found}


def _asked(request: HttpRequest) -> tuple[str, str]:
    """The logged model and the path that the address names."""
    return request.GET.get("model", ""), request.GET.get("path", "").strip("/")


def _opened(found: Training, model_id: str, path: str) -> reads.Opened:
    if not path:
        raise NotFound("There is no such file.")
    client, root = training.files_of(found, model_id=model_id)
    return reads.Opened(client, root, path)


def _listing(found: Training, model_id: str, path: str) -> dict[str, Any]:
    folder, trouble = None, None
    try:
        client, root = training.files_of(found, model_id=model_id)
        folder = reads.folder(client, root, path)
    except DomainError as refusal:
        trouble = refusal
    return {
        "model_id": model_id,
        "path": path,
        "crumbs": _crumbs(path),
        "folder": folder,
        "trouble": trouble,
    }


def _crumbs(path: str) -> list[tuple[str, str]]:
    """Each folder on the way, with its path."""
    parts = path.split("/") if path else []
    return [(part, "/".join(parts[: number + 1])) for number, part in enumerate(parts)]


@never_cache
@login_required
@require_GET
def mlflow_pages(request: HttpRequest) -> HttpResponse:
    """To MLflow's own pages, with a ticket where their host asks for one."""
    user: Any = request.user
    pages, browser = settings.MLGOV_MLFLOW_PAGES, request.GET.get("browser", "")
    if not pages:
        raise NotFound("MLflow's own pages are not switched on here.")
    if not BROWSER.fullmatch(browser):
        return HttpResponseRedirect(f"{pages}/")
    key = request.session.session_key or ""
    ticket = accounts.begin_sign_on(user, session_key=key, browser=browser)
    return HttpResponseRedirect(f"{pages}/sign-on?ticket={ticket}")
