"""Fetching a card in other formats, and bringing one in."""

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import FileResponse, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.cards import exchange, queries, sections
from apps.cards.formats import registry
from apps.cards.models import CardRevision
from apps.cards.services import open_card
from apps.cards.views import version_or_404
from apps.core.errors import DomainError
from apps.core.pages import answer, asked_part, put_on_form
from apps.registry import policies
from apps.registry.models import ModelVersion
from apps.runs.states import RunState

LARGEST_IMPORT = 2 * 1024 * 1024


class ImportForm(forms.Form):
    format = forms.ChoiceField(
        choices=[(key, found.title) for key, found in registry.FORMATS.items() if found.read]
    )
    file = forms.FileField(
        help_text="Up to 2 MB. What it says waits on the card until somebody confirms it."
    )
    replace = forms.BooleanField(
        required=False,
        label="Also where the card says something already",
    )

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file.size > LARGEST_IMPORT:
            raise forms.ValidationError("The file is larger than 2 MB, which no card is.")
        return file


@login_required
@require_safe
def exports(request: HttpRequest, name: str, number: int) -> HttpResponse:
    """Every format, with what it cannot carry of this card."""
    user: Any = request.user
    version = version_or_404(user, name, number)
    revision = _opened(version, user)
    row = asked_part(request)
    key = row.removeprefix("format-")
    if key != row and key in registry.FORMATS:
        # Asked every two seconds while a worker writes one: the others are not written for that.
        context = {"version": version, "model": version.model, "row": _row(revision, key)}
        return answer(request, "cards/exports.html", context, fragments={row: "row"})
    form = ImportForm() if policies.versions.allows(user, "edit_card", version) else None
    return answer(request, "cards/exports.html", _page(user, version, revision, form))


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def export(request: HttpRequest, name: str, number: int, format: str) -> HttpResponseBase:
    """The newest revision as a file; posting lets a worker write it."""
    user: Any = request.user
    version = version_or_404(user, name, number)
    revision = _opened(version, user)
    if request.method == "POST":
        exchange.start_export(revision, format, by=user)
        return redirect("cards:exports", name, number)
    found = registry.named(format)
    response: HttpResponseBase
    if found.in_worker:
        file = exchange.file_of(revision, format)
        response = FileResponse(file, content_type=found.media_type)
    else:
        exported = exchange.export(revision, format)
        response = HttpResponse(exported.content, content_type=exported.media_type)
    wanted = content_disposition_header(True, exchange.file_name(revision, found.suffix))
    response["Content-Disposition"] = wanted or "attachment"
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "sandbox; default-src 'none'; style-src 'unsafe-inline'"
    return response


@login_required
@require_POST
def import_file(request: HttpRequest, name: str, number: int) -> HttpResponse:
    user: Any = request.user
    version = version_or_404(user, name, number)
    policies.versions.require(user, "edit_card", version)
    revision = _opened(version, user)
    form = ImportForm(request.POST, request.FILES)
    refusal: DomainError | None = None
    if form.is_valid():
        file = form.cleaned_data["file"]
        try:
            taken = exchange.import_card(
                version,
                by=user,
                key=form.cleaned_data["format"],
                content=file.read(),
                replace=form.cleaned_data["replace"],
                name=file.name or "",
            )
            messages.success(
                request,
                f"The file is read. {taken.waiting} fields wait on the card until somebody "
                "confirms them.",
            )
            for sentence in taken.refused.values():
                messages.warning(request, f"One section stays as it is. {sentence}")
            return redirect("web:card", name, number)
        except DomainError as error:
            refusal = error
            put_on_form(form, error)
    context = _page(user, version, revision, form)
    return answer(request, "cards/exports.html", context, refusal=refusal, status=422)


def _opened(version: ModelVersion, user: Any) -> CardRevision:
    open_card(version)
    return queries.card_for(version, user)


def _page(
    user: Any, version: ModelVersion, revision: CardRevision, form: ImportForm | None
) -> dict[str, Any]:
    return {
        "section": "models",
        "version": version,
        "model": version.model,
        "revision": revision,
        "withheld": sections.rights(user, version.model.project_id).told,
        "rows": [_row(revision, key) for key in registry.FORMATS],
        "form": form,
    }


def _row(revision: CardRevision, key: str) -> dict[str, Any]:
    """One format, with what it cannot carry of this revision, or how far the worker is."""
    found = registry.named(key)
    if not found.in_worker:
        exported = exchange.export(revision, key)
        return {
            "format": found,
            "is_written": True,
            "lost": exported.lost,
            "altered": exported.altered,
        }
    started = exchange.started(revision, key)
    return {
        "format": found,
        "started": started,
        "is_written": started is not None and bool(started.sha256),
        "is_failed": started is not None and started.run.state == RunState.FAILED,
        "is_running": started is not None and not started.run.is_finished,
    }
