"""Models and versions in MLflow's field names. What is not set is left out, as MLflow does.

They are read many times for every write. So one query brings all that an answer says of a row, its
labels among it as JSON, and no object is made of a row.
"""

import json
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db.models import F, Func, QuerySet, TextField

from apps.api.mlflow import lookups  # noqa: F401  (registers among)
from apps.core.prepared import Prepared, Row
from apps.registry import policies
from apps.registry.models import ModelVersion, RegisteredModel
from apps.stages.models import MlflowStage


class Gathered(Func):
    """The rows of a table that belong to a row, as a JSON list of lists. Their order is open."""

    def __init__(self, columns: str, table: str, owner: str) -> None:
        super().__init__(F("pk"), output_field=TextField())
        self.columns, self.table, self.owner = columns, table, owner

    def as_sql(  # type: ignore[override]  # called without a function, template or joiner
        self, compiler: Any, connection: Any, **_: Any
    ) -> Any:
        return self._gathered(compiler, f"json_agg(json_build_array({self.columns}))::text")

    def as_sqlite(self, compiler: Any, connection: Any, **_: Any) -> Any:
        return self._gathered(compiler, f"json_group_array(json_array({self.columns}))")

    def _gathered(self, compiler: Any, gather: str) -> Any:
        owned, parameters = compiler.compile(self.source_expressions[0])
        # The parts are the constants below.
        sql = f"(SELECT {gather} FROM {self.table} WHERE {self.owner} = {owned})"  # nosec B608
        return sql, parameters


class Newest(Gathered):
    """For each of MLflow's stages, the newest version in it. In none are those without a place."""

    def _gathered(self, compiler: Any, gather: str) -> Any:
        owned, parameters = compiler.compile(self.source_expressions[0])
        sql = f"""(SELECT {gather} FROM (
            SELECT MAX(v.id) AS id FROM registry_modelversion v
            JOIN stages_placement p ON p.version_id = v.id
            JOIN stages_stage s ON s.id = p.stage_id
            WHERE v.model_id = {owned} AND v.deleted_at IS NULL GROUP BY s.mlflow_stage
            UNION ALL
            SELECT id FROM (
                SELECT v.id FROM registry_modelversion v
                WHERE v.model_id = {owned} AND v.deleted_at IS NULL AND NOT EXISTS
                    (SELECT 1 FROM stages_placement p WHERE p.version_id = v.id)
                ORDER BY v.number DESC LIMIT 1
            ) unplaced
        ) newest)"""  # nosec B608
        return sql, (*parameters, *parameters)


VERSION = (
    "pk",
    "model_id",
    "model__name",
    "number",
    "created_at",
    "updated_at",
    "registered_by__username",
    "placement__stage__mlflow_stage",
    "description",
    "source",
    "source_run_id",
    "state",
    "run_link",
    "status_message",
    Gathered("t.id, t.key, t.value", "registry_versiontag t", "t.version_id"),
    Gathered("a.name", "registry_alias a", "a.version_id"),
)
MODEL = (
    "pk",
    "name",
    "created_at",
    "updated_at",
    "description",
    Gathered("t.id, t.key, t.value", "registry_modeltag t", "t.model_id"),
    Gathered(
        "a.name, v.number",
        "registry_alias a JOIN registry_modelversion v ON v.id = a.version_id",
        "a.model_id",
    ),
    Newest("newest.id", "", ""),
)


def of_versions(versions: QuerySet[ModelVersion]) -> QuerySet[ModelVersion, Row]:
    """The versions as rows for `versions_json`."""
    return versions.values_list(*VERSION)


def of_models(models: QuerySet[RegisteredModel]) -> QuerySet[RegisteredModel, Row]:
    """The models as rows for `models_json`."""
    return models.values_list(*MODEL)


