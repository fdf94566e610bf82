"""Which programs are told what happens in a project, and whether they could be told."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.core.errors import DomainError
from apps.core.pages import answer, put_on_form
from apps.projects import policies as project_policies
from apps.projects.models import Project
from apps.projects.views import project_or_404
from apps.web.webhook_forms import ModelWebhookForm, ProjectWebhookForm, WebhookForm
from apps.webhooks import policies, queries, sending, services
from apps.webhooks.models import Dialect, RegistryWebhook, WebhookStatus

SHOWN_DELIVERIES = 20
# (model or project, the form's data, who) to the webhook.
Maker = Callable[..., RegistryWebhook]


def _of_project(project: Project, **given: Any) -> RegistryWebhook:
    return services.create_project_webhook(project, **given)


def _of_model(project: Project, **given: Any) -> RegistryWebhook:
    return services.create_webhook(given.pop("model"), **given)


KINDS: dict[str, tuple[type[Any], Maker]] = {
    Dialect.MLFLOW: (ProjectWebhookForm, _of_project),
    Dialect.DATABRICKS: (ModelWebhookForm, _of_model),
}


@login_required
@require_safe
def webhooks(request: HttpRequest, slug: str) -> HttpResponse:
    project = _managed(request, slug)
    context = {
        "section": "projects",
        "project": project,
        "rows": queries.with_last_delivery(policies.webhooks.of_project(request.user, project)),
        "are_sent": bool(settings.MLGOV_WEBHOOK_HOSTS),
    }
    return answer(request, "projects/webhooks.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest, slug: str, kind: str) -> HttpResponse:
    user: Any = request.user
    project = _managed(request, slug)
    if kind not in KINDS:
        raise Http404
    form_class, make = KINDS[kind]
    form = form_class(request.POST or None, project=project, is_new=True)
    context = {"section": "projects", "project": project, "form": form, "kind": Dialect(kind)}

    def save() -> HttpResponse:
        made = make(project, **form.cleaned_data, by=user)
        messages.success(request, "It is told from now on. Send a test to see whether it listens.")
        return redirect("projects:webhook", slug, made.pk)

    return _answer(request, form, context, save)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def webhook(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """What it is and what it was told; a POST changes it."""
    user: Any = request.user
    project = _managed(request, slug)
    found = _webhook(request, project, pk)
    form_class, _ = KINDS[found.dialect]
    names = ("name", "url", "events", "status", "description", "verify_tls")
    form = form_class(
        request.POST or None,
        initial={name: getattr(found, name) for name in names},
        project=project,
        is_new=False,
    )
    context = {
        "section": "projects",
        "project": project,
        "form": form,
        "kind": Dialect(found.dialect),
        "webhook": found,
        "deliveries": queries.deliveries_of(found)[:SHOWN_DELIVERIES],
    }

    def save() -> HttpResponse:
        services.edit_webhook(found, by=user, **form.changes)
        messages.success(request, "The webhook is changed.")
        return redirect("projects:webhook", slug, pk)

    return _answer(request, form, context, save)


@login_required
@require_POST
def webhook_test(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    user: Any = request.user
    found = _webhook(request, _managed(request, slug), pk)
    try:
        said = services.try_webhook(found, by=user)
    except sending.NotDelivered as failure:
        messages.error(request, f"The test did not arrive: {failure}")
    except DomainError as refusal:
        messages.error(request, refusal.message)
    else:
        tell = messages.success if said.is_good else messages.error
        tell(request, f"The test was answered with {said.status}.")
    return redirect("projects:webhook", slug, pk)


@login_required
@require_POST
def webhook_switch(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Disable what is active, and let everything else hear again."""
    user: Any = request.user
    found = _webhook(request, _managed(request, slug), pk)
    is_active = found.status == WebhookStatus.ACTIVE
    status = WebhookStatus.DISABLED if is_active else WebhookStatus.ACTIVE
    try:
        services.edit_webhook(found, by=user, status=status)
    except DomainError as refusal:
        messages.error(request, refusal.message)
    else:
        done = "It is told nothing any more." if is_active else "It is told from now on."
        messages.success(request, done)
    return redirect("projects:webhooks", slug)


@login_required
@require_POST
def webhook_delete(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    user: Any = request.user
    services.delete_webhook(_webhook(request, _managed(request, slug), pk), by=user)
    messages.success(request, "The webhook is deleted, with what it was told.")
    return redirect("projects:webhooks", slug)


def _answer(
    request: HttpRequest,
    form: WebhookForm,
    context: dict[str, Any],
    save: Callable[[], HttpResponse],
) -> HttpResponse:
    refusal = None
    if request.method == "POST" and form.is_valid():
        try:
            return save()
        except DomainError as error:
            refusal = error
            put_on_form(form, error)
    status = 422 if request.method == "POST" else 200
    return answer(request, "projects/webhook.html", context, refusal=refusal, status=status)


def _managed(request: HttpRequest, slug: str) -> Project:
    user: Any = request.user
    project = project_or_404(user, slug)
    project_policies.projects.require(user, "manage_webhooks", project)
    return project


def _webhook(request: HttpRequest, project: Project, pk: int) -> RegistryWebhook:
    return get_object_or_404(policies.webhooks.of_project(request.user, project), pk=pk)
