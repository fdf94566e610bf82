"""Projects with what they hold: models, members, stages."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.accounts.models import About
from apps.audit.queries import activity_of
from apps.core.errors import DomainError
from apps.core.pages import answer, put_on_form
from apps.projects import policies, services
from apps.projects.forms import DescribeForm
from apps.projects.models import Project
from apps.projects.queries import without_hidden
from apps.projects.views import project_or_404
from apps.registry import rules
from apps.stages import queries as stage_queries
from apps.stages import services as stage_services
from apps.stages.models import Stage, StageOverride
from apps.web import activity, queries
from apps.web.attributes import panel
from apps.web.forms import OverrideForm, PrefixForm, RuleForm

PAGE = 25
RECENT = 12
MOST_MODELS = 50


@login_required
@require_safe
def projects(request: HttpRequest) -> HttpResponse:
    user: Any = request.user
    page = Paginator(queries.projects_for_list(user), PAGE).get_page(request.GET.get("page"))
    listed = list(page)
    counts = queries.models_counted(listed, user)
    context = {
        "section": "projects",
        "page": page,
        "rows": [(found, counts.get(found.pk, 0)) for found in listed],
    }
    return answer(request, "projects/list.html", context)


@login_required
@require_safe
def project(request: HttpRequest, slug: str) -> HttpResponse:
    user: Any = request.user
    found = project_or_404(user, slug)
    models = queries.models_for_list(user).filter(project=found)
    context = {
        "section": "projects",
        "project": found,
        "models": models[:MOST_MODELS],
        "model_count": models.count(),
        "most_models": MOST_MODELS,
        "memberships": found.memberships.select_related("user").prefetch_related("reviewer_roles"),
        "policies": effective_policies(found),
        "attributes": panel(
            user,
            found,
            about=About.PROJECT,
            manages=policies.projects.allows(user, "manage_project", found),
            url=reverse("projects:attributes", args=[slug]),
        ),
        "activity": activity.told(
            without_hidden(activity_of(found), user).select_related("seal")[:RECENT]
        ),
    }
    return answer(request, "projects/detail.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def settings(request: HttpRequest, slug: str) -> HttpResponse:
    """Name and description; a POST changes them. The stages have their own addresses."""
    user: Any = request.user
    found = project_or_404(user, slug)
    policies.projects.require(user, "manage_project", found)
    posted = request.method == "POST"
    form = DescribeForm(request.POST if posted else None, initial=_described(found))
    refusal = None
    if posted and form.is_valid():
        try:
            services.describe_project(found, **form.cleaned_data, by=user)
            messages.success(request, "Saved.")
            return redirect("projects:settings", slug)
        except DomainError as error:
            refusal = error
            put_on_form(form, error)
    context = settings_page(user, found, form=form)
    return answer(
        request, "projects/settings.html", context, refusal=refusal, status=422 if posted else 200
    )


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def override(request: HttpRequest, slug: str, stage: int) -> HttpResponse:
    """Ask more of the project's versions than a stage does everywhere."""
    user: Any = request.user
    found = project_or_404(user, slug)
    policies.projects.require(user, "override_stages", found)
    wanted = get_object_or_404(Stage, pk=stage, project=None)
    existing = StageOverride.objects.filter(project=found, stage=wanted).first()
    initial = {
        "approvals_required": existing.approvals_required if existing else None,
        "extra_roles": existing.extra_roles.all() if existing else [],
    }
    posted = request.method == "POST"
    form = OverrideForm(request.POST if posted else None, initial=initial)
    form.fields[
        "approvals_required"
    ].help_text = f"{wanted} asks for {wanted.approvals_required} everywhere. Empty: the same here."
    refusal = None
    if posted and form.is_valid():
        try:
            stage_services.override_stage(found, wanted, **form.cleaned_data, by=user)
            messages.success(request, f"{wanted} asks more of versions of this project now.")
            return redirect("projects:settings", slug)
        except DomainError as error:
            refusal = error
            put_on_form(form, error)
    context = {
        "section": "projects",
        "project": found,
        "stage": wanted,
        "required_roles": wanted.required_roles.all(),
        "override": existing,
        "form": form,
    }
    return answer(
        request, "projects/override.html", context, refusal=refusal, status=422 if posted else 200
    )


@login_required
@require_POST
def override_reset(request: HttpRequest, slug: str, stage: int) -> HttpResponse:
    user: Any = request.user
    found = project_or_404(user, slug)
    policies.projects.require(user, "override_stages", found)
    existing = get_object_or_404(
        StageOverride.objects.select_related("stage", "project"), project=found, stage=stage
    )
    stage_services.remove_override(existing, by=user)
    messages.success(request, f"{existing.stage} asks of this project what it asks everywhere.")
    return redirect("projects:settings", slug)


def settings_page(user: Any, found: Project, **forms: Any) -> dict[str, Any]:
    """What the page shows; `forms` are those that were posted just now."""
    return {
        "section": "projects",
        "project": found,
        "form": DescribeForm(initial=_described(found)),
        "prefixes": found.name_prefixes.all(),
        "prefix_form": PrefixForm(auto_id="id_prefix_%s"),
        "rules": [{"rule": rule, "who": rules.who(rule)} for rule in rules.rules_of(found)],
        "rule_form": RuleForm(auto_id="id_rule_%s"),
        "policies": effective_policies(found),
        "may_override": policies.projects.allows(user, "override_stages", found),
        **forms,
    }


def _described(found: Project) -> dict[str, Any]:
    return {field: getattr(found, field) for field in services.DESCRIBED}


def effective_policies(found: Project) -> list[dict[str, Any]]:
    """What each stage asks of versions of the project, and where each value comes from."""
    overridden = set(StageOverride.objects.filter(project=found).values_list("stage", flat=True))
    return [
        {
            "stage": stage,
            "policy": stage_queries.policy_for(stage, found),
            "is_overridden": stage.pk in overridden,
        }
        for stage in stage_queries.stages_of(found)
    ]
