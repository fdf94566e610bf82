"""A page that puts versions of a model beside each other."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from apps.cards import catalogues, comparison, diffs, queries, sections
from apps.core.errors import NotFound
from apps.core.pages import answer, whole
from apps.registry import policies
from apps.registry.models import RegisteredModel

OFFERED = 50


@login_required
@require_safe
def compare(request: HttpRequest, name: str) -> HttpResponse:
    """Up to four versions, named by `v`: without it the newest two."""
    user: Any = request.user
    visible = policies.models.visible_to(user).select_related("project")
    model = get_object_or_404(visible, name=name, deleted_at=None)
    offered = list(
        policies.versions.visible_to(user)
        .filter(model=model, deleted_at=None)
        .select_related("model__project", "registered_by")
        .order_by("-number")[:OFFERED]
    )
    wanted = _wanted(request, model, [version.number for version in offered])
    by_number = {
        version.number: version
        for version in policies.versions.visible_to(user)
        .filter(model=model, number__in=wanted, deleted_at=None)
        .select_related("model__project", "registered_by", "placement__stage")
    }
    if len(by_number) < len(wanted):
        raise NotFound("There is no such version of this model.")
    versions = [by_number[number] for number in wanted]
    cards = [queries.card_for(version, user) for version in versions]
    context = {
        "section": "models",
        "model": model,
        "versions": versions,
        "wanted": wanted,
        "offered": offered,
        "withheld": sections.rights(user, model.project_id).told,
        "metrics": comparison.metrics(cards),
        "fields": comparison.fields(cards),
        "changes": diffs.between(cards[0].content, cards[1].content, catalogues.together(cards))
        if len(cards) == 2
        else [],
    }
    return answer(request, "cards/compare.html", context)


def _wanted(request: HttpRequest, model: RegisteredModel, offered: list[int]) -> list[int]:
    numbers = [number for text in request.GET.getlist("v") if (number := whole(text))]
    asked = list(dict.fromkeys(numbers))[: comparison.MOST]
    return asked or sorted(offered[:2])
