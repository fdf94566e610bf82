"""MLflow's model-versions/*: each function is one call of the client."""

from typing import Any
from urllib.parse import quote

from django.conf import settings

from apps.accounts.models import User
from apps.api.mlflow import search, serializers
from apps.api.mlflow.arguments import Arguments
from apps.core.errors import Conflict, Invalid, NotPermitted
from apps.registry import policies, queries, services
from apps.registry.models import ModelVersion
from apps.stages import queries as stages
from apps.stages import services as stage_services


def create(user: User, arguments: Arguments) -> dict[str, Any]:
    model = queries.model_named(arguments.text("name", required=True), user=user)
    version = services.create_version(
        model,
        source=arguments.text("source", required=True),
        run_id=arguments.text("run_id"),
        model_id=arguments.text("model_id"),
        run_link=arguments.text("run_link"),
        description=arguments.text("description"),
        tags=arguments.tags(),
        by=user,
    )
    return _answer(version)


def get(user: User, arguments: Arguments) -> dict[str, Any]:
    return _answer(_named(user, arguments))


def update(user: User, arguments: Arguments) -> dict[str, Any]:
    version = _named(user, arguments)
    if arguments.has("description"):
        services.describe_version(version, description=arguments.text("description"), by=user)
    return _answer(version)


def delete(user: User, arguments: Arguments) -> dict[str, Any]:
    services.delete_version(_named(user, arguments), by=user)
    return {}


def search_versions(user: User, arguments: Arguments) -> dict[str, Any]:
    found = (
        policies.versions.visible_to(user)
        .filter(search.condition(arguments.text("filter"), search.VERSIONS))
        .order_by(*search.order(arguments.texts("order_by"), search.VERSIONS))
    )
    rows, token = search.page(
        serializers.with_everything(found),
        size=arguments.number("max_results", default=search.VERSIONS.most_results),
        token=arguments.text("page_token"),
        of=search.VERSIONS,
    )
    answer: dict[str, Any] = {
        "model_versions": [serializers.version_json(version) for version in rows]
    }
    if token:
        answer["next_page_token"] = token
    return answer


def get_download_uri(user: User, arguments: Arguments) -> dict[str, Any]:
    """Where the client finds the artifacts: on its tracking server, which is mlgov again."""
    version = _named(user, arguments)
    if not version.is_ready:
        raise Conflict(
            f"{version} is not ready ({version.state}), so there is nothing to download. "
            f"{version.status_message}".strip()
        )
    return {"artifact_uri": f"mlflow-artifacts:/{version.artifact_path}"}


def set_tag(user: User, arguments: Arguments) -> dict[str, Any]:
    services.set_version_tag(
        _named(user, arguments),
        key=arguments.text("key", required=True),
        value=arguments.text("value"),
        by=user,
    )
    return {}


def delete_tag(user: User, arguments: Arguments) -> dict[str, Any]:
    services.delete_version_tag(
        _named(user, arguments), key=arguments.text("key", required=True), by=user
    )
    return {}


def transition_stage(user: User, arguments: Arguments) -> dict[str, Any]:
    """Move where the stage asks for no review; else say where the review is requested."""
    version = _named(user, arguments)
    name = arguments.text("stage", required=True)
    arguments.flag("archive_existing_versions", required=True)
    stage = stages.stage_named(version.project, name)
    if stage is None:
        known = ", ".join(known.name for known in stages.stages_of(version.project)) or "none yet"
        raise Invalid(f"Invalid Model Version stage: {name}. The stages here are: {known}.")
    if stages.current_stage(version) == stage:
        return _answer(version)
    if stages.policy_for(stage, version.project).needs_review:
        url = card_url(version)
        raise NotPermitted(
            f"{version} enters {stage} when its review is approved. Request the review on its "
            f"model card: {url}",
            code="review_required",
            details={"card_url": url},
        )
    stage_services.move(version, stage, by=user, reason="Asked for through MLflow's client.")
    return _answer(version)


def card_url(version: ModelVersion) -> str:
    name = quote(version.model.name, safe="")
    return f"{settings.MLGOV_BASE_URL}/models/{name}/versions/{version.number}"


def _named(user: User, arguments: Arguments) -> ModelVersion:
    model = queries.model_named(arguments.text("name", required=True), user=user)
    return queries.version_of(model, arguments.text("version", required=True))


def _answer(version: ModelVersion) -> dict[str, Any]:
    # Read again: a service gives back the row it changed, without what stands beside it.
    found = serializers.with_everything(ModelVersion.objects.filter(pk=version.pk)).get()
    return {"model_version": serializers.version_json(found)}
