"""What probes, scrapers and the log say."""

import json
import logging
from datetime import timedelta

import pytest
from django.db import OperationalError
from django.test import Client
from django.utils import timezone

from apps.accounts import services as accounts
from apps.accounts.models import User
from apps.api.ops import health
from apps.outbox.models import MessageState, OutboxMessage
from apps.runs import services as runs
from apps.runs.models import Run
from apps.runs.runners import queues
from tests import factories


@pytest.fixture
def workers(db: None) -> None:
    runs.note_worker("celery@here", sorted({"default"} | queues()))


def parts_of(client: Client) -> tuple[int, dict[str, dict[str, object]]]:
    answer = client.get("/readyz")
    return answer.status_code, {part["name"]: part for part in answer.json()["parts"]}


def test_healthz_asks_nobody(client):
    # Without the mark for the database, a query would fail this test.
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()["ok"]) == (200, True)
    assert client.post("/healthz").status_code == 405


def test_ready_when_every_part_is_there(client, workers):
    status, parts = parts_of(client)
    assert (status, [name for name, part in parts.items() if not part["ok"]]) == (200, [])
    assert list(parts) == ["database", "migrations", "broker", "outbox", "workers"]


def test_not_ready_without_workers_for_each_queue(client, db):
    runs.note_worker("default@here", ["default"])
    status, parts = parts_of(client)

    assert (status, parts["workers"]["ok"]) == (503, False)
    assert "builds, deployments" in parts["workers"]["text"]
    assert parts["workers"]["remedy"] == (
        "Start one: celery -A mlgov worker --queues builds,deployments,evaluations"
    )


def test_a_worker_that_went_silent_does_not_count(client, workers):
    runs.WorkerBeat.objects.update(at=timezone.now() - timedelta(seconds=90))
    assert parts_of(client)[0] == 503


def test_not_ready_when_nobody_delivers(client, workers):
    message = _message(due_at=timezone.now() - timedelta(minutes=5))
    assert parts_of(client)[1]["outbox"]["ok"] is False

    # It failed and waits for its next turn: that is not overdue.
    message.due_at = timezone.now() + timedelta(minutes=5)
    message.save()
    assert parts_of(client)[0] == 200


def test_a_stuck_message_is_told_but_mlgov_stays_ready(client, workers):
    _message(due_at=timezone.now() - timedelta(days=1), state=MessageState.STUCK)
    status, parts = parts_of(client)

    assert status == 200
    assert "1 messages could not be delivered" in parts["outbox"]["text"]
    assert parts["outbox"]["remedy"]


def test_not_ready_without_a_broker(client, workers, settings, monkeypatch, tmp_path):
    monkeypatch.setitem(
        settings.CELERY_BROKER_TRANSPORT_OPTIONS, "data_folder_out", str(tmp_path / "gone")
    )
    status, parts = parts_of(client)
    assert (status, parts["broker"]["ok"]) == (503, False)


def test_a_database_that_is_down_is_named(client, db, monkeypatch):
    class Refusing:
        def cursor(self):
            raise OperationalError("connection refused: user mlgov password hush")

    monkeypatch.setattr(health, "connection", Refusing())
    answer = client.get("/readyz")

    assert answer.status_code == 503
    assert [part["name"] for part in answer.json()["parts"]] == ["database"]
    assert "hush" not in answer.content.decode()


def _message(**fields: object) -> OutboxMessage:
    defaults = {"event": "tests.Happened", "subscriber": "nobody", "payload": {}}
    return OutboxMessage.objects.create(**{**defaults, **fields})


def test_metrics_are_for_administrators_and_auditors(client, owner, administrator, db):
    auditor = factories.make_user("auditor")
    auditor.groups.create(name="auditors")

    def status(user: User) -> int:
        _, secret = accounts.create_token(user, name="scraper", by=user)
        headers = {"Authorization": f"Bearer {secret}"}
        return client.get("/metrics", headers=headers).status_code

    assert client.get("/metrics").status_code == 401
    assert [status(user) for user in (owner, auditor, administrator)] == [403, 200, 200]


def test_metrics_can_be_made_public(client, db, settings):
    settings.CONFIGURATION = settings.CONFIGURATION.model_copy(update={"metrics_public": True})
    assert client.get("/metrics").status_code == 200


def test_metrics_tell_how_things_stand(client, db, settings):
    settings.CONFIGURATION = settings.CONFIGURATION.model_copy(update={"metrics_public": True})
    Run.objects.create(kind="builds.build", title="Build")
    _message(due_at=timezone.now(), state=MessageState.STUCK)
    client.get("/healthz")
    client.generic("BREW", "/healthz")
    text = client.get("/metrics").content.decode()

    for line in (
        'mlgov_runs{state="queued"} 1.0',
        'mlgov_runs{state="failed"} 0.0',
        'mlgov_outbox_messages{state="stuck"} 1.0',
        "mlgov_outbox_oldest_waiting_seconds 0.0",
        'mlgov_reviews{state="open"} 0.0',
        'mlgov_deployments{state="serving"} 0.0',
    ):
        assert line in text.splitlines()
    assert 'mlgov_http_requests_total{method="GET",status="200",view="ops:healthz"}' in text
    assert 'method="other"' in text
    assert "BREW" not in text


def test_each_request_is_one_line_without_secrets(client, owner, caplog):
    caplog.set_level(logging.INFO, logger="mlgov.requests")
    client.get(
        "/api/v1/me?token=hush",
        headers={"Authorization": "Bearer mlgov_pat_hush", "X-Request-ID": "probe-12345678"},
    )
    lines = [r.msg for r in caplog.records if r.name == "mlgov.requests"]

    assert len(lines) == 1
    assert {key: lines[0][key] for key in ("method", "path", "status", "user", "request_id")} == {
        "method": "GET",
        "path": "/api/v1/me",
        "status": 401,
        "user": None,
        "request_id": "probe-12345678",
    }
    assert "hush" not in json.dumps(lines[0], default=str)


def test_a_path_that_is_a_secret_is_not_logged(client, db, caplog):
    caplog.set_level(logging.INFO, logger="mlgov.requests")
    client.get("/accounts/password/reset/key/1a-hush-hush/")

    (line,) = [r.msg for r in caplog.records if r.name == "mlgov.requests"]
    assert "hush" not in line["path"]
    assert line["path"].startswith("/accounts/password/reset/key/")


def test_the_line_names_who_asked(client, owner, caplog):
    _, secret = accounts.create_token(owner, name="x", by=owner)
    caplog.set_level(logging.INFO, logger="mlgov.requests")
    client.get("/api/v1/me", headers={"Authorization": f"Bearer {secret}"})

    assert [r.msg["user"] for r in caplog.records if r.name == "mlgov.requests"] == [owner.pk]
