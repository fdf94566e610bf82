"""The pages of the discussion of a version."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from apps.cards import catalogues, policies, queries
from apps.cards import comments as services
from apps.cards.forms import CommentForm
from apps.cards.models import VersionComment
from apps.cards.pages import discussion
from apps.cards.views import version_or_404
from apps.core.errors import DomainError
from apps.core.pages import answer, put_on_form
from apps.registry import policies as registry_policies
from apps.registry.models import ModelVersion


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def comments(request: HttpRequest, name: str, number: int) -> HttpResponse:
    """Everything that was said about a version, and a form to say more."""
    user: Any = request.user
    version = version_or_404(user, name, number)
    if request.method != "POST":
        fields = catalogues.written(queries.current_card(version)).fields
        about = fields.get(request.GET.get("field", ""))
        asked = CommentForm(
            initial={"pointer": about.pointer if about else ""}, auto_id="id_comment_%s"
        )
        context = _page(version, about=about, **discussion(version, user, form=asked))
        return answer(request, "cards/comments.html", context)
    registry_policies.versions.require(user, "comment", version)
    form = CommentForm(request.POST, auto_id="id_comment_%s")
    refusal: DomainError | None = None
    if form.is_valid():
        try:
            services.add_comment(version, by=user, **form.cleaned_data)
            return _back(version)
        except DomainError as error:
            refusal = error
            put_on_form(form, error)
    context = _page(version, **discussion(version, user, form=form))
    return answer(request, "cards/comments.html", context, refusal=refusal, status=422)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def comment(request: HttpRequest, name: str, number: int, pk: int) -> HttpResponse:
    """Say it in other words."""
    user: Any = request.user
    version = version_or_404(user, name, number)
    found = _comment_or_404(user, version, pk)
    policies.comments.require(user, "edit", found)
    refusal: DomainError | None = None
    form = CommentForm(request.POST or None, initial={"text": found.text})
    if request.method == "POST" and form.is_valid():
        try:
            services.edit_comment(found, by=user, text=form.cleaned_data["text"])
            return _back(version)
        except DomainError as error:
            refusal = error
            put_on_form(form, error)
    status = 422 if request.method == "POST" else 200
    context = _page(version, comment=found, form=form)
    return answer(request, "cards/comment.html", context, refusal=refusal, status=status)


@login_required
@require_POST
def delete(request: HttpRequest, name: str, number: int, pk: int) -> HttpResponse:
    user: Any = request.user
    version = version_or_404(user, name, number)
    services.delete_comment(_comment_or_404(user, version, pk), by=user)
    messages.success(request, "The comment is deleted.")
    return _back(version)


def _comment_or_404(user: Any, version: ModelVersion, pk: int) -> VersionComment:
    visible = policies.comments.visible_to(user).select_related("by")
    return get_object_or_404(visible, version=version, pk=pk)


def _back(version: ModelVersion) -> HttpResponse:
    return redirect(reverse("web:card", args=[version.model.name, version.number]) + "#discussion")


def _page(version: ModelVersion, **further: Any) -> dict[str, Any]:
    return {"section": "models", "version": version, "model": version.model, **further}
