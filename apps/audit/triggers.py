"""Triggers that keep the trail, the row history and what was signed append-only, for any SQL.

They stop accidents, and the application itself. Who owns the tables can drop them: in production
the application's role should only select and insert here, and the seals show what was changed all
the same.
"""

from typing import Any

from django.apps import apps
from django.conf import settings
from django.db import connections

TRAIL = ("audit_auditevent", "audit_auditlink", "audit_seal")
# What somebody signed, in the table of an app above: it is known here by its name alone.
SIGNED = ("access_accessreview",)
REFUSAL = "The audit trail and the history are append-only."
FUNCTION = f"""
CREATE OR REPLACE FUNCTION mlgov_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '{REFUSAL}' USING ERRCODE = 'integrity_constraint_violation';
END $$
"""


def follow_the_setting(using: str, **_: Any) -> None:
    """After each `migrate`: tables are new, or the operator changed his mind."""
    if settings.AUDIT_TRIGGERS:
        install(using)
    else:
        remove(using)


def tables(using: str) -> list[str]:
    """The append-only tables that exist by now."""
    history = {
        model._meta.db_table
        for model in apps.get_models()
        if {"history_id", "m2m_history_id"} & {field.name for field in model._meta.fields}
    }
    existing = set(connections[using].introspection.table_names())
    return sorted((history | set(TRAIL) | set(SIGNED)) & existing)


def install(using: str = "default") -> None:
    """Refuse changes from now on. Safe to repeat."""
    remove(using)
    connection = connections[using]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(FUNCTION)
        for table in tables(using):
            name = connection.ops.quote_name(table)
            for verb in _verbs(connection.vendor):
                trigger = connection.ops.quote_name(_trigger(table, verb))
                if connection.vendor == "postgresql":
                    each = "STATEMENT" if verb == "TRUNCATE" else "ROW"
                    cursor.execute(
                        f"CREATE TRIGGER {trigger} BEFORE {verb} ON {name} "
                        f"FOR EACH {each} EXECUTE FUNCTION mlgov_append_only()"
                    )
                else:
                    cursor.execute(
                        f"CREATE TRIGGER {trigger} BEFORE {verb} ON {name} "
                        f"BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END"
                    )


def remove(using: str = "default") -> None:
    connection = connections[using]
    with connection.cursor() as cursor:
        for table in tables(using):
            for verb in _verbs(connection.vendor):
                trigger = connection.ops.quote_name(_trigger(table, verb))
                name = connection.ops.quote_name(table)
                on = f" ON {name}" if connection.vendor == "postgresql" else ""
                cursor.execute(f"DROP TRIGGER IF EXISTS {trigger}{on}")


def _verbs(vendor: str) -> tuple[str, ...]:
    return ("UPDATE", "DELETE", "TRUNCATE") if vendor == "postgresql" else ("UPDATE", "DELETE")


def _trigger(table: str, verb: str) -> str:
    # PostgreSQL would cut a longer name, and then two of them could be the same.
    return f"no_{verb.lower()}_{table}"[:63]
