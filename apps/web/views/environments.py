"""Environments: where things run, and what runs there."""

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_safe

from apps.audit.queries import activity_of
from apps.core.pages import answer
from apps.deployments import policies as deployment_policies
from apps.deployments.states import DeploymentState
from apps.projects.queries import is_auditor, without_hidden
from apps.stages import policies
from apps.web import activity
from apps.web.views.deployments import for_list

PAGE = 25
RECENT = 12


@login_required
@require_safe
def environments(request: HttpRequest) -> HttpResponse:
    mine = deployment_policies.deployments.visible_to(request.user)
    found = (
        policies.environments.visible_to(request.user)
        .annotate(
            serving=Count(
                "endpoints__deployments",
                filter=Q(
                    endpoints__deployments__state=DeploymentState.SERVING,
                    endpoints__deployments__in=mine.values("pk"),
                ),
                distinct=True,
            )
        )
        .prefetch_related("stages")
    )
    context = {
        "section": "environments",
        "environments": found,
        "admin_url": reverse("admin:stages_environment_add")
        if request.user.has_perm("stages.add_environment")
        else "",
    }
    return answer(request, "web/environments.html", context)


@login_required
@require_safe
def environment(request: HttpRequest, slug: str) -> HttpResponse:
    user = request.user
    found = get_object_or_404(policies.environments.visible_to(user), slug=slug)
    visible = deployment_policies.deployments.visible_to(user).filter(endpoint__environment=found)
    page = Paginator(for_list(visible), PAGE).get_page(request.GET.get("page"))
    stages = policies.stages.visible_to(user).filter(environment=found)
    # Events of an environment name models of all projects, so they are not for everybody.
    may_see_all = is_auditor(user) or policies.environments.allows(user, "change", found)  # type: ignore[arg-type]
    context = {
        "section": "environments",
        "environment": found,
        "stages": stages.select_related("project").prefetch_related("required_roles"),
        "endpoints": deployment_policies.endpoints.visible_to(user)
        .filter(environment=found)
        .select_related("project", "model"),
        "page": page,
        "options": sorted(found.options.items()) if isinstance(found.options, dict) else [],
        "admin_url": reverse("admin:stages_environment_change", args=[found.pk])
        if user.has_perm("stages.change_environment")
        else "",
        "activity": activity.told(
            without_hidden(activity_of(found), user).select_related("seal")[:RECENT]
        )
        if may_see_all
        else [],
        "shows_activity": may_see_all,
    }
    return answer(request, "web/environment.html", context)