VERSION_NAMED = Prepared(
    lambda name, number, asker: of_versions(
        policies.versions.entries_visible_to(asker).filter(
            model__name=name, model__deleted_at=None, number=number
        )
    )
)
VERSION_BEHIND = Prepared(
    lambda name, alias, asker: of_versions(
        policies.versions.entries_visible_to(asker).filter(
            model__name=name, model__deleted_at=None, aliases__name=alias
        )
    )
)
MODEL_NAMED = Prepared(
    lambda name, asker: of_models(policies.models.entries_visible_to(asker).filter(name=name))
)
MODEL_OF_KEY = Prepared(lambda pk: of_models(RegisteredModel.objects.filter(pk=pk)))
_VERSIONS_OF_KEYS = Prepared(
    lambda keys: of_versions(ModelVersion.objects.order_by().filter(pk__among=keys))
)


def by_keys(keys: list[int]) -> list[Row]:
    """Versions that somebody was found to see, or has just written."""
    return _VERSIONS_OF_KEYS.rows(keys=json.dumps(keys)) if keys else []


def some(name: str, found: list[dict[str, Any]]) -> dict[str, Any]:
    """A list under its name; MLflow leaves out an empty one."""
    return {name: found} if found else {}


def versions_json(rows: Iterable[Row], *, with_aliases: bool = True) -> list[dict[str, Any]]:
    """MLflow's lists of versions tell no aliases."""
    found = [_version(*row) for row in rows]
    if not with_aliases:
        for version in found:
            version.pop("aliases", None)
    return found


def models_json(rows: Iterable[Row], *, aliases_of_latest: bool = False) -> list[dict[str, Any]]:
    """Models with their latest versions, by one more query for all of them."""
    rows = list(rows)
    newest = [pk for row in rows for (pk,) in _listed(row[-1])]
    latest: dict[int, list[Row]] = defaultdict(list)
    for version in by_keys(newest):
        latest[version[1]].append(version)
    return [
        _model(
            *row[:-1],
            latest=versions_json(
                _one_of_each_stage(latest[row[0]]), with_aliases=aliases_of_latest
            ),
        )
        for row in rows
    ]


def _one_of_each_stage(versions: list[Row]) -> list[Row]:
    """A stage of ours may be MLflow's `None` too, in which those without a place are."""
    found = {}
    for version in sorted(versions, key=lambda version: version[3]):
        found[version[7] or MlflowStage.NONE.value] = version
    return sorted(found.values(), key=lambda version: version[3])


def _version(
    pk: int,
    model_id: int,
    name: str,
    number: int,
    created_at: datetime,
    updated_at: datetime,
    registered_by: str,
    stage: str | None,
    description: str,
    source: str,
    run_id: str,
    state: str,
    run_link: str,
    status_message: str,
    tags: str | None,
    aliases: str | None,
) -> dict[str, Any]:
    found: dict[str, Any] = {
        "name": name,
        "version": str(number),
        "creation_timestamp": int(created_at.timestamp() * 1000),
        "last_updated_timestamp": int(updated_at.timestamp() * 1000),
        "user_id": registered_by,
        "current_stage": stage or MlflowStage.NONE.value,
        "description": description,
        "source": source,
        "run_id": run_id,
        "status": state,
        "run_link": run_link,
    }
    if status_message:
        found["status_message"] = status_message
    if tagged := _listed(tags):
        found["tags"] = [{"key": key, "value": value} for _, key, value in tagged]
    if named := _listed(aliases):
        found["aliases"] = [alias for (alias,) in named]
    return found


def _model(
    pk: int,
    name: str,
    created_at: datetime,
    updated_at: datetime,
    description: str,
    tags: str | None,
    aliases: str | None,
    *,
    latest: list[dict[str, Any]],
) -> dict[str, Any]:
    found: dict[str, Any] = {
        "name": name,
        "creation_timestamp": int(created_at.timestamp() * 1000),
        "last_updated_timestamp": int(updated_at.timestamp() * 1000),
    }
    if description:
        found["description"] = description
    if latest:
        found["latest_versions"] = latest
    if tagged := _listed(tags):
        found["tags"] = [{"key": key, "value": value} for _, key, value in tagged]
    if named := _listed(aliases):
        found["aliases"] = [{"alias": alias, "version": str(number)} for alias, number in named]
    return found


def _listed(text: str | None) -> list[list[Any]]:
    """What was gathered, by its first column: tags as they were set, aliases by name."""
    return sorted(json.loads(text)) if text and text != "[]" else []
