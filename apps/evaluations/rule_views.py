"""On the pages of a project: rules that have its versions evaluated without anybody asking."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_http_methods, require_POST

from apps.core.errors import DomainError
from apps.core.pages import answer, put_on_form
from apps.evaluations import policies, queries, services
from apps.evaluations.forms import RuleForm
from apps.evaluations.views import chosen_among
from apps.projects import policies as project_policies
from apps.projects.models import Project


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def rules(request: HttpRequest, slug: str) -> HttpResponse:
    """The rules that hold in a project; a POST makes one, on the data set that it names."""
    user: Any = request.user
    project = _project_or_404(user, slug)
    posted = request.method == "POST"
    if posted:
        project_policies.projects.require(user, "manage_project", project)
    data_sets = list(policies.data_sets.visible_to(user).filter(project=project))
    asked = request.POST if posted else request.GET
    chosen = chosen_among(data_sets, asked.get("data_set"))
    form, refusal = None, None
    if chosen is not None:
        form = RuleForm(
            request.POST if posted else None,
            data_set=chosen,
            initial={"target": chosen.columns[-1]},
        )
    if posted and form is not None and form.is_valid():
        try:
            made = services.add_rule(
                project, data_set_name=str(chosen), by=user, **form.cleaned_data
            )
            messages.success(request, f"The rule “{made}” holds from now on.")
            return redirect("evaluations:rules", slug)
        except DomainError as error:
            refusal = error
            put_on_form(form, error)
    context = {
        "section": "projects",
        "project": project,
        "rules": queries.rules_of(project),
        "data_sets": data_sets,
        "chosen": chosen,
        "form": form,
        "may_change": project_policies.projects.allows(user, "manage_project", project),
        "may_webhooks": project_policies.projects.allows(user, "manage_webhooks", project),
    }
    status = 422 if posted else 200
    return answer(request, "evaluations/rules.html", context, refusal=refusal, status=status)


@login_required
@require_POST
def rule_remove(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    user: Any = request.user
    project = _project_or_404(user, slug)
    project_policies.projects.require(user, "manage_project", project)
    rule = get_object_or_404(project.evaluation_rules.select_related("project", "stage"), pk=pk)
    services.remove_rule(rule, by=user)
    messages.success(request, f"The rule “{rule}” holds no longer.")
    return redirect("evaluations:rules", slug)


def _project_or_404(user: Any, slug: str) -> Project:
    return get_object_or_404(project_policies.projects.visible_to(user), slug=slug)
