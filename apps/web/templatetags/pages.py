"""What templates need beside values: numbers for reading, and the live view of a delivery."""

import json
from datetime import datetime
from typing import Any

from django import template
from django.conf import settings
from django.db.models import Model
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.timezone import localtime

from apps.access import explanations, listing, services
from apps.accounts.models import User
from apps.cards import documents, schema
from apps.deployments import policies
from apps.registry.models import ModelVersion
from apps.reviews.models import ReviewRequest
from apps.tracking.upstream import IDENTIFIER
from apps.web import queries
from apps.web.logs import log_of
from apps.web.objects import page_of

register = template.Library()
register.filter(documents.is_number)
register.filter(schema.spoken)


@register.filter
def figure(value: Any) -> str:
    """A number with the digits that matter; other things as they are."""
    if isinstance(value, bool) or value is None:
        return "–" if value is None else str(value)
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.0f}" if 10_000 <= abs(value) < 1e15 else f"{value:,.4g}"
    return str(value)


@register.filter
def as_text(value: Any) -> str:
    """A JSON value for reading."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


@register.filter
def moment(value: str) -> Any:
    """A date and time of a JSON document, as the reader's own; anything else as it is."""
    try:
        return date_format(localtime(datetime.fromisoformat(value)), "j M Y, H:i")
    except (TypeError, ValueError):
        return value


@register.simple_tag
def training_run_url(version: ModelVersion) -> str:
    """The page of the run that a version comes from; empty where nothing is known of one."""
    run_id = version.source_run_id
    if not IDENTIFIER.fullmatch(run_id) or not queries.lineage_of(version).get("run"):
        return ""
    return reverse("web:tracked_run", args=[run_id])


@register.simple_tag
def mlflow_pages_url(experiment_id: str, run_id: str = "") -> str:
    """An experiment or a run on MLflow's own pages; empty where these are not switched on."""
    if not (settings.MLGOV_MLFLOW_PAGES and experiment_id):
        return ""
    address = f"{settings.MLGOV_MLFLOW_PAGES}/#/experiments/{experiment_id}"
    return f"{address}/runs/{run_id}" if run_id else address


@register.simple_tag(takes_context=True)
def decides_on_access(context: dict[str, Any], obj: Model) -> bool:
    """Whether the reader decides, or looks at, who else may do something with the object."""
    # Of the context itself: also where a part of a page is given a few values only.
    user = context.request.user  # type: ignore[attr-defined]
    return services.may_give(user, obj) or explanations.reads_all(user)


@register.simple_tag
def grants_of(user: User) -> list[dict[str, Any]]:
    """What is granted to the person and to his groups on single objects, with their pages."""
    return [
        {"held": held, "url": page_of(held.obj._meta.label_lower, str(held.obj.pk), user=user)}
        for held in listing.held_by(user)
        if held.obj is not None
    ]


@register.simple_tag(takes_context=True)
def delivery_of_review(context: dict[str, Any], review: ReviewRequest) -> Any:
    """What followed from an approval; reviews do not know deployments, their page shows both."""
    move = queries.move_of_review(review)
    return delivery_context(context["request"].user, move) if move is not None else None


@register.simple_tag(takes_context=True)
def delivery_of_move(context: dict[str, Any], move: Any) -> Any:
    return delivery_context(context["request"].user, move)


def delivery_context(user: User, move: Any) -> dict[str, Any]:
    delivery = queries.delivery_of(move)
    deployment = delivery.deployment
    if deployment is not None and not policies.deployments.allows(user, "view", deployment):
        deployment = None
    log = log_of(delivery.runs[-1]) if delivery.runs else None
    return {
        "move": move,
        "deployment": deployment,
        "runs": delivery.runs,
        "log": log,
        "is_expected": delivery.is_expected,
        "is_finished": delivery.is_finished,
    }
