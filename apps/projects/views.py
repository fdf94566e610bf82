"""Projects and their members. What a project holds is shown by the pages of `apps.web`."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_http_methods, require_POST

from apps.core.errors import DomainError
from apps.core.pages import answer, put_on_form
from apps.projects import policies, services
from apps.projects.forms import MemberForm, ProjectForm, RoleForm
from apps.projects.models import Membership, Project


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    user: Any = request.user
    form = ProjectForm(request.POST or None)
    refusal = None
    if request.method == "POST" and form.is_valid():
        try:
            project = services.create_project(**form.cleaned_data, by=user)
            return redirect("projects:detail", project.slug)
        except DomainError as error:
            refusal = error
            put_on_form(form, error)
    context = {"section": "projects", "form": form}
    status = 422 if request.method == "POST" else 200
    return answer(request, "projects/new.html", context, refusal=refusal, status=status)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def members(request: HttpRequest, slug: str) -> HttpResponse:
    """The members; a POST lets somebody in."""
    user: Any = request.user
    project = project_or_404(user, slug)
    posted = request.method == "POST"
    form = MemberForm(request.POST if posted else None, project=project, auto_id="id_new_%s")
    refusal = None
    if posted:
        policies.projects.require(user, "manage_members", project)
    if posted and form.is_valid():
        try:
            services.set_member(
                project,
                user=form.cleaned_data["person"],
                role=form.cleaned_data["role"],
                reviewer_roles=form.cleaned_data["reviewer_roles"],
                by=user,
            )
            messages.success(request, f"{form.cleaned_data['person']} is in the project now.")
            return redirect("projects:members", slug)
        except DomainError as error:
            refusal = error
            put_on_form(form, error)
    context = members_page(user, project, form=form)
    return answer(
        request, "projects/members.html", context, refusal=refusal, status=422 if posted else 200
    )


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def member(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Change what a member is."""
    user: Any = request.user
    project = project_or_404(user, slug)
    policies.projects.require(user, "manage_members", project)
    found = get_object_or_404(_memberships(project), pk=pk)
    posted = request.method == "POST"
    initial = {"role": found.role, "reviewer_roles": found.reviewer_roles.all()}
    form = RoleForm(request.POST if posted else None, initial=initial)
    refusal = None
    if posted and form.is_valid():
        try:
            services.set_member(project, user=found.user, **form.cleaned_data, by=user)
            messages.success(request, f"What {found.user} is here was changed.")
            return redirect("projects:members", slug)
        except DomainError as error:
            refusal = error
            put_on_form(form, error)
    context = {"section": "projects", "project": project, "membership": found, "form": form}
    return answer(
        request, "projects/member.html", context, refusal=refusal, status=422 if posted else 200
    )


@login_required
@require_POST
def member_remove(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    user: Any = request.user
    project = project_or_404(user, slug)
    found = get_object_or_404(_memberships(project), pk=pk)
    services.remove_member(found, by=user)
    messages.success(request, f"{found.user} is not in the project any more.")
    still_visible = policies.projects.allows(user, "view", project)
    return redirect("projects:members", slug) if still_visible else redirect("projects:list")


def project_or_404(user: Any, slug: str) -> Project:
    return get_object_or_404(policies.projects.visible_to(user), slug=slug)


def members_page(user: Any, project: Project, *, form: MemberForm) -> dict[str, Any]:
    may_manage = policies.projects.allows(user, "manage_members", project)
    return {
        "section": "projects",
        "project": project,
        "memberships": _memberships(project),
        "form": form if may_manage else None,
    }


def _memberships(project: Project) -> Any:
    return (
        Membership.objects.filter(project=project)
        .select_related("user")
        .prefetch_related("reviewer_roles")
    )
