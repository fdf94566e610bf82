"""The model card: everything about one version, at one stable address."""

import json
from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from apps.accounts.models import About
from apps.audit.queries import activity_of
from apps.cards import completeness, reading, reproduce, sections, summary
from apps.cards import queries as card_queries
from apps.cards.models import CardRevision
from apps.cards.pages import NEWEST, discussion
from apps.cards.sections import Rights
from apps.core.context import current
from apps.core.errors import DomainError, NotPermitted
from apps.core.pages import answer, asked_part, put_on_form, refresh, whole
from apps.deployments import gateway
from apps.deployments import policies as deployment_policies
from apps.deployments import queries as deployment_queries
from apps.deployments.models import Deployment
from apps.deployments.states import DeploymentState
from apps.projects.queries import without_hidden
from apps.registry import policies
from apps.registry import queries as registry_queries
from apps.registry import services as registry_services
from apps.registry.models import ModelVersion
from apps.registry.states import VersionState
from apps.reviews import queries as review_queries
from apps.reviews.models import ReviewRequest
from apps.reviews.states import UNDECIDED
from apps.stages import queries as stage_queries
from apps.stages import services as stage_services
from apps.web import activity, queries, signatures
from apps.web.attributes import panel
from apps.web.examples import curl
from apps.web.forms import MoveForm, TryItForm

RECENT = 15
LONGEST_ANSWER = 100_000
# Sections of the document that the page shows with more than the document says.
ELSEWHERE = {"provenance", "review"}
TO_REPRODUCE = {"development", "data"}
FRAGMENTS = ("registration", "delivery")


@login_required
@require_safe
def card(request: HttpRequest, name: str, number: int) -> HttpResponse:
    version = version_or_404(request.user, name, number)
    asked_for = asked_part(request)
    if asked_for == "registration" and version.state != VersionState.PENDING:
        # The rest of the page has something to show now.
        return refresh()
    context = card_context(request, version)
    if asked_for == "delivery" and (not context["delivery"] or context["delivery"].is_finished):
        return refresh()
    return answer(request, "web/card.html", context, fragments=FRAGMENTS)


def card_context(
    request: HttpRequest, version: ModelVersion, *, move_form: MoveForm | None = None
) -> dict[str, Any]:
    user: Any = request.user
    lineage = queries.lineage_of(version)
    revision = card_queries.card_for(version, user)
    rights = sections.rights(user, version.model.project_id)
    may_edit = policies.versions.allows(user, "edit_card", version)
    bar = queries.stage_bar(version)
    reviews = _reviews(version)
    told_reviews = [_review(review, user) for review in reviews[:5]]
    is_reviewer = any(entry["may_decide"] for entry in told_reviews)
    artifacts = list(version.artifacts.all())
    free_stages = _stages_without_review(version, bar)
    may_move = bool(free_stages) and policies.versions.could(user, "move", version)
    ingest = registry_queries.latest_ingest(version)
    move = queries.newest_move(version)
    return {
        "section": "models",
        "version": version,
        "model": version.model,
        "stage": stage_queries.current_stage(version),
        "stages": bar,
        "revision": revision,
        "card": _sections(revision, rights, is_reviewer=is_reviewer),
        "is_reviewer": is_reviewer,
        "hidden": rights.hidden,
        "withheld": rights.told,
        "counts": completeness.counted(revision),
        "summary": summary.of(revision, user),
        # Of half of it, the commands would make another model.
        "recipe": None if rights.hidden & TO_REPRODUCE else reproduce.recipe(revision.content),
        "earlier": card_queries.earlier_with_words(revision, user) if may_edit else None,
        "lineage": lineage,
        "lineage_tags": sorted((lineage.get("tags") or {}).items()),
        "environment_files": sorted((lineage.get("environment") or {}).items()),
        "flavors": sorted(version.flavors),
        "artifacts": artifacts,
        "tags": version.tags.order_by("key"),
        "aliases": version.aliases.order_by("name"),
        "attributes": panel(
            user,
            version,
            about=About.VERSION,
            manages=policies.versions.allows(user, "manage_project", version),
            url=reverse("web:version_attributes", args=[version.model.name, version.number]),
        ),
        "reviews": told_reviews,
        "open_review": next((r for r in reviews if r.state in UNDECIDED), None),
        "deployments": [_deployment(d, user) for d in _deployments(version, user)],
        "delivery": queries.delivery_of(move) if move is not None else None,
        "activity": activity.told(
            without_hidden(activity_of(version), user).select_related("seal")[:RECENT]
        ),
        "ingest": ingest,
        "may_edit": may_edit,
        "free_stages": free_stages,
        "move_form": (move_form or MoveForm(stages=free_stages)) if may_move else None,
        **discussion(version, user, newest=NEWEST),
        "needs_refresh": version.state == VersionState.PENDING,
    }


@login_required
@require_safe
def card_activity(request: HttpRequest, name: str, number: int) -> HttpResponse:
    version = version_or_404(request.user, name, number)
    found = without_hidden(activity_of(version), request.user).select_related("seal")
    page = Paginator(found, 50).get_page(request.GET.get("page"))
    context = {
        "section": "models",
        "version": version,
        "model": version.model,
        "page": page,
        "activity": [activity.tell(event) for event in page],
    }
    return answer(request, "web/card_activity.html", context)


