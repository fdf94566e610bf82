"""Data sets, and evaluations: the list of a version, starting one, and the report."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.core.errors import DomainError
from apps.core.pages import answer, asked_part, put_on_form, refresh
from apps.evaluations import card_parts, pages, policies, queries, services
from apps.evaluations.forms import DataSetForm, EvaluationForm, WithdrawForm
from apps.evaluations.models import Evaluation, EvaluationDataSet
from apps.projects import policies as project_policies
from apps.projects.models import Project
from apps.registry import policies as registry_policies
from apps.registry.models import ModelVersion

ON_A_PAGE = 25
MOST_REFUSALS = 5
FRAGMENTS = ("live",)


@login_required
@require_safe
def of_version(request: HttpRequest, name: str, number: int) -> HttpResponse:
    version = version_or_404(request.user, name, number)
    found = queries.evaluations_of(version, request.user).defer("report")
    page = Paginator(found, ON_A_PAGE).get_page(request.GET.get("page"))
    context = _of_version(version) | {
        "page": page,
        "rules": queries.rules_for(version),
        "refusals": queries.refusals_of(version)[:MOST_REFUSALS],
    }
    return answer(request, "evaluations/list.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest, name: str, number: int) -> HttpResponse:
    """Start an evaluation; `?data_set=<id>` says on what, and the columns are chosen from it."""
    user: Any = request.user
    version = version_or_404(user, name, number)
    registry_policies.versions.require(user, "evaluate", version)
    logged = queries.logged_with(version)
    if asked_part(request) == "logged" and not any(each.is_waiting for each in logged):
        # What was taken in stands among the others now.
        return refresh()
    data_sets = list(queries.data_sets_for(version, user))
    chosen = chosen_among(data_sets, request.POST.get("data_set") or request.GET.get("data_set"))
    context = _of_version(version) | {
        "data_sets": data_sets,
        "chosen": chosen,
        "logged": logged,
        "is_waiting": any(each.is_waiting for each in logged),
    }
    if chosen is None:
        status = 422 if request.method == "POST" else 200
        return answer(
            request, "evaluations/new.html", context, fragments=("logged",), status=status
        )
    refusal = None
    if request.method == "POST":
        form = EvaluationForm(request.POST, data_set=chosen)
        if form.is_valid():
            try:
                made = services.start_evaluation(version, chosen, **form.cleaned_data, by=user)
                return redirect("evaluations:detail", made.pk)
            except DomainError as error:
                refusal = error
                put_on_form(form, error)
    else:
        initial = {
            "kind": queries.likely_kind(version),
            "target": queries.likely_target(chosen, version),
        }
        form = EvaluationForm(data_set=chosen, initial=initial)
    status = 422 if request.method == "POST" else 200
    return answer(
        request,
        "evaluations/new.html",
        context | {"form": form},
        fragments=("logged",),
        refusal=refusal,
        status=status,
    )


@login_required
@require_POST
def take_in(request: HttpRequest, name: str, number: int) -> HttpResponse:
    """Take in a data set that the run of the version logged."""
    user: Any = request.user
    version = version_or_404(user, name, number)
    registry_policies.versions.require(user, "evaluate", version)
    try:
        services.take_in(version, request.POST.get("key", ""), by=user)
        messages.success(request, "The data set is being taken in.")
    except DomainError as refusal:
        if refusal.code == "not_permitted":
            raise
        messages.error(request, refusal.message)
    return redirect("evaluations:new", name, number)


@login_required
@require_safe
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    evaluation = evaluation_or_404(request.user, pk)
    if asked_part(request) == "live" and evaluation.run.is_finished:
        # The rest of the page has something to show now.
        return refresh()
    context = _of_version(evaluation.version) | {
        "evaluation": evaluation,
        "run": evaluation.run,
    }
    if evaluation.report is not None:
        context |= pages.sections_of(evaluation.report)
    return answer(request, "evaluations/detail.html", context, fragments=FRAGMENTS)


@login_required
@require_safe
def report(request: HttpRequest, pk: int) -> HttpResponse:
    """The report as JSON, in the spelling that its digest is over."""
    evaluation = evaluation_or_404(request.user, pk)
    if evaluation.report is None:
        raise Http404("There is no report.")
    spelled = {"sort_keys": True, "separators": (",", ":"), "ensure_ascii": False}
    response = JsonResponse(evaluation.report, json_dumps_params=spelled)
    response["Content-Disposition"] = f'attachment; filename="evaluation-{evaluation.pk}.json"'
    return response


@login_required
@require_POST
def to_card(request: HttpRequest, pk: int) -> HttpResponse:
    """Put the results on the card of the version."""
    user: Any = request.user
    evaluation = evaluation_or_404(user, pk)
    version = evaluation.version
    registry_policies.versions.require(user, "edit_card", version)
    card_parts.put_on_card(evaluation, by=user)
    messages.success(request, "The results are on the card.")
    response = redirect("web:card", version.model.name, version.number)
    response["Location"] += "#card-evaluation"
    return response


@login_required
@require_POST
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    user: Any = request.user
    evaluation = evaluation_or_404(user, pk)
    try:
        services.cancel(evaluation, by=user)
        messages.success(request, "The evaluation ends at its next step.")
    except DomainError as refusal:
        if refusal.code == "not_permitted":
            raise
        messages.error(request, refusal.message)
    return redirect("evaluations:detail", pk)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def data_sets(request: HttpRequest, slug: str) -> HttpResponse:
    """The data sets of a project; a POST uploads one."""
    user: Any = request.user
    project = get_object_or_404(project_policies.projects.visible_to(user), slug=slug)
    posted = request.method == "POST"
    form = DataSetForm(request.POST or None, request.FILES or None)
    refusal = None
    if posted:
        project_policies.projects.require(user, "evaluate", project)
    if posted and form.is_valid():
        file = form.cleaned_data["file"]
        try:
            made = services.upload_data_set(
                project,
                name=form.cleaned_data["name"],
                file=file,
                filename=file.name,
                size=file.size,
                description=form.cleaned_data["description"],
                by=user,
            )
            messages.success(request, f"“{made}” is uploaded: {len(made.columns)} columns.")
            return redirect("evaluations:data_sets", slug)
        except DomainError as error:
            refusal = error
            put_on_form(form, error)
    found = policies.data_sets.visible_to(user).filter(project=project)
    context = {
        "section": "projects",
        "project": project,
        "form": form,
        "page": Paginator(found.select_related("uploaded_by"), ON_A_PAGE).get_page(
            request.GET.get("page")
        ),
        "may_change": project_policies.projects.allows(user, "manage_project", project),
        "may_webhooks": project_policies.projects.allows(user, "manage_webhooks", project),
    }
    status = 422 if posted else 200
    return answer(request, "evaluations/data_sets.html", context, refusal=refusal, status=status)


@login_required
@require_POST
def withdraw(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    user: Any = request.user
    project: Project = get_object_or_404(project_policies.projects.visible_to(user), slug=slug)
    found = policies.data_sets.visible_to(user).filter(project=project)
    data_set = get_object_or_404(found, pk=pk)
    form = WithdrawForm(request.POST)
    reason = form.cleaned_data["reason"] if form.is_valid() else ""
    services.withdraw_data_set(data_set, by=user, reason=reason)
    messages.success(request, f"“{data_set}” is withdrawn. Nothing is evaluated on it any more.")
    return redirect("evaluations:data_sets", slug)


def version_or_404(user: Any, name: str, number: int) -> ModelVersion:
    found = registry_policies.versions.visible_to(user).select_related("model__project")
    return get_object_or_404(found, model__name=name, number=number)


def evaluation_or_404(user: Any, pk: int) -> Evaluation:
    found = policies.evaluations.visible_to(user).select_related(
        "version__model__project", "data_set__uploaded_by", "environment", "run__requested_by"
    )
    return get_object_or_404(found, pk=pk)


def _of_version(version: ModelVersion) -> dict[str, Any]:
    return {"section": "models", "version": version, "model": version.model}


def chosen_among(data_sets: list[EvaluationDataSet], key: str | None) -> EvaluationDataSet | None:
    if key is None and len(data_sets) == 1:
        return data_sets[0]
    return next((each for each in data_sets if str(each.pk) == key), None)
