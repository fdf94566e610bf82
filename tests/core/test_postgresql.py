"""What our database backend does beyond Django's."""

import psycopg
import pytest
from django.db import connection
from django.db.transaction import TransactionManagementError, atomic

from apps.core.prepared import Prepared
from apps.registry.models import RegisteredModel


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_a_connection_that_the_server_ended_is_not_used_again() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (process,) = cursor.fetchone()
    assert connection.is_usable()

    parameters = {**connection.get_connection_params(), "cursor_factory": psycopg.Cursor}
    parameters.pop("context", None)
    with psycopg.connect(**parameters, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [process])

    assert not connection.is_usable()
    connection.close()


def _planned() -> set[tuple[str, int]]:
    """The statements of which the server keeps the plans, and how often it planned each anew."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement, custom_plans FROM pg_prepared_statements")
        return set(cursor.fetchall())


@pytest.mark.postgres
@pytest.mark.django_db
def test_the_server_keeps_the_plan_of_a_kept_query_and_of_nothing_else() -> None:
    named = Prepared(lambda pk: RegisteredModel.objects.order_by().filter(pk=pk).values_list("pk"))
    before = _planned()

    for pk in (1, 2):
        assert named.rows(pk=pk) == []
        assert not RegisteredModel.objects.filter(pk=pk, name="not kept").exists()

    ((planned, times_anew),) = _planned() - before
    assert '"registry_registeredmodel"."id" = $1' in planned
    assert times_anew == 0
    assert connection.connection.prepare_threshold is None


@pytest.mark.postgres
@pytest.mark.django_db
def test_behind_a_pooler_no_plan_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connection.settings_dict, "PREPARES", False)
    named = Prepared(lambda pk: RegisteredModel.objects.filter(pk=pk).values_list("name"))
    before = _planned()

    assert named.rows(pk=1) == []

    assert _planned() == before


@pytest.mark.django_db(transaction=True)
def test_rows_are_locked_in_a_transaction_only() -> None:
    locked = Prepared(
        lambda pk: (
            RegisteredModel.objects.select_for_update(no_key=True)
            .order_by()
            .filter(pk=pk)
            .values_list("pk")
        )
    )
    with atomic():
        assert locked.rows(pk=1) == []
    with pytest.raises(TransactionManagementError):
        locked.rows(pk=1)


@pytest.mark.django_db
def test_signs_of_percent_and_quotes_in_a_kept_query_stay_what_they_are() -> None:
    named = Prepared(
        lambda pk: (
            RegisteredModel.objects.filter(pk=pk).exclude(name="50 %s 'x' %% \\").values_list("pk")
        )
    )
    assert [named.rows(pk=pk) for pk in (1, 2)] == [[], []]
