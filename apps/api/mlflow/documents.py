"""Models and versions as PostgreSQL writes them in JSON itself, to the last byte as `rows` does.

A page of models is hundreds of small values. To fetch each, make an object of Python of it, and
write that as text again takes several times as long as to find them.
"""

from string import Template
from typing import Any

from django.db.models import F, Func, TextField

# The names with a $ are columns. `concat` leaves out what is NULL, and `||` makes the whole of it
# NULL: fields that are not set, and lists of nothing.
VERSION = Template(
    """concat('{"name": ', to_json($name::text), ', "version": "', $number,
    '", "creation_timestamp": ', floor(extract(epoch FROM $created_at) * 1000)::bigint,
    ', "last_updated_timestamp": ', floor(extract(epoch FROM $updated_at) * 1000)::bigint,
    ', "user_id": ', to_json($user::text),
    ', "current_stage": ', to_json(coalesce($stage, 'None')::text),
    ', "description": ', to_json($description::text), ', "source": ', to_json($source::text),
    ', "run_id": ', to_json($run_id::text), ', "status": ', to_json($state::text),
    ', "run_link": ', to_json($run_link::text),
    CASE WHEN $status_message <> ''
        THEN concat(', "status_message": ', to_json($status_message::text)) END,
    (SELECT ', "tags": [' || string_agg(concat('{"key": ', to_json(t.key::text),
        ', "value": ', to_json(t.value::text), '}'), ', ' ORDER BY t.id) || ']'
        FROM registry_versiontag t WHERE t.version_id = $pk),
    $aliases, '}')"""
)
ALIASES_OF_VERSION = Template(
    """(SELECT ', "aliases": [' ||
        string_agg(to_json(a.name::text)::text, ', ' ORDER BY a.name COLLATE "C") || ']'
        FROM registry_alias a WHERE a.version_id = $pk)"""
)
# The newest in each of MLflow's stages. A stage of ours may be MLflow's `None` too, in which those
# without a place are.
LATEST = Template(
    """(SELECT ', "latest_versions": [' || string_agg($version, ', ' ORDER BY v.number) || ']'
        FROM (
            SELECT DISTINCT ON (known.stage) known.* FROM (
                (SELECT s.mlflow_stage AS stage, $columns FROM stages_placement p
                    JOIN registry_modelversion v ON v.id = p.version_id
                    JOIN stages_stage s ON s.id = p.stage_id
                    WHERE p.model_id = $pk AND v.deleted_at IS NULL)
                UNION ALL (
                    SELECT 'None' AS stage, $columns FROM registry_modelversion v
                    WHERE v.model_id = $pk AND v.deleted_at IS NULL AND NOT EXISTS
                        (SELECT 1 FROM stages_placement p WHERE p.version_id = v.id)
                    ORDER BY v.number DESC LIMIT 1
                )
            ) known ORDER BY known.stage, known.number DESC
        ) v)"""
)
MODEL = Template(
    """concat('{"name": ', to_json($name::text),
    ', "creation_timestamp": ', floor(extract(epoch FROM $created_at) * 1000)::bigint,
    ', "last_updated_timestamp": ', floor(extract(epoch FROM $updated_at) * 1000)::bigint,
    CASE WHEN $description <> '' THEN concat(', "description": ', to_json($description::text)) END,
    $latest,
    (SELECT ', "tags": [' || string_agg(concat('{"key": ', to_json(t.key::text),
        ', "value": ', to_json(t.value::text), '}'), ', ' ORDER BY t.id) || ']'
        FROM registry_modeltag t WHERE t.model_id = $pk),
    (SELECT ', "aliases": [' || string_agg(concat('{"alias": ', to_json(a.name::text),
        ', "version": "', v.number, '"}'), ', ' ORDER BY a.name COLLATE "C") || ']'
        FROM registry_alias a JOIN registry_modelversion v ON v.id = a.version_id
        WHERE a.model_id = $pk),
    '}')"""
)
OF_VERSION = {
    "pk": "pk",
    "name": "model__name",
    "number": "number",
    "created_at": "created_at",
    "updated_at": "updated_at",
    "user": "registered_by__username",
    "stage": "placement__stage__mlflow_stage",
    "description": "description",
    "source": "source",
    "run_id": "source_run_id",
    "state": "state",
    "run_link": "run_link",
    "status_message": "status_message",
}
OF_LATEST = {
    "pk": "v.id",
    "number": "v.number",
    "created_at": "v.created_at",
    "updated_at": "v.updated_at",
    "user": "(SELECT username FROM accounts_user WHERE id = v.registered_by_id)",
    "stage": "v.stage",
    "description": "v.description",
    "source": "v.source",
    "run_id": "v.source_run_id",
    "state": "v.state",
    "run_link": "v.run_link",
    "status_message": "v.status_message",
}
# What `OF_LATEST` names.
COLUMNS_OF_LATEST = """v.id, v.number, v.created_at, v.updated_at, v.description, v.source,
    v.source_run_id, v.state, v.run_link, v.status_message, v.registered_by_id"""
OF_MODEL = {name: name for name in ("pk", "name", "created_at", "updated_at", "description")}


class Document(Func):
    """One text for each row: the template, with the columns of the query in it."""

    def __init__(self, template: str, fields: dict[str, str]) -> None:
        super().__init__(*(F(field) for field in fields.values()), output_field=TextField())
        self.document, self.names = Template(template), tuple(fields)

    def as_sql(  # type: ignore[override]  # called without a function, template or joiner
        self, compiler: Any, connection: Any, **_: Any
    ) -> Any:
        columns = [compiler.compile(source)[0] for source in self.source_expressions]
        return self.document.substitute(dict(zip(self.names, columns, strict=True))), ()


def of_version(*, with_aliases: bool) -> Document:
    aliases = ALIASES_OF_VERSION.template if with_aliases else "NULL"
    return Document(VERSION.safe_substitute(aliases=aliases), OF_VERSION)


def of_model(*, aliases_of_latest: bool) -> Document:
    aliases = "NULL"
    if aliases_of_latest:
        aliases = ALIASES_OF_VERSION.substitute(pk="v.id")
    version = VERSION.safe_substitute(OF_LATEST, aliases=aliases)
    latest = LATEST.safe_substitute(version=version, columns=COLUMNS_OF_LATEST)
    return Document(MODEL.safe_substitute(latest=latest), OF_MODEL)
