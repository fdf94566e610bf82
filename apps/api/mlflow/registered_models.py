"""MLflow's registered-models/*: each function is one call of the client."""

import json
from typing import Any

from apps.accounts.models import User
from apps.api.mlflow import rows, searches
from apps.api.mlflow.arguments import Arguments
from apps.core.errors import Invalid, NotFound
from apps.registry import policies, queries, services, validation
from apps.registry.models import RegisteredModel
from apps.stages import queries as stages


def create(user: User, arguments: Arguments) -> dict[str, Any]:
    name, tags = arguments.text("name", required=True), arguments.tags()
    description = arguments.text("description")
    model = services.create_model(name=name, description=description, tags=tags, by=user)
    return {"registered_model": rows.new_model(model, tags)}


def get(user: User, arguments: Arguments) -> dict[str, Any]:
    name = arguments.name()
    found = rows.MODEL_NAMED.rows(name=name, asked_by=user)
    if not found:
        raise queries.no_model(name)
    return _answer_of(rows.seen_by(user, rows.models_json(found))[0])


def update(user: User, arguments: Arguments) -> dict[str, Any]:
    name, description = arguments.name(), arguments.text("description")
    model = queries.entry_named(name, user=user)
    # An update that says nothing changes nothing; MLflow's server empties the description.
    if arguments.has("description"):
        model = services.describe_model(model, description=description, by=user)
    return _answer(model, user)


def rename(user: User, arguments: Arguments) -> dict[str, Any]:
    name, new = arguments.name(), arguments.name("new_name")
    model = services.rename_model(queries.entry_named(name, user=user), name=new, by=user)
    return _answer(model, user)


def delete(user: User, arguments: Arguments) -> dict[str, Any]:
    services.delete_model(queries.entry_named(arguments.name(), user=user), by=user)
    return {}


def search_models(user: User, arguments: Arguments) -> dict[str, Any]:
    page, token = searches.models(user, arguments)
    answer = rows.some("registered_models", rows.seen_by(user, rows.models_json(page)))
    if token:
        answer["next_page_token"] = token
    return answer


def get_latest_versions(user: User, arguments: Arguments) -> dict[str, Any]:
    name, names = arguments.name(), arguments.texts("stages")
    asked = rows.MODEL_NAMED_WITH_ALIASES_OF_LATEST.rows(name=name, asked_by=user)
    models = rows.seen_by(user, rows.models_json(asked, aliases_of_latest=True))
    if not models:
        raise queries.no_model(name)
    latest = json.loads(models[0]).get("latest_versions", [])
    wanted = {_mlflow_stage(name) for name in names}
    found = [version for version in latest if not wanted or version["current_stage"] in wanted]
    return {"model_versions": found} if found else {}


def set_tag(user: User, arguments: Arguments) -> dict[str, Any]:
    name, (key, value) = arguments.name(), arguments.tag()
    services.set_model_tag(queries.entry_named(name, user=user), key=key, value=value, by=user)
    return {}


def delete_tag(user: User, arguments: Arguments) -> dict[str, Any]:
    name, key = arguments.name(), arguments.key()
    services.delete_model_tag(queries.entry_named(name, user=user), key=key, by=user)
    return {}


def set_alias(user: User, arguments: Arguments) -> dict[str, Any]:
    name, alias, number = arguments.name(), arguments.alias(), arguments.version()
    validation.alias(alias)
    services.set_alias(queries.version_named(name, number, user=user), name=alias, by=user)
    return {}


def delete_alias(user: User, arguments: Arguments) -> dict[str, Any]:
    name, alias = arguments.name(), arguments.alias()
    services.delete_alias(queries.entry_named(name, user=user), name=alias, by=user)
    return {}


def get_by_alias(user: User, arguments: Arguments) -> dict[str, Any]:
    name, alias = arguments.name(), arguments.alias()
    if found := rows.VERSION_BEHIND.rows(name=name, alias=alias, asked_by=user):
        return {"model_version": rows.Written(rows.versions_json(found)[0])}
    model = queries.entry_named(name, user=user)
    if alias.lower() == validation.LATEST:
        return {"model_version": _newest(model, user)}
    raise queries.no_alias(alias)


def _newest(model: RegisteredModel, user: User) -> rows.Written:
    seen = policies.versions_within(user).filter(model=model)
    newest = seen.order_by("-number").values_list("pk", flat=True).first()
    if newest is None:
        raise NotFound(f"Latest version not found for model {model.name}.")
    return rows.Written(rows.versions_json(rows.VERSION_OF_KEY.rows(pk=newest))[0])


def _answer(model: RegisteredModel, user: User) -> dict[str, Any]:
    found = rows.MODEL_OF_KEY.rows(pk=model.pk)
    return _answer_of(rows.seen_by(user, rows.models_json(found))[0])


def _answer_of(model: str) -> dict[str, Any]:
    return {"registered_model": rows.Written(model)}


def _mlflow_stage(name: str) -> str:
    for stage in stages.MlflowStage.values:
        if name.casefold() == stage.casefold():
            return stage
    raise Invalid(
        f"Invalid Model Version stage: {name}. Value must be one of "
        f"{', '.join(stages.MlflowStage.values)}."
    )
