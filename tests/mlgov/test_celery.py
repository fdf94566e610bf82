"""What workers log, and what they hand on."""

import logging

import pytest

from apps.core.context import acting
from apps.outbox.tasks import sweep
from mlgov import celery


def test_a_task_goes_on_under_the_request_id_that_asked_for_it():
    headers: dict[str, str] = {}
    with acting(request_id="request-1"):
        celery.hand_the_request_id_on(headers=headers)
    assert headers == {"mlgov_request_id": "request-1"}

    celery.hand_the_request_id_on(headers=(nothing := {}))
    assert nothing == {}


@pytest.mark.django_db
def test_a_task_is_one_line_with_its_name(caplog):
    caplog.set_level(logging.DEBUG, logger="mlgov.tasks")
    sweep.apply(task_id="task-1")

    (line,) = [r.msg for r in caplog.records if r.name == "mlgov.tasks"]
    assert (line["task"], line["task_id"], line["state"]) == ("outbox.sweep", "task-1", "SUCCESS")
    # Every three seconds: of interest to nobody.
    assert line["level"] == "debug"


def test_what_beat_asks_for_exists():
    assert {entry["task"] for entry in celery.SCHEDULE.values()} <= set(celery.app.tasks)
