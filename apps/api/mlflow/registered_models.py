"""MLflow's registered-models/*: each function is one call of the client."""

from typing import Any

from apps.accounts.models import User
from apps.api.mlflow import search, serializers
from apps.api.mlflow.arguments import Arguments
from apps.core.errors import Invalid
from apps.registry import policies, queries, services
from apps.stages import queries as stages


def create(user: User, arguments: Arguments) -> dict[str, Any]:
    model = services.create_model(
        name=arguments.text("name", required=True),
        description=arguments.text("description"),
        tags=arguments.tags(),
        by=user,
    )
    return {"registered_model": serializers.model_json(model)}


def get(user: User, arguments: Arguments) -> dict[str, Any]:
    model = queries.model_named(arguments.text("name", required=True), user=user)
    return {"registered_model": serializers.model_json(model)}


def update(user: User, arguments: Arguments) -> dict[str, Any]:
    model = queries.model_named(arguments.text("name", required=True), user=user)
    if arguments.has("description"):
        model = services.describe_model(model, description=arguments.text("description"), by=user)
    return {"registered_model": serializers.model_json(model)}


def rename(user: User, arguments: Arguments) -> dict[str, Any]:
    model = queries.model_named(arguments.text("name", required=True), user=user)
    model = services.rename_model(model, name=arguments.text("new_name", required=True), by=user)
    return {"registered_model": serializers.model_json(model)}


def delete(user: User, arguments: Arguments) -> dict[str, Any]:
    model = queries.model_named(arguments.text("name", required=True), user=user)
    services.delete_model(model, by=user)
    return {}


def search_models(user: User, arguments: Arguments) -> dict[str, Any]:
    found = (
        policies.models.visible_to(user)
        .filter(search.condition(arguments.text("filter"), search.MODELS))
        .order_by(*search.order(arguments.texts("order_by"), search.MODELS))
    )
    rows, token = search.page(
        serializers.with_labels(found),
        size=arguments.number("max_results", default=100),
        token=arguments.text("page_token"),
        of=search.MODELS,
    )
    answer: dict[str, Any] = {"registered_models": serializers.models_json(rows)}
    if token:
        answer["next_page_token"] = token
    return answer


def get_latest_versions(user: User, arguments: Arguments) -> dict[str, Any]:
    model = queries.model_named(arguments.text("name", required=True), user=user)
    wanted = {_mlflow_stage(name) for name in arguments.texts("stages")}
    found = [
        serializers.version_json(version)
        for version in serializers.latest_versions([model])
        if not wanted or stages.mlflow_stage_of(version) in wanted
    ]
    return {"model_versions": found}


def set_tag(user: User, arguments: Arguments) -> dict[str, Any]:
    model = queries.model_named(arguments.text("name", required=True), user=user)
    services.set_model_tag(
        model,
        key=arguments.text("key", required=True),
        value=arguments.text("value"),
        by=user,
    )
    return {}


def delete_tag(user: User, arguments: Arguments) -> dict[str, Any]:
    model = queries.model_named(arguments.text("name", required=True), user=user)
    services.delete_model_tag(model, key=arguments.text("key", required=True), by=user)
    return {}


def set_alias(user: User, arguments: Arguments) -> dict[str, Any]:
    model = queries.model_named(arguments.text("name", required=True), user=user)
    alias = arguments.text("alias", required=True)
    version = queries.version_of(model, arguments.text("version", required=True))
    services.set_alias(version, name=alias, by=user)
    return {}


def delete_alias(user: User, arguments: Arguments) -> dict[str, Any]:
    model = queries.model_named(arguments.text("name", required=True), user=user)
    services.delete_alias(model, name=arguments.text("alias", required=True), by=user)
    return {}


def get_by_alias(user: User, arguments: Arguments) -> dict[str, Any]:
    model = queries.model_named(arguments.text("name", required=True), user=user)
    version = queries.version_behind(model, arguments.text("alias", required=True))
    found = serializers.with_everything(queries.versions_of(model)).get(pk=version.pk)
    return {"model_version": serializers.version_json(found)}


def _mlflow_stage(name: str) -> str:
    for stage in stages.MlflowStage.values:
        if name.casefold() == stage.casefold():
            return stage
    raise Invalid(
        f"Invalid Model Version stage: {name}. Value must be one of "
        f"{', '.join(stages.MlflowStage.values)}."
    )
