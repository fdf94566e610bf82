"""The page of a project on which it says whose sections of cards are."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_http_methods, require_POST

from apps.cards import section_rules
from apps.cards.models import SectionRule
from apps.cards.section_forms import SectionRuleForm
from apps.cards.sections import title_of, told_people
from apps.core.errors import DomainError
from apps.core.pages import answer, put_on_form
from apps.projects import policies
from apps.projects.models import Project
from apps.projects.views import project_or_404


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def rules(request: HttpRequest, slug: str) -> HttpResponse:
    """Who reads and edits which section; a POST lays it down for this project."""
    user: Any = request.user
    project = project_or_404(user, slug)
    posted = request.method == "POST"
    form = SectionRuleForm(request.POST if posted else None)
    refusal = None
    if posted:
        policies.projects.require(user, "manage_project", project)
        if form.is_valid():
            try:
                rule, _ = section_rules.set_rule(project, **form.cleaned_data, by=user)
                messages.success(request, f"{title_of(rule.section)} is kept so from now on.")
                return redirect("cards:section_rules", slug)
            except DomainError as error:
                refusal = error
                put_on_form(form, error)
    context = {
        "section": "projects",
        "project": project,
        "rules": [_row(rule) for rule in section_rules.rules_in(project)],
        "form": form,
    }
    status = 422 if posted else 200
    return answer(request, "cards/section_rules.html", context, refusal=refusal, status=status)


@login_required
@require_POST
def remove(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    user: Any = request.user
    project = project_or_404(user, slug)
    policies.projects.require(user, "manage_project", project)
    rule = get_object_or_404(_own(project), pk=pk)
    section_rules.remove_rule(rule, by=user)
    messages.success(request, f"The project says nothing about {title_of(rule.section)} any more.")
    return redirect("cards:section_rules", slug)


def _own(project: Project) -> Any:
    return project.section_rules.select_related("project")


def _row(rule: SectionRule) -> dict[str, Any]:
    return {"rule": rule, "title": title_of(rule.section), "who": told_people(rule)}
