"""MLflow's registered-models/*: each function is one call of the client."""

from typing import Any

from apps.accounts.models import User
from apps.api.mlflow import rows, searches
from apps.api.mlflow.arguments import Arguments
from apps.core.errors import Invalid, NotFound
from apps.registry import queries, services, validation
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
    return {"registered_model": _found(user, arguments.name())}


def update(user: User, arguments: Arguments) -> dict[str, Any]:
    name, description = arguments.name(), arguments.text("description")
    model = queries.entry_named(name, user=user)
    # An update that says nothing changes nothing; MLflow's server empties the description.
    if arguments.has("description"):
        model = services.describe_model(model, description=description, by=user)
    return _answer(model)


def rename(user: User, arguments: Arguments) -> dict[str, Any]:
    name, new = arguments.name(), arguments.name("new_name")
    return _answer(services.rename_model(queries.entry_named(name, user=user), name=new, by=user))


def delete(user: User, arguments: Arguments) -> dict[str, Any]:
    services.delete_model(queries.entry_named(arguments.name(), user=user), by=user)
    return {}


def search_models(user: User, arguments: Arguments) -> dict[str, Any]:
    page, token = searches.models(user, arguments)
    answer = rows.some("registered_models", rows.models_json(page))
    if token:
        answer["next_page_token"] = token
    return answer


def get_latest_versions(user: User, arguments: Arguments) -> dict[str, Any]:
    name, names = arguments.name(), arguments.texts("stages")
    latest = _found(user, name, aliases_of_latest=True).get("latest_versions", [])
    wanted = {_mlflow_stage(name) for name in names}
    found = [version for version in latest if not wanted or version["current_stage"] in wanted]
    return rows.some("model_versions", found)


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
        return {"model_version": rows.versions_json(found)[0]}
    model = queries.entry_named(name, user=user)
    if alias.lower() == validation.LATEST:
        return {"model_version": _newest(model)}
    raise queries.no_alias(alias)


def _newest(model: RegisteredModel) -> dict[str, Any]:
    newest = queries.versions_of(model).order_by("-number").values_list("pk", flat=True).first()
    if newest is None:
        raise NotFound(f"Latest version not found for model {model.name}.")
    return rows.versions_json(rows.by_keys([newest]))[0]


def _found(user: User, name: str, *, aliases_of_latest: bool = False) -> dict[str, Any]:
    asked = rows.MODEL_NAMED.rows(name=name, asked_by=user)
    found = rows.models_json(asked, aliases_of_latest=aliases_of_latest)
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
