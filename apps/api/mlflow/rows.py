"""Models and versions as JSON in MLflow's field names. What is not set is left out, as MLflow does.

They are read many times for every write. So one query brings all that an answer says of a row, its
labels among it, and no object is made of a row. PostgreSQL writes the JSON itself; for SQLite it is
written here.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import F, Func, QuerySet, TextField

from apps.accounts.models import User
from apps.api.mlflow import documents, lookups  # noqa: F401  (registers among)
from apps.core.moments import milliseconds
from apps.core.prepared import Prepared, Row
from apps.registry import policies
from apps.registry.models import ModelVersion, RegisteredModel
from apps.stages.models import MlflowStage


class Written(str):
    """A part of an answer that is JSON already."""


class Gathered(Func):
    """The rows of a table that belong to a row, as a JSON list of lists. Their order is open."""

    def __init__(self, columns: str, table: str, owner: str) -> None:
        super().__init__(F("pk"), output_field=TextField())
        self.columns, self.table, self.owner = columns, table, owner

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
            SELECT id FROM (
                SELECT v.id, MAX(v.number) FROM stages_placement p
                JOIN registry_modelversion v ON v.id = p.version_id
                JOIN stages_stage s ON s.id = p.stage_id
                WHERE p.model_id = {owned} AND v.deleted_at IS NULL GROUP BY s.mlflow_stage
            ) placed
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


def of_versions(
    versions: QuerySet[ModelVersion], *, with_aliases: bool
) -> QuerySet[ModelVersion, Row]:
    """The versions as rows for `versions_json`. MLflow's lists of versions tell no aliases."""
    if connection.vendor == "postgresql":
        return versions.values_list(documents.of_version(with_aliases=with_aliases))
    return versions.values_list(*VERSION)


def of_models(
    models: QuerySet[RegisteredModel], *, aliases_of_latest: bool = False
) -> QuerySet[RegisteredModel, Row]:
    """The models as rows for `models_json`."""
    if connection.vendor == "postgresql":
        return models.values_list(documents.of_model(aliases_of_latest=aliases_of_latest))
    return models.values_list(*MODEL)


VERSION_NAMED = Prepared(
    lambda name, number, asker: of_versions(
        policies.versions.entries_visible_to(asker).filter(
            model__name=name, model__deleted_at=None, number=number
        ),
        with_aliases=True,
    )
)
VERSION_BEHIND = Prepared(
    lambda name, alias, asker: of_versions(
        policies.versions.entries_visible_to(asker).filter(
            model__name=name, model__deleted_at=None, aliases__name=alias
        ),
        with_aliases=True,
    )
)
MODEL_NAMED = Prepared(
    lambda name, asker: of_models(policies.models.entries_visible_to(asker).filter(name=name))
)
MODEL_NAMED_WITH_ALIASES_OF_LATEST = Prepared(
    lambda name, asker: of_models(
        policies.models.entries_visible_to(asker).filter(name=name), aliases_of_latest=True
    )
)
MODEL_OF_KEY = Prepared(lambda pk: of_models(RegisteredModel.objects.filter(pk=pk)))
VERSION_OF_KEY = Prepared(
    lambda pk: of_versions(ModelVersion.objects.order_by().filter(pk=pk), with_aliases=True)
)
_VERSIONS_OF_KEYS = Prepared(
    lambda keys: ModelVersion.objects.order_by().filter(pk__among=keys).values_list(*VERSION)
)


def versions_json(rows: Iterable[Row], *, with_aliases: bool = True) -> list[str]:
    if connection.vendor == "postgresql":
        return [text for (text,) in rows]
    return [_text(version) for version in _versions(rows, with_aliases=with_aliases)]


def models_json(rows: Iterable[Row], *, aliases_of_latest: bool = False) -> list[str]:
    """Models with their latest versions."""
    if connection.vendor == "postgresql":
        return [text for (text,) in rows]
    rows = list(rows)
    newest = [pk for row in rows for (pk,) in _listed(row[-1])]
    latest: dict[int, list[Row]] = defaultdict(list)
    for version in _VERSIONS_OF_KEYS.rows(keys=json.dumps(newest)) if newest else []:
        latest[version[1]].append(version)
    return [
        _text(
            _model(
                *row[:-1],
                latest=_versions(
                    _one_of_each_stage(latest[row[0]]), with_aliases=aliases_of_latest
                ),
            )
        )
        for row in rows
    ]


def seen_by(user: User, models: list[str]) -> list[str]:
    """The models without those of their versions that a rule hides from the person."""
    if not policies.hides_versions(user):
        return models
    found = [json.loads(model) for model in models]
    seen = policies.versions.entries_visible_to(user).order_by()
    named = seen.filter(model__name__in=[model["name"] for model in found], model__deleted_at=None)
    # A model names few of its versions, however many there are.
    numbers = {
        entry["version"]
        for model in found
        for entry in (*model.get("latest_versions", ()), *model.get("aliases", ()))
    }
    kept = set(named.filter(number__in=numbers).values_list("model__name", "number"))
    for model in found:
        for part in ("latest_versions", "aliases"):
            entries = model.pop(part, ())
            left = [e for e in entries if (model["name"], int(e["version"])) in kept]
            if left:
                model[part] = left
    return [_text(model) for model in found]


def new_model(model: RegisteredModel, tags: Mapping[str, str]) -> Written:
    """A model that was made at this moment, so that nothing has to be read."""
    found = _model(
        model.pk,
        model.name,
        model.created_at,
        model.updated_at,
        model.description,
        _as_gathered(tags),
        None,
        latest=[],
    )
    return Written(_text(found))


def new_version(version: ModelVersion, tags: Mapping[str, str]) -> Written:
    """A version that was made at this moment, so that nothing has to be read."""
    found = _version(
        version.pk,
        version.model_id,
        version.model.name,
        version.number,
        version.created_at,
        version.updated_at,
        version.registered_by.username,
        None,
        version.description,
        version.source,
        version.source_run_id,
        version.state,
        version.run_link,
        version.status_message,
        _as_gathered(tags),
        None,
    )
    return Written(_text(found))


def some(name: str, found: list[str]) -> dict[str, Any]:
    """A list under its name; MLflow leaves out an empty one."""
    return {name: Written(f"[{', '.join(found)}]")} if found else {}


def answer_json(answer: Mapping[str, Any]) -> str:
    """An answer as JSON, of which some values are that already."""
    parts = (
        f"{json.dumps(name)}: {value if isinstance(value, Written) else _text(value)}"
        for name, value in answer.items()
    )
    return f"{{{', '.join(parts)}}}"


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _as_gathered(tags: Mapping[str, str]) -> str:
    return json.dumps([[at, key, value] for at, (key, value) in enumerate(tags.items())])


def _versions(rows: Iterable[Row], *, with_aliases: bool) -> list[dict[str, Any]]:
    found = [_version(*row) for row in rows]
    if not with_aliases:
        for version in found:
            version.pop("aliases", None)
    return found


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
        "creation_timestamp": milliseconds(created_at),
        "last_updated_timestamp": milliseconds(updated_at),
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
        "creation_timestamp": milliseconds(created_at),
        "last_updated_timestamp": milliseconds(updated_at),
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
