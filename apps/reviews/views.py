"""Asking for a review, and deciding on it."""

from collections.abc import Callable
from typing import Any

from django.contrib.auth.decorators import login_required
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.access.rulebook import ANYTHING
from apps.accounts.models import User
from apps.cards import sections
from apps.core.errors import DomainError
from apps.core.pages import answer, asked_part, put_on_form, refresh
from apps.registry import policies as registry_policies
from apps.registry.models import ModelVersion
from apps.reviews import policies, queries, services
from apps.reviews.forms import (
    AskForm,
    ChangesForm,
    CommentForm,
    RequestForm,
    VerdictForm,
    WithdrawForm,
)
from apps.reviews.models import ReviewRequest
from apps.reviews.pages import button_for, candidates, excluded, timeline
from apps.stages import gates
from apps.stages import queries as stage_queries
from apps.stages.models import Stage

FRAGMENTS = ("decision", "delivery", "reviewers", "conversation")


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest, name: str, number: int) -> HttpResponse:
    """Ask for a review. `?stage=<slug>`, or the button that proposes, says for which stage."""
    user: Any = request.user
    version = _version_or_404(user, name, number)
    registry_policies.versions.require(user, "request_review", version, ANYTHING)
    stages = _stages_to_ask_for(version)
    wanted = request.POST.get("propose") or request.POST.get("stage") or request.GET.get("stage")
    chosen = _chosen(stages, wanted)
    people, capacities = candidates(version, requester=user)
    kwargs: dict[str, Any] = {"stages": stages, "reviewers": people, "capacities": capacities}
    refusal = None
    if request.method == "POST" and "propose" not in request.POST:
        form = RequestForm(request.POST, **kwargs)
        if form.is_valid():
            try:
                review = services.request_review(version, **form.cleaned_data, by=user)
                return redirect("reviews:detail", review.pk)
            except DomainError as error:
                refusal = error
                put_on_form(form, error)
        status = 422
    else:
        status = 200
        initial: dict[str, Any] = {"note": request.POST.get("note", "")}
        if chosen is not None:
            policy = stage_queries.policy_for(chosen, version.model.project)
            proposed = queries.default_reviewers(version, policy, user)
            initial |= {"stage": chosen.pk, "reviewers": [person.pk for person in proposed]}
        form = RequestForm(initial=initial, **kwargs)
    context = {
        "section": "models",
        "version": version,
        "model": version.model,
        "form": form,
        "stages": [
            {"stage": stage, "policy": stage_queries.policy_for(stage, version.model.project)}
            for stage in stages
        ],
        "chosen": chosen,
        "gates": _gates(version, chosen, user),
        "excluded": excluded(version, requester=user),
    }
    return answer(request, "reviews/new.html", context, refusal=refusal, status=status)


@login_required
@require_safe
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    review = review_or_404(request.user, pk)
    if asked_part(request) == "decision" and not review.is_undecided:
        # Somebody else decided meanwhile: the whole page is another one now.
        return refresh()
    return answer(request, "reviews/detail.html", page_of(request, review), fragments=FRAGMENTS)


@login_required
@require_POST
def approve(request: HttpRequest, pk: int) -> HttpResponse:
    form = VerdictForm(request.POST, auto_id="id_approve_%s")
    return _decide(request, pk, form, "approve_form", services.approve)


@login_required
@require_POST
def request_changes(request: HttpRequest, pk: int) -> HttpResponse:
    form = ChangesForm(request.POST, auto_id="id_changes_%s")
    return _decide(request, pk, form, "changes_form", services.request_changes)


@login_required
@require_POST
def comment(request: HttpRequest, pk: int) -> HttpResponse:
    form = CommentForm(request.POST, auto_id="id_comment_%s")
    return _decide(request, pk, form, "comment_form", services.comment)


@login_required
@require_POST
def withdraw(request: HttpRequest, pk: int) -> HttpResponse:
    form = WithdrawForm(request.POST, auto_id="id_withdraw_%s")
    return _decide(request, pk, form, "withdraw_form", services.withdraw)


