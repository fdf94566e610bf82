"""Attributes of a project, a model and a version: a page for whoever may set one of them."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from apps.accounts.attributes import declared_for, may_set
from apps.accounts.models import About
from apps.core.errors import DomainError, NotPermitted
from apps.core.pages import answer, put_on_form
from apps.projects import policies as project_policies
from apps.projects import services as project_services
from apps.projects.views import project_or_404
from apps.registry import policies as registry_policies
from apps.registry import services as registry_services
from apps.web.attributes import AttributesForm, shown
from apps.web.views.card import version_or_404
from apps.web.views.models import model_or_404

NOBODY = "Administrators have declared no attribute that you may set here."


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def of_project(request: HttpRequest, slug: str) -> HttpResponse:
    found = project_or_404(request.user, slug)
    return _page(
        request,
        found,
        about=About.PROJECT,
        policy=project_policies.projects,
        save=project_services.set_attributes,
        back=reverse("projects:detail", args=[slug]),
        context={"section": "projects", "project": found},
    )


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def of_model(request: HttpRequest, name: str) -> HttpResponse:
    found = model_or_404(request.user, name)
    return _page(
        request,
        found,
        about=About.MODEL,
        policy=registry_policies.models,
        save=registry_services.set_model_attributes,
        back=reverse("web:model", args=[name]),
        context={"section": "models", "project": found.project},
    )


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def of_version(request: HttpRequest, name: str, number: int) -> HttpResponse:
    found = version_or_404(request.user, name, number)
    return _page(
        request,
        found,
        about=About.VERSION,
        policy=registry_policies.versions,
        save=registry_services.set_version_attributes,
        back=reverse("web:card", args=[name, number]),
        context={"section": "models", "project": found.project},
    )


def _page(
    request: HttpRequest,
    obj: Any,
    *,
    about: str,
    policy: Any,
    save: Callable[..., Any],
    back: str,
    context: dict[str, Any],
) -> HttpResponse:
    user: Any = request.user
    manages = policy.allows(user, "manage_project", obj)
    settable = [a for a in declared_for(about) if may_set(user, a, manages=manages)]
    if not settable and not (manages or user.is_superuser):
        raise NotPermitted(NOBODY)
    posted = request.method == "POST"
    form = AttributesForm(
        request.POST if posted else None, declarations=settable, held=obj.attributes
    )
    refusal = None
    if posted and form.is_valid():
        try:
            save(obj, changes=form.changes(), by=user)
            messages.success(request, "Saved.")
            return redirect(back)
        except DomainError as error:
            refusal = error
            put_on_form(form, error)
    names = {attribute.name for attribute in settable}
    context |= {
        "object": obj,
        "about": about,
        "back": back,
        "form": form if settable else None,
        "others": [row for row in shown(obj.attributes) if row[0] not in names],
    }
    return answer(
        request, "web/attributes.html", context, refusal=refusal, status=422 if posted else 200
    )
