"""Deployments: the list, and each with its runs, replicas and keys."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from apps.audit.queries import activity_of
from apps.core.errors import DomainError
from apps.core.pages import answer, asked_part, put_on_form, refresh
from apps.deployments import policies, services
from apps.deployments.models import Deployment, ReplicaState
from apps.deployments.services.operating import why_not_roll_back
from apps.deployments.states import DEPLOYMENT, DeploymentState
from apps.reviews import policies as review_policies
from apps.reviews.models import ReviewRequest, Verdict
from apps.reviews.states import VerdictKind
from apps.runs.models import Run
from apps.web import activity, examples, queries, signatures
from apps.web.forms import ApiKeyForm, DeploymentFilter, ReasonForm
from apps.web.logs import log_of

PAGE = 25
RECENT = 12
EARLIER_RUNS = 10


@login_required
@require_safe
def deployments(request: HttpRequest) -> HttpResponse:
    form = DeploymentFilter(request.GET or None, user=request.user)
    found = for_list(policies.deployments.visible_to(request.user))
    show, project = "", None
    if form.is_valid():
        show, project = form.cleaned_data["show"], form.cleaned_data["project"]
    if show != "all":
        found = found.exclude(state=DeploymentState.RETIRED)
    if project is not None:
        found = found.filter(endpoint__project=project)
    page = Paginator(found, PAGE).get_page(request.GET.get("page"))
    context = {
        "section": "deployments",
        "form": form,
        "page": page,
        "is_filtered": bool(show or project),
    }
    return answer(request, "deployments/list.html", context)


def for_list(found: QuerySet[Deployment]) -> QuerySet[Deployment]:
    """The same deployments, with what a row of a list shows."""
    return (
        found.select_related(
            "endpoint__project", "endpoint__environment", "version__model", "move__by"
        )
        .annotate(healthy=Count("copies", filter=Q(copies__state=ReplicaState.HEALTHY)))
        .order_by("-pk")
    )


@login_required
@require_safe
def deployment(request: HttpRequest, pk: int) -> HttpResponse:
    found = deployment_or_404(request.user, pk)
    context = page_of(request, found)
    if asked_part(request) == "live" and not context["is_live"]:
        # It has just ended: what may be done with it now stands outside the live part.
        return refresh()
    return answer(request, "deployments/detail.html", context, fragments={"live"})


def deployment_or_404(user: Any, pk: int) -> Deployment:
    visible = policies.deployments.visible_to(user).select_related(
        "endpoint__project",
        "endpoint__environment",
        "version__model__project",
        "move__to_stage",
        "move__by",
        "image",
        "build",
    )
    return get_object_or_404(visible, pk=pk)


def page_of(request: HttpRequest, found: Deployment, **forms: Any) -> dict[str, Any]:
    """What the page of a deployment shows; `forms` are those that were refused just now."""
    user: Any = request.user
    endpoint = found.endpoint
    current = queries.runs_of(found)
    shown = {run.pk for run in current}
    unfinished = any(not run.is_finished for run in current)
    on_its_way = found.state in (DeploymentState.BUILDING, DeploymentState.DEPLOYING)
    may_manage_keys = policies.endpoints.allows(user, "manage_keys", endpoint)
    obstacle = why_not_roll_back(found)
    example = signatures.example_text(found.version.input_example)
    others = (
        policies.deployments.visible_to(user)
        .filter(endpoint=endpoint)
        .exclude(pk=found.pk)
        .select_related("version__model")
    )
    return {
        "section": "deployments",
        "deployment": found,
        "endpoint": endpoint,
        "version": found.version,
        "url": examples.url_of(found),
        "curl": examples.curl(found, example),
        "replicas": found.copies.all(),
        "runs": current,
        "logs": [log_of(run) for run in reversed(current)][:1],
        "earlier_runs": _earlier_runs(found, but=shown),
        "is_live": unfinished or on_its_way,
        "others": others.order_by("-traffic", "-pk")[:10],
        "approval": _approval(found, user),
        # What can be done with it in its state, by whoever may.
        "could": {
            "cancel": unfinished or on_its_way,
            "retire": DEPLOYMENT.allows(found, "retire"),
            "retry": found.state == DeploymentState.FAILED,
            "roll_back": not obstacle,
        },
        "why_not_roll_back": obstacle,
        "keys": endpoint.api_keys.select_related("created_by") if may_manage_keys else [],
        "key_form": ApiKeyForm(auto_id="id_key_%s"),
        "roll_back_form": ReasonForm(auto_id="id_roll_back_%s"),
        "retire_form": ReasonForm(auto_id="id_retire_%s"),
        "activity": activity.told(activity_of(found).select_related("seal")[:RECENT]),
        **forms,
    }


@login_required
@require_POST
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    found = deployment_or_404(request.user, pk)
    services.cancel(found, by=request.user)  # type: ignore[arg-type]
    messages.success(request, "It ends at its next step. What served before goes on serving.")
    return redirect("web:deployment", pk)


@login_required
@require_POST
def retry(request: HttpRequest, pk: int) -> HttpResponse:
    found = deployment_or_404(request.user, pk)
    services.retry(found, by=request.user)  # type: ignore[arg-type]
    return redirect("web:deployment", pk)


@login_required
@require_POST
def roll_back(request: HttpRequest, pk: int) -> HttpResponse:
    return _with_reason(request, pk, services.roll_back, "roll_back")


@login_required
@require_POST
def retire(request: HttpRequest, pk: int) -> HttpResponse:
    return _with_reason(request, pk, services.retire, "retire")


def _with_reason(request: HttpRequest, pk: int, service: Any, name: str) -> HttpResponse:
    found = deployment_or_404(request.user, pk)
    action = "roll_back" if service is services.roll_back else "deploy"
    policies.deployments.require(request.user, action, found)
    form = ReasonForm(request.POST, auto_id=f"id_{name}_%s")
    refusal = None
    if form.is_valid():
        try:
            service(found, by=request.user, reason=form.cleaned_data["reason"])
            return redirect("web:deployment", pk)
        except DomainError as error:
            refusal = error
            put_on_form(form, error)
    context = page_of(request, found, **{f"{name}_form": form})
    return answer(request, "deployments/detail.html", context, refusal=refusal, status=422)


@never_cache
@login_required
@require_POST
def create_key(request: HttpRequest, pk: int) -> HttpResponse:
    """Make a key of the endpoint. The page that answers is the only one that shows its secret."""
    found = deployment_or_404(request.user, pk)
    policies.endpoints.require(request.user, "manage_keys", found.endpoint)
    form = ApiKeyForm(request.POST, auto_id="id_key_%s")
    refusal = None
    if form.is_valid():
        try:
            key, secret = services.create_api_key(
                found.endpoint,
                name=form.cleaned_data["name"],
                expires_at=form.cleaned_data["expires_at"],
                by=request.user,  # type: ignore[arg-type]
            )
            context = page_of(request, found, new_key=key, secret=secret)
            return answer(request, "deployments/detail.html", context)
        except DomainError as error:
            refusal = error
            put_on_form(form, error)
    context = page_of(request, found, key_form=form)
    return answer(request, "deployments/detail.html", context, refusal=refusal, status=422)


@login_required
@require_POST
def revoke_key(request: HttpRequest, pk: int, key: int) -> HttpResponse:
    found = deployment_or_404(request.user, pk)
    wanted = get_object_or_404(
        policies.api_keys.visible_to(request.user).filter(endpoint=found.endpoint), pk=key
    )
    services.revoke_api_key(wanted, by=request.user)  # type: ignore[arg-type]
    messages.success(request, f"The key “{wanted.name}” opens nothing any more.")
    return redirect("web:deployment", pk)


def _earlier_runs(found: Deployment, *, but: set[int]) -> list[Run]:
    builds = queries.builds_of(found).exclude(run__in=but)[:EARLIER_RUNS]
    rollouts = found.rollouts.select_related("run").exclude(run__in=but)[:EARLIER_RUNS]
    runs = [build.run for build in builds] + [rollout.run for rollout in rollouts]
    return sorted(runs, key=lambda run: -run.pk)[:EARLIER_RUNS]


def _approval(found: Deployment, user: Any) -> dict[str, Any]:
    """Who let the version in: the review behind the move, with its approvals."""
    review: ReviewRequest | None = None
    if found.move.review_id is not None:
        visible = review_policies.reviews.visible_to(user)
        review = visible.filter(pk=found.move.review_id).select_related("stage").first()
    verdicts = (
        Verdict.objects.filter(review=review, kind=VerdictKind.APPROVE, superseded=False)
        .select_related("by")
        .order_by("at")
        if review is not None
        else []
    )
    return {"move": found.move, "review": review, "verdicts": verdicts}
