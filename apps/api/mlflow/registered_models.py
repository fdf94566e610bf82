"""MLflow's registered-models/*: each function is one call of the client."""

from typing import Any

from apps.accounts.models import User
from apps.api.mlflow import rows, searches
from apps.api.mlflow.arguments import Arguments
from apps.core.errors import Invalid
from apps.registry import queries, services
from apps.registry.models import RegisteredModel
from apps.stages import queries as stages


def create(user: User, arguments: Arguments) -> dict[str, Any]:
    model = services.create_model(
        name=arguments.text("name", required=True),
        description=arguments.text("description"),
        tags=arguments.tags(),
        by=user,
    )
    return _answer(model)


def get(user: User, arguments: Arguments) -> dict[str, Any]:
    return {"registered_model": _found(user, arguments)}


def update(user: User, arguments: Arguments) -> dict[str, Any]:
    model = queries.model_named(arguments.text("name", required=True), user=user)
    if arguments.has("description"):
        model = services.describe_model(model, description=arguments.text("description"), by=user)
    return _answer(model)


def rename(user: User, arguments: Arguments) -> dict[str, Any]:
    model = queries.model_named(arguments.text("name", required=True), user=user)
    model = services.rename_model(model, name=arguments.text("new_name", required=True), by=user)
    return _answer(model)


def delete(user: User, arguments: Arguments) -> dict[str, Any]:
    model = queries.model_named(arguments.text("name", required=True), user=user)
    services.delete_model(model, by=user)
    return {}


def search_models(user: User, arguments: Arguments) -> dict[str, Any]:
    page, token = searches.models(user, arguments)
    answer: dict[str, Any] = {"registered_models": rows.models_json(page)}
    if token:
        answer["next_page_token"] = token
    return answer


def get_latest_versions(user: User, arguments: Arguments) -> dict[str, Any]:
    latest = _found(user, arguments).get("latest_versions", [])
    wanted = {_mlflow_stage(name) for name in arguments.texts("stages")}
    found = [version for version in latest if not wanted or version["current_stage"] in wanted]
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
    name, alias = arguments.text("name", required=True), arguments.text("alias", required=True)
    if found := rows.VERSION_BEHIND.rows(name=name, alias=alias, asked_by=user):
        return {"model_version": rows.versions_json(found)[0]}
    queries.model_named(name, user=user)
    raise queries.no_alias(alias)


def _found(user: User, arguments: Arguments) -> dict[str, Any]:
    name = arguments.text("name", required=True)
    found = rows.models_json(rows.MODEL_NAMED.rows(name=name, asked_by=user))
    if not found:
        raise queries.no_model(name)
    return found[0]


def _answer(model: RegisteredModel) -> dict[str, Any]:
    return {"registered_model": rows.models_json(rows.MODEL_OF_KEY.rows(pk=model.pk))[0]}


def _mlflow_stage(name: str) -> str:
    for stage in stages.MlflowStage.values:
        if name.casefold() == stage.casefold():
            return stage
    raise Invalid(
        f"Invalid Model Version stage: {name}. Value must be one of "
        f"{', '.join(stages.MlflowStage.values)}."
    )
