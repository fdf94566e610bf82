"""Where the models of a project may come from: its tracking server, and its stores."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST, require_safe

from apps.core.errors import DomainError
from apps.core.pages import answer, put_on_form
from apps.projects import policies
from apps.projects.models import Project
from apps.projects.views import project_or_404
from apps.tracking import places, services, upstream
from apps.tracking.models import StoreAccess, TrackingAccess
from apps.web.forms import StoreForm, TrackingForm

TEMPLATE = "projects/sources.html"


@login_required
@require_safe
def sources(request: HttpRequest, slug: str) -> HttpResponse:
    return answer(request, TEMPLATE, _page(_managed(request, slug)))


@login_required
@require_POST
def tracking(request: HttpRequest, slug: str) -> HttpResponse:
    form = TrackingForm(request.POST, auto_id="id_tracking_%s")
    done = "Models of this project are read there from now on."
    return _change(request, slug, form, "tracking_form", services.set_tracking_access, done)


@login_required
@require_POST
def tracking_reset(request: HttpRequest, slug: str) -> HttpResponse:
    user: Any = request.user
    services.remove_tracking_access(_managed(request, slug), by=user)
    messages.success(request, "Models are read on mlgov's own tracking server again.")
    return redirect("projects:sources", slug)


@login_required
@require_POST
def tracking_check(request: HttpRequest, slug: str) -> HttpResponse:
    project = _managed(request, slug)
    return _checked(request, slug, lambda: upstream.client_for(project).check())


@login_required
@require_POST
def store_new(request: HttpRequest, slug: str) -> HttpResponse:
    form = StoreForm(request.POST, auto_id="id_store_%s")
    done = "Models of this project may lie there from now on."
    return _change(request, slug, form, "store_form", services.set_store_access, done)


@login_required
@require_POST
def store_remove(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    user: Any = request.user
    services.remove_store_access(_access(request, slug, pk), by=user)
    messages.success(request, "Nothing more is registered from there. What is registered stays.")
    return redirect("projects:sources", slug)


@login_required
@require_POST
def store_check(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    access = _access(request, slug, pk)
    return _checked(request, slug, lambda: places.check(access.store, access.project))


def _checked(request: HttpRequest, slug: str, ask: Callable[[], None]) -> HttpResponse:
    try:
        ask()
    except DomainError as refusal:
        messages.error(request, refusal.message)
    else:
        messages.success(request, "It answers, and shows what it holds.")
    return redirect("projects:sources", slug)


def _change(
    request: HttpRequest,
    slug: str,
    form: Form,
    form_name: str,
    service: Callable[..., Any],
    done: str,
) -> HttpResponse:
    user: Any = request.user
    project = _managed(request, slug)
    refusal = None
    if form.is_valid():
        try:
            service(project, **form.cleaned_data, by=user)
            messages.success(request, done)
            return redirect("projects:sources", slug)
        except DomainError as error:
            refusal = error
            put_on_form(form, error)
    context = _page(project, **{form_name: form})
    return answer(request, TEMPLATE, context, refusal=refusal, status=422)


def _managed(request: HttpRequest, slug: str) -> Project:
    user: Any = request.user
    project = project_or_404(user, slug)
    policies.projects.require(user, "manage_project", project)
    return project


def _access(request: HttpRequest, slug: str, pk: int) -> StoreAccess:
    project = _managed(request, slug)
    return get_object_or_404(
        StoreAccess.objects.select_related("store", "project"), pk=pk, project=project
    )


def _page(project: Project, **forms: Form) -> dict[str, Any]:
    access = TrackingAccess.objects.select_related("server").filter(project=project).first()
    initial = {"server": access.server, "username": access.username} if access else {}
    return {
        "section": "projects",
        "project": project,
        "access": access,
        "has_secret": bool(access and (access.password or access.token)),
        "stores": StoreAccess.objects.filter(project=project).select_related("store"),
        "tracking_form": TrackingForm(initial=initial, auto_id="id_tracking_%s"),
        "store_form": StoreForm(auto_id="id_store_%s"),
        **forms,
    }
