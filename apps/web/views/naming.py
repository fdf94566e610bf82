"""On the settings of a project: names that it keeps, and labels that not everybody may set."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from apps.core.errors import DomainError
from apps.core.pages import answer, put_on_form
from apps.projects import policies
from apps.projects.models import Project
from apps.projects.views import project_or_404
from apps.registry import services
from apps.web.forms import PrefixForm, RuleForm
from apps.web.views.projects import settings_page


@login_required
@require_POST
def prefix_new(request: HttpRequest, slug: str) -> HttpResponse:
    form = PrefixForm(request.POST, auto_id="id_prefix_%s")
    return _add(request, slug, form, "prefix_form", services.reserve_prefix, "It is kept now.")


@login_required
@require_POST
def prefix_remove(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    project = _governed(request, slug)
    services.release_prefix(
        get_object_or_404(project.name_prefixes.select_related("project"), pk=pk),
        by=request.user,  # type: ignore[arg-type]
    )
    messages.success(request, "Everybody can take names that begin so now.")
    return redirect("projects:settings", slug)


@login_required
@require_POST
def rule_new(request: HttpRequest, slug: str) -> HttpResponse:
    form = RuleForm(request.POST, auto_id="id_rule_%s")
    return _add(request, slug, form, "rule_form", services.add_rule, "The rule holds now.")


@login_required
@require_POST
def rule_remove(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    project = _governed(request, slug)
    services.remove_rule(
        get_object_or_404(project.label_rules.select_related("project"), pk=pk),
        by=request.user,  # type: ignore[arg-type]
    )
    messages.success(request, "The rule holds no longer.")
    return redirect("projects:settings", slug)


def _add(
    request: HttpRequest,
    slug: str,
    form: Form,
    form_name: str,
    service: Callable[..., Any],
    done: str,
) -> HttpResponse:
    user: Any = request.user
    project = _governed(request, slug)
    refusal = None
    if form.is_valid():
        try:
            service(project, **form.cleaned_data, by=user)
            messages.success(request, done)
            return redirect("projects:settings", slug)
        except DomainError as error:
            refusal = error
            put_on_form(form, error)
    context = settings_page(user, project, **{form_name: form})
    return answer(request, "projects/settings.html", context, refusal=refusal, status=422)


def _governed(request: HttpRequest, slug: str) -> Project:
    project = project_or_404(request.user, slug)
    policies.projects.require(request.user, "manage_project", project)
    return project
