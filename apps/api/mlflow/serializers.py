"""Models and versions in MLflow's field names. What is not set is left out, as MLflow does."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db.models import Prefetch, QuerySet

from apps.registry.models import Alias, ModelVersion, RegisteredModel
from apps.registry.queries import latest_of_each
from apps.stages import queries as stages


def with_everything(versions: QuerySet[ModelVersion]) -> QuerySet[ModelVersion]:
    """The same versions, with all that `version_json` reads."""
    return stages.with_stage(versions.select_related("model", "registered_by")).prefetch_related(
        "tags", Prefetch("aliases", Alias.objects.order_by("name"))
    )


def version_json(version: ModelVersion) -> dict[str, Any]:
    """One version; select it by `with_everything`."""
    found: dict[str, Any] = {
        "name": version.model.name,
        "version": str(version.number),
        "creation_timestamp": _milliseconds(version.created_at),
        "last_updated_timestamp": _milliseconds(version.updated_at),
        "user_id": version.registered_by.username,
        "current_stage": stages.mlflow_stage_of(version),
        "description": version.description,
        "source": version.source,
        "run_id": version.source_run_id,
        "status": version.state,
        "run_link": version.run_link,
    }
    if version.status_message:
        found["status_message"] = version.status_message
    if tags := [{"key": tag.key, "value": tag.value} for tag in version.tags.all()]:
        found["tags"] = tags
    if aliases := [alias.name for alias in version.aliases.all()]:
        found["aliases"] = aliases
    return found


def models_json(models: Iterable[RegisteredModel]) -> list[dict[str, Any]]:
    """Several models with their latest versions, by the same number of queries as one."""
    models = list(models)
    latest = _latest(models)
    return [_model_json(model, latest[model.pk]) for model in models]


def model_json(model: RegisteredModel) -> dict[str, Any]:
    return models_json([with_labels(RegisteredModel.objects.filter(pk=model.pk)).get()])[0]


def with_labels(models: QuerySet[RegisteredModel]) -> QuerySet[RegisteredModel]:
    aliases = Alias.objects.select_related("version").order_by("name")
    return models.prefetch_related("tags", Prefetch("aliases", aliases))


def latest_versions(
    models: Iterable[RegisteredModel],
) -> list[ModelVersion]:
    """For each model and each of MLflow's stages, the version with the highest number."""
    living = ModelVersion.objects.filter(model__in=[model.pk for model in models], deleted_at=None)
    newest = latest_of_each(living, "model_id", "placement__stage__mlflow_stage")
    found: dict[tuple[int, str], ModelVersion] = {}
    # Two stages of ours may be one of MLflow's.
    for version in with_everything(newest).order_by("model_id", "number"):
        found[version.model_id, stages.mlflow_stage_of(version)] = version
    return sorted(found.values(), key=lambda version: (version.model_id, version.number))


def _latest(models: list[RegisteredModel]) -> dict[int, list[ModelVersion]]:
    grouped: dict[int, list[ModelVersion]] = defaultdict(list)
    for version in latest_versions(models):
        grouped[version.model_id].append(version)
    return grouped


def _model_json(model: RegisteredModel, latest: list[ModelVersion]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "name": model.name,
        "creation_timestamp": _milliseconds(model.created_at),
        "last_updated_timestamp": _milliseconds(model.updated_at),
    }
    if model.description:
        found["description"] = model.description
    if latest:
        found["latest_versions"] = [version_json(version) for version in latest]
    if tags := [{"key": tag.key, "value": tag.value} for tag in model.tags.all()]:
        found["tags"] = tags
    if aliases := [
        {"alias": alias.name, "version": str(alias.version.number)} for alias in model.aliases.all()
    ]:
        found["aliases"] = aliases
    return found


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