@login_required
@require_POST
def retry_registration(request: HttpRequest, name: str, number: int) -> HttpResponse:
    version = version_or_404(request.user, name, number)
    registry_services.retry_ingest(version, by=request.user)  # type: ignore[arg-type]
    return redirect("web:card", name, number)


@login_required
@require_POST
def move(request: HttpRequest, name: str, number: int) -> HttpResponse:
    """Into a stage that asks for no review."""
    user: Any = request.user
    version = version_or_404(user, name, number)
    form = MoveForm(request.POST, stages=stage_queries.stages_of(version.model.project))
    refusal = None
    if form.is_valid():
        try:
            stage_services.move(version, by=user, **form.cleaned_data)
            return redirect("web:card", name, number)
        except DomainError as error:
            refusal = error
            put_on_form(form, error)
    if not policies.versions.could(user, "move", version):
        raise refusal or NotPermitted(policies.versions.refusal(user, "move", version))
    context = card_context(request, version, move_form=form)
    context["move_form"] = form
    return answer(request, "web/card.html", context, refusal=refusal, status=422)


@login_required
@require_POST
def try_it(request: HttpRequest, name: str, number: int) -> HttpResponse:
    """Send a request to a deployment of the version, as the signed-in person."""
    user: Any = request.user
    version = version_or_404(user, name, number)
    deployment = get_object_or_404(
        _deployments(version, user), pk=whole(request.POST.get("deployment"), digits=17)
    )
    form = TryItForm(request.POST)
    result: dict[str, Any] = {}
    refusal = None
    if form.is_valid():
        try:
            deployment_policies.endpoints.require(user, "predict", deployment.endpoint)
            answered = gateway.predict(
                deployment.endpoint,
                version=version.number,
                body=form.cleaned_data["body"].encode(),
                content_type="application/json",
                request_id=current().request_id,
                caller=user,
            )
            result = {"status": answered.status, "text": _readable(answered.body)}
        except DomainError as error:
            refusal = error
            put_on_form(form, error)
    context = {
        "section": "models",
        "version": version,
        "model": version.model,
        "entry": _deployment(deployment, user) | {"form": form, "result": result},
    }
    return answer(
        request,
        "web/try_it.html",
        context,
        fragments={f"answer-{deployment.pk}": "answer"},
        refusal=refusal,
        status=422 if form.errors else 200,
    )


def version_or_404(user: Any, name: str, number: int) -> ModelVersion:
    visible = policies.versions.visible_to(user).select_related(
        "model__project", "registered_by", "placement__stage", "lineage"
    )
    return get_object_or_404(visible, model__name=name, number=number, deleted_at=None)


def _sections(
    revision: CardRevision, rights: Rights, *, is_reviewer: bool
) -> list[reading.ShownSection]:
    """For somebody who is to decide, the sections that are his come first."""
    found = reading.sections(revision, rights)
    shown = [part for part in found if part.section.key not in ELSEWHERE]
    return sorted(shown, key=lambda part: not part.is_own) if is_reviewer else shown


def _reviews(version: ModelVersion) -> list[ReviewRequest]:
    found = version.reviews.select_related("stage", "requested_by", "version__model__project")
    return sorted(found, key=lambda review: (review.state not in UNDECIDED, -review.pk))


def _review(review: ReviewRequest, user: Any) -> dict[str, Any]:
    standing = review_queries.standing(review)
    return {
        "review": review,
        "standing": standing,
        "may_decide": review.is_undecided and not review_queries.why_not(review, user),
    }


def _stages_without_review(version: ModelVersion, bar: list[queries.StagePosition]) -> list[Any]:
    if not version.is_ready:
        return []
    stages = stage_queries.stages_of(version.model.project)
    here = stage_queries.current_stage(version)
    return [
        stage
        for stage in stages
        if stage != here and not stage_queries.policy_for(stage, version.model.project).needs_review
    ]


def _deployments(version: ModelVersion, user: Any) -> Any:
    return (
        deployment_queries.deployments_of(version)
        .filter(pk__in=deployment_policies.deployments.visible_to(user).values("pk"))
        .select_related("endpoint__environment", "endpoint__project", "version__model")
    )


def _deployment(deployment: Deployment, user: Any) -> dict[str, Any]:
    is_hidden = "interface" in sections.hidden_sections(user, deployment.version)
    example = signatures.example_text(None if is_hidden else deployment.version.input_example)
    serving = deployment.state == DeploymentState.SERVING
    may_predict = serving and deployment_policies.endpoints.could(
        user, "predict", deployment.endpoint
    )
    return {
        "deployment": deployment,
        "curl": curl(deployment, example),
        "form": TryItForm(initial={"body": example}, auto_id=f"id_{deployment.pk}_%s")
        if may_predict
        else None,
        "result": {},
    }


def _readable(body: bytes) -> str:
    text = body[:LONGEST_ANSWER].decode("utf-8", "replace")
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except ValueError:
        return text