@login_required
@require_POST
def ask(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask more people."""
    review = review_or_404(request.user, pk)
    people, capacities = candidates(review.version, requester=review.requested_by)
    form = AskForm(request.POST, reviewers=people, capacities=capacities, auto_id="id_ask_%s")
    return _decide(request, pk, form, "ask_form", services.add_reviewers)


def _decide(
    request: HttpRequest,
    pk: int,
    form: Form,
    form_name: str,
    service: Callable[..., Any],
) -> HttpResponse:
    user: Any = request.user
    review = review_or_404(user, pk)
    refusal = None
    if form.is_valid():
        try:
            service(review, **form.cleaned_data, by=user)
        except DomainError as error:
            refusal = error
            # What was typed stays; the decision is on what the page shows now.
            put_on_form(form, error)
        else:
            return _after(request, review)
    review = review_or_404(user, pk)
    if "read_digest" in form.fields:
        typed: Any = form.data
        form.data = typed = typed.copy()
        typed["read_digest"] = queries.content_digest(review)
    context = page_of(request, review, **{form_name: form})
    return answer(
        request, "reviews/detail.html", context, fragments=FRAGMENTS, refusal=refusal, status=422
    )


def _after(request: HttpRequest, review: ReviewRequest) -> HttpResponse:
    """The page as it is now; by htmx it is fetched anew, because most of it has changed."""
    return refresh() if asked_part(request) else redirect("reviews:detail", review.pk)


def review_or_404(user: Any, pk: int) -> ReviewRequest:
    visible = policies.reviews.visible_to(user).select_related(
        "version__model__project", "version__registered_by", "stage__environment", "requested_by"
    )
    return get_object_or_404(visible, pk=pk)


def page_of(request: HttpRequest, review: ReviewRequest, **forms: Any) -> dict[str, Any]:
    """What the page of a review shows; `forms` are those that were refused just now."""
    user: Any = request.user
    standing = queries.standing(review)
    digest = queries.content_digest(review)
    why_not = queries.why_not(review, user)
    mine = next((row for row in standing.rows if row.user == user), None)
    may_withdraw = review.is_undecided and policies.reviews.allows(user, "withdraw", review)
    context: dict[str, Any] = {
        "section": "inbox",
        "review": review,
        "version": review.version,
        "model": review.version.model,
        "policy": queries.policy_of(review),
        "standing": standing,
        "digest": digest,
        "why_not": why_not,
        "mine": mine,
        "may_decide": review.is_undecided and not why_not,
        "button": button_for(review, standing, user),
        "withheld": sections.rights(user, review.version.model.project_id).told,
        "timeline": timeline(review),
        "approve_form": VerdictForm(initial={"read_digest": digest}, auto_id="id_approve_%s"),
        "changes_form": ChangesForm(initial={"read_digest": digest}, auto_id="id_changes_%s"),
        "comment_form": CommentForm(auto_id="id_comment_%s"),
        "withdraw_form": WithdrawForm(auto_id="id_withdraw_%s"),
    }
    if may_withdraw:
        people, capacities = candidates(review.version, requester=review.requested_by)
        asked = [row.user.pk for row in standing.rows]
        more = people.exclude(pk__in=asked)
        if more.exists():
            context["ask_form"] = AskForm(
                reviewers=more, capacities=capacities, auto_id="id_ask_%s"
            )
    return context | forms


def _version_or_404(user: Any, name: str, number: int) -> ModelVersion:
    visible = registry_policies.versions.visible_to(user).select_related(
        "model__project", "registered_by", "placement__stage"
    )
    return get_object_or_404(visible, model__name=name, number=number, deleted_at=None)


def _stages_to_ask_for(version: ModelVersion) -> list[Stage]:
    """Stages that ask for a review and in which the version is not yet."""
    here = stage_queries.current_stage(version)
    project = version.model.project
    return [
        stage
        for stage in stage_queries.stages_of(project)
        if stage != here and stage_queries.policy_for(stage, project).needs_review
    ]


def _chosen(stages: list[Stage], wanted: str | None) -> Stage | None:
    """The stage that was asked for by slug or key, else the first one."""
    for stage in stages:
        if wanted in (stage.slug, str(stage.pk)):
            return stage
    return stages[0] if stages else None


def _gates(version: ModelVersion, stage: Stage | None, user: User) -> list[gates.GateResult]:
    if stage is None:
        return []
    found = gates.results(version, stage, reader=user)
    return [g for g in found if g.gate != "review-is-approved"]
