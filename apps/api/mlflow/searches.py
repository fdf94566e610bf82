"""The two searches of the registry. Programs repeat theirs, so the SQL of the last ones is kept."""

from functools import lru_cache
from typing import Any

from django.db.models import QuerySet

from apps.accounts.models import User
from apps.api.mlflow import rows, search
from apps.api.mlflow.arguments import Arguments
from apps.api.mlflow.search import MODELS, VERSIONS, Searchable
from apps.core.prepared import Prepared, Row
from apps.registry import policies
from apps.registry.models import ModelVersion, RegisteredModel

KEPT = 256


def models(user: User, arguments: Arguments) -> tuple[list[Row], str]:
    """A page of models as rows, and the token of the next one."""
    return _page(user, arguments, MODELS, size=arguments.number("max_results", default=100))


def versions(user: User, arguments: Arguments) -> tuple[list[Row], str]:
    """A page of versions as rows, and the token of the next one."""
    size = arguments.number("max_results", default=VERSIONS.most_results)
    return _page(user, arguments, VERSIONS, size=size)


def _page(user: User, arguments: Arguments, of: Searchable, *, size: int) -> tuple[list[Row], str]:
    text, orders = arguments.text("filter"), tuple(arguments.texts("order_by"))
    _check(text, orders, of)
    start, asked = search.slice_of(size, arguments.text("page_token"), of)
    if of is MODELS:
        found = _models(text, orders, start, asked).rows(asked_by=user)
    else:
        found = _rows_of_versions(user, text, orders, start, asked)
    return search.page(found, start=start, asked=asked)


@lru_cache(maxsize=KEPT)
def _check(text: str, orders: tuple[str, ...], of: Searchable) -> None:
    # In this order the stock server refuses, too.
    search.condition(text, of)
    search.order(list(orders), of)


def _rows_of_versions(
    user: User, text: str, orders: tuple[str, ...], start: int, asked: int
) -> list[Row]:
    name = search.model_named_in(text)
    if name is None:
        return _versions(text, orders, start, asked).rows(asked_by=user)
    # Of one model: where the database knows which, it takes the newest from an index, in order.
    keys = _MODEL_CALLED.rows(name=name)
    if not keys:
        return []
    return _versions_of_one(text, orders, start, asked).rows(model=keys[0][0], asked_by=user)


_MODEL_CALLED = Prepared(
    lambda name: RegisteredModel.objects.filter(name=name, deleted_at=None).values_list("pk")
)


@lru_cache(maxsize=KEPT)
def _models(text: str, orders: tuple[str, ...], start: int, asked: int) -> Prepared:
    def build(asker: Any) -> QuerySet[RegisteredModel, Row]:
        found = policies.models.entries_visible_to(asker).filter(search.condition(text, MODELS))
        ordered = found.order_by(*search.order(list(orders), MODELS))
        return rows.of_models(ordered[start : start + asked])

    return Prepared(build, joined=True)


@lru_cache(maxsize=KEPT)
def _versions(text: str, orders: tuple[str, ...], start: int, asked: int) -> Prepared:
    def build(asker: Any) -> QuerySet[ModelVersion, Row]:
        found = policies.versions.entries_visible_to(asker).filter(search.condition(text, VERSIONS))
        ordered = found.order_by(*search.order(list(orders), VERSIONS))
        return rows.of_versions(ordered[start : start + asked], with_aliases=False)

    return Prepared(build, joined=True)


@lru_cache(maxsize=KEPT)
def _versions_of_one(text: str, orders: tuple[str, ...], start: int, asked: int) -> Prepared:
    fields = [
        field
        for field in search.order(list(orders), VERSIONS)
        if field.lstrip("-") != "model__name"
    ]

    def build(model: int, asker: Any) -> QuerySet[ModelVersion, Row]:
        found = policies.versions.entries_visible_to(asker).filter(search.condition(text, VERSIONS))
        ordered = found.filter(model=model).order_by(*fields)
        return rows.of_versions(ordered[start : start + asked], with_aliases=False)

    # Of ten versions or of fifty thousand: no one plan is good for both.
    return Prepared(build, plan_anew=True, joined=True)
