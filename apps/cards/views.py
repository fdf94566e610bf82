"""Writing on a model card, and reading what it said before."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_http_methods, require_safe

from apps.cards import diffs, services
from apps.cards.forms import CardForm
from apps.cards.models import CardRevision
from apps.cards.rendering import to_html
from apps.core.errors import DomainError
from apps.core.pages import answer, put_on_form
from apps.registry import policies
from apps.registry.models import ModelVersion


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, name: str, number: int) -> HttpResponse:
    """The form; with `preview` it shows what the text will look like and saves nothing."""
    user: Any = request.user
    version = version_or_404(user, name, number)
    policies.versions.require(user, "edit_card", version)
    # A version that was registered a second ago may not have its first revision yet.
    services.open_card(version)
    current = _newest(version)
    if request.method != "POST":
        form = CardForm(
            initial={"description": current.description, "base_revision": current.number}
        )
        return answer(request, "cards/edit.html", _page(version, current, form))
    form = CardForm(request.POST)
    refusal: DomainError | None = None
    context: dict[str, Any] = {}
    if form.is_valid() and "preview" in request.POST:
        context["preview"] = to_html(form.cleaned_data["description"])
    elif form.is_valid():
        try:
            services.edit_card(version, **form.cleaned_data, by=user)
            messages.success(request, "The card is saved.")
            return redirect("web:card", name, number)
        except DomainError as error:
            refusal = error
            put_on_form(form, error)
            if error.code == "edited_meanwhile":
                context |= _conflict(version, form)
    context = _page(version, current, form) | context
    status = 200 if "preview" in context else 422
    return answer(
        request,
        "cards/edit.html",
        context,
        fragments={"preview"},
        refusal=refusal,
        status=status,
    )


@login_required
@require_safe
def revisions(request: HttpRequest, name: str, number: int) -> HttpResponse:
    version = version_or_404(request.user, name, number)
    found = version.card_revisions.select_related("author").order_by("-number")
    context = {"section": "models", "version": version, "model": version.model, "revisions": found}
    return answer(request, "cards/revisions.html", context)


@login_required
@require_safe
def revision(request: HttpRequest, name: str, number: int, revision: int) -> HttpResponse:
    """One revision, and what it changed of the one before, or of `?from=<number>`."""
    version = version_or_404(request.user, name, number)
    known = version.card_revisions.select_related("author")
    found = get_object_or_404(known, number=revision)
    since = request.GET.get("from", "")
    base_number = int(since) if since.isascii() and since.isdigit() and len(since) < 9 else 0
    base = known.filter(number=base_number or revision - 1).first()
    context = {
        "section": "models",
        "version": version,
        "model": version.model,
        "revision": found,
        "base": base,
        "lines": diffs.lines_between(base.description, found.description) if base else [],
        "description": to_html(found.description),
        "newest": _newest(version),
    }
    return answer(request, "cards/revision.html", context)


def version_or_404(user: Any, name: str, number: int) -> ModelVersion:
    visible = policies.versions.visible_to(user).select_related("model__project", "registered_by")
    return get_object_or_404(visible, model__name=name, number=number, deleted_at=None)


def _newest(version: ModelVersion) -> CardRevision:
    return version.card_revisions.select_related("author").order_by("-number")[0]


def _page(version: ModelVersion, current: CardRevision, form: CardForm) -> dict[str, Any]:
    return {
        "section": "models",
        "version": version,
        "model": version.model,
        "current": current,
        "form": form,
    }


def _conflict(version: ModelVersion, form: CardForm) -> dict[str, Any]:
    """The text stays; saving again builds on the revision that is shown as different now."""
    newest = _newest(version)
    base = version.card_revisions.filter(number=form.cleaned_data["base_revision"]).first()
    typed: Any = form.data
    form.data = typed = typed.copy()
    typed["base_revision"] = str(newest.number)
    before = base.description if base else ""
    return {
        "current": newest,
        "conflict": diffs.lines_between(before, newest.description),
    }
