"""Registered models: the list, and each with its versions."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_safe

from apps.accounts.models import About
from apps.audit.models import AuditEvent
from apps.audit.queries import activity_of
from apps.core.pages import answer
from apps.deployments import policies as deployment_policies
from apps.deployments.models import Deployment
from apps.deployments.states import DeploymentState
from apps.projects.queries import without_hidden
from apps.registry import policies
from apps.registry.models import ModelVersion, RegisteredModel
from apps.reviews.models import ReviewRequest
from apps.reviews.states import UNDECIDED
from apps.web import activity, queries
from apps.web.attributes import panel
from apps.web.forms import ModelFilter

PAGE = 25
RECENT = 12


@login_required
@require_safe
def models(request: HttpRequest) -> HttpResponse:
    form = ModelFilter(request.GET or None, user=request.user)
    found = queries.models_for_list(request.user)
    if form.is_valid():
        if name := form.cleaned_data["q"]:
            found = found.filter(name__icontains=name)
        if project := form.cleaned_data["project"]:
            found = found.filter(project=project)
    page = Paginator(found, PAGE).get_page(request.GET.get("page"))
    context = {
        "section": "models",
        "form": form,
        "page": page,
        "is_filtered": form.is_bound and any(request.GET.get(key) for key in ("q", "project")),
    }
    return answer(request, "web/models.html", context, fragments={"models"})


@login_required
@require_safe
def model(request: HttpRequest, name: str) -> HttpResponse:
    found = model_or_404(request.user, name)
    page = Paginator(versions_for_table(found, request.user), PAGE).get_page(
        request.GET.get("page")
    )
    versions = list(page)
    names = queries.key_metrics(versions)
    context = {
        "section": "models",
        "model": found,
        "page": page,
        "rows": [_row(version, names) for version in versions],
        "metric_names": names,
        "aliases": found.aliases.filter(version__in=policies.versions_within(request.user))
        .select_related("version")
        .order_by("name"),
        "tags": found.tags.order_by("key"),
        "attributes": panel(
            request.user,
            found,
            about=About.MODEL,
            manages=policies.models.allows(request.user, "manage_project", found),
            url=reverse("web:model_attributes", args=[name]),
        ),
        "deployments": _serving(found, request.user),
        "activity": activity.told(_activity(found, request.user)[:RECENT]),
    }
    return answer(request, "web/model.html", context)


@login_required
@require_safe
def model_activity(request: HttpRequest, name: str) -> HttpResponse:
    found = model_or_404(request.user, name)
    page = Paginator(_activity(found, request.user), 50).get_page(request.GET.get("page"))
    context = {
        "section": "models",
        "model": found,
        "page": page,
        "activity": [activity.tell(event) for event in page],
    }
    return answer(request, "web/model_activity.html", context)


def model_or_404(user: Any, name: str) -> RegisteredModel:
    visible = policies.models.visible_to(user).select_related("project", "created_by")
    return get_object_or_404(visible, name=name)


def _activity(model: RegisteredModel, user: Any) -> QuerySet[AuditEvent]:
    return without_hidden(activity_of(model), user).select_related("seal")


def versions_for_table(model: RegisteredModel, user: Any) -> QuerySet[ModelVersion]:
    serving = Deployment.objects.filter(version=OuterRef("pk"), state=DeploymentState.SERVING)
    under_review = ReviewRequest.objects.filter(version=OuterRef("pk"), state__in=UNDECIDED)
    return (
        policies.versions_within(user)
        .filter(model=model)
        .select_related("placement__stage", "registered_by", "lineage", "model")
        .prefetch_related("aliases")
        .annotate(is_serving=Exists(serving), is_under_review=Exists(under_review))
        .order_by("-number")
    )


def _row(version: ModelVersion, names: list[str]) -> dict[str, Any]:
    metrics = queries.metrics_of(version)
    return {"version": version, "metrics": [(name, metrics.get(name)) for name in names]}


def _serving(model: RegisteredModel, user: Any) -> QuerySet[Deployment]:
    return (
        deployment_policies.deployments.visible_to(user)
        .filter(endpoint__model=model)
        .exclude(state=DeploymentState.RETIRED)
        .select_related("endpoint__project", "endpoint__environment", "version__model")
        .order_by("endpoint__environment__order", "-traffic", "-pk")
    )
