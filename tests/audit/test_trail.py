"""The trail: written with the change it tells of, sealed, and tampering is found."""

import io

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from apps.accounts.models import User
from apps.audit import services, tasks
from apps.audit.models import AuditEvent, AuditLink, Seal
from apps.audit.queries import activity_of
from apps.core.context import acting
from apps.projects.models import Project
from tests import factories
from tests.threads import together


def happen(owner: User, project: Project, number: int) -> list[AuditEvent]:
    return [
        services.record(
            actor=owner,
            action="project.edit",
            obj=project,
            also=[owner],
            project=project,
            reason=f"reason {index}",
            data={"n": index, "ratio": 0.1, "big": 10**20, "text": "é"},
        )
        for index in range(number)
    ]


def test_an_event_says_who_what_why_and_from_where(owner: User, project: Project):
    with acting(request_id="request-1", ip="203.0.113.9", via="web"):
        (event,) = happen(owner, project, 1)
    User.objects.filter(pk=owner.pk).update(name="Renamed")
    event.refresh_from_db()

    assert (event.actor_id, event.actor_name, event.action) == (owner.pk, "Owner", "project.edit")
    assert (event.object_type, event.object_id, event.object_name) == (
        "projects.project",
        str(project.pk),
        "Credit",
    )
    assert (event.request_id, event.ip, event.via) == ("request-1", "203.0.113.9", "web")
    assert list(activity_of(project)) == list(activity_of(owner)) == [event]


def test_what_mlgov_does_by_itself_is_its_own(project: Project):
    event = services.record(actor=None, action="x.y", obj=project)
    assert (event.actor_id, event.actor_name, event.via) == (None, "mlgov", "system")


def test_the_trail_goes_with_its_change(owner: User, project: Project):
    with transaction.atomic():
        happen(owner, project, 1)
        transaction.set_rollback(True)
    assert not AuditEvent.objects.exists()


def test_seals_join_the_events_into_a_chain(owner: User, project: Project):
    events = happen(owner, project, 3)
    assert services.seal() == 3
    tasks.seal()
    events += happen(owner, project, 2)
    tasks.seal()

    seals = list(Seal.objects.order_by("id"))
    assert [seal.event_id for seal in seals] == [event.pk for event in events]
    assert [seal.previous for seal in seals] == [services.GENESIS, *(s.digest for s in seals[:-1])]
    found = services.verify()
    assert (found.sealed, found.unsealed, found.broken_at) == (5, 0, None)
    assert found.head == seals[-1].digest


def test_sealing_goes_on_in_parts(owner: User, project: Project, monkeypatch):
    monkeypatch.setattr(services, "SEAL_BATCH", 2)
    happen(owner, project, 5)
    assert [services.seal() for _ in range(4)] == [2, 2, 1, 0]
    assert services.verify().sealed == 5


TAMPERINGS = {
    "another actor": ("UPDATE audit_auditevent SET actor_name = 'Somebody' WHERE id = %s", 2),
    "another reason": ("UPDATE audit_auditevent SET reason = '' WHERE id = %s", 2),
    "another object": ("UPDATE audit_auditlink SET object_id = '999' WHERE event_id = %s", 2),
    "no links": ("DELETE FROM audit_auditlink WHERE event_id = %s", 2),
    "another seal": ("UPDATE audit_seal SET digest = 'x' WHERE event_id = %s", 2),
    "a seal less": ("DELETE FROM audit_seal WHERE event_id = %s", 3),
}


@pytest.mark.parametrize("tampering", TAMPERINGS)
def test_tampering_is_found_at_the_first_event_that_does_not_fit(
    owner: User, project: Project, tampering: str
):
    events = happen(owner, project, 4)
    services.seal()
    sql, found_at = TAMPERINGS[tampering]
    with connection.cursor() as cursor:
        cursor.execute(sql, [events[1].pk])

    assert services.verify().broken_at == events[found_at - 1].pk
    with pytest.raises(CommandError, match=f"event {events[found_at - 1].pk}") as refusal:
        call_command("audit_verify")
    assert refusal.value.returncode == 1


def test_an_event_that_was_cut_out_with_its_seal_leaves_a_gap(owner: User, project: Project):
    events = happen(owner, project, 3)
    services.seal()
    AuditLink.objects.filter(event=events[1]).delete()
    Seal.objects.filter(event=events[1]).delete()
    events[1].delete()
    assert services.verify().broken_at == events[2].pk


def test_the_command_says_what_fits(owner: User, project: Project):
    happen(owner, project, 2)
    services.seal()
    happen(owner, project, 1)
    out = io.StringIO()
    call_command("audit_verify", stdout=out)

    assert out.getvalue().startswith("2 sealed events fit their seals; 1 are not sealed yet.")


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_two_sealers_at_once_do_not_fork_the_chain(monkeypatch):
    monkeypatch.setattr(services, "SEAL_BATCH", 3)
    owner = factories.make_user("owner")
    project = factories.make_project("credit", owner=owner)
    for _ in range(5):
        happen(owner, project, 6)
        results = together(services.seal, services.seal)
        assert [type(result) for result in results] == [int, int]
    while services.seal():
        pass

    found = services.verify()
    assert (found.sealed, found.unsealed, found.broken_at) == (30, 0, None)
