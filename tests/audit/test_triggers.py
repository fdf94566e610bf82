"""With triggers, nobody changes the trail or the history, whatever he speaks to the database."""

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction

from apps.accounts.models import User
from apps.audit import services, triggers
from apps.audit.models import AuditEvent, AuditLink, Seal
from apps.projects.models import Membership, Project, ReviewerRole


@pytest.fixture
def append_only(owner: User, project: Project, risk_role: ReviewerRole) -> None:
    """An event with a seal, and triggers. They go with the test's transaction."""
    Membership.objects.get(user=owner).reviewer_roles.add(risk_role)
    services.record(actor=owner, action="x.y", obj=project)
    services.seal()
    triggers.install()


def refused(change) -> None:
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        change()


def sql(statement: str):
    def execute() -> None:
        with connection.cursor() as cursor:
            cursor.execute(statement)

    return execute


def test_the_trail_and_its_seals_refuse_changes(append_only):
    for model in (AuditEvent, AuditLink, Seal):
        field = {AuditEvent: "reason", AuditLink: "object_id", Seal: "digest"}[model]
        refused(lambda model=model, field=field: model.objects.update(**{field: "x"}))
        refused(sql(f"DELETE FROM {model._meta.db_table}"))
    assert services.verify().broken_at is None


def test_history_refuses_changes_also_of_many_to_many_rows(append_only):
    assert "projects_historicalproject" in triggers.tables("default")
    assert "projects_historicalmembership_reviewer_roles" in triggers.tables("default")
    for table in ("projects_historicalproject", "projects_historicalmembership_reviewer_roles"):
        refused(sql(f"DELETE FROM {table}"))
    refused(lambda: Project.history.update(name="x"))


def test_everything_else_goes_on(append_only, project: Project, owner: User):
    project.name = "Renamed"
    project.save()
    services.record(actor=owner, action="x.z", obj=project)

    assert services.seal() == 1
    assert project.history.count() == 2
    assert services.verify().sealed == 2


@pytest.mark.postgres
def test_truncating_is_refused_as_well(append_only):
    sql("SET CONSTRAINTS ALL IMMEDIATE")()  # or PostgreSQL itself refuses, for those that wait
    refused(sql("TRUNCATE audit_seal"))


def test_migrate_follows_the_setting(append_only, settings):
    settings.AUDIT_TRIGGERS = True
    triggers.follow_the_setting("default")
    triggers.follow_the_setting("default")
    refused(lambda: AuditEvent.objects.update(reason="x"))

    settings.AUDIT_TRIGGERS = False
    triggers.follow_the_setting("default")
    assert AuditEvent.objects.update(reason="x") == 1


def test_each_table_gets_a_trigger_of_its_own():
    names = [triggers._trigger(table, "TRUNCATE") for table in triggers.TRAIL]
    assert len(set(names)) == len(names)


@pytest.mark.slow
def test_a_migrated_database_has_them(db, settings):
    settings.AUDIT_TRIGGERS = True
    call_command("migrate", verbosity=0)
    try:
        assert _number_of_triggers() >= 2 * len(triggers.tables("default"))
    finally:
        triggers.remove()
    assert _number_of_triggers() == 0


def _number_of_triggers() -> int:
    query = (
        "SELECT count(*) FROM information_schema.triggers WHERE trigger_name LIKE 'no\\_%'"
        if connection.vendor == "postgresql"
        else "SELECT count(*) FROM sqlite_master WHERE type = 'trigger'"
    )
    with connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchone()[0]
