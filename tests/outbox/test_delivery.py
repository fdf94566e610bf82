"""Delivery: at least once, later where it fails, never dropped."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from apps.core.context import acting, current
from apps.outbox import services, subscriptions
from apps.outbox.events import Event
from apps.outbox.models import MessageState, OutboxMessage
from apps.projects.models import ReviewerRole
from tests.threads import together

S = MessageState


@dataclass(frozen=True)
class SomethingHappened(Event):
    number: int


heard: list[tuple[str, Any]] = []


def first(payload: dict[str, Any]) -> None:
    heard.append(("first", payload["number"]))


def second(payload: dict[str, Any]) -> None:
    heard.append(("second", current().request_id))


def failing(payload: dict[str, Any]) -> None:
    ReviewerRole.objects.create(slug="half-done", name="Half done")
    raise ValueError("no\x00 luck")


def slow(payload: dict[str, Any]) -> None:
    heard.append(("slow", connection.in_atomic_block))


@pytest.fixture(autouse=True)
def _nothing_heard_yet() -> None:
    heard.clear()


@pytest.fixture
def listening(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Subscribe functions to `SomethingHappened` for one test."""
    monkeypatch.setattr(subscriptions, "_by_event", {**subscriptions._by_event})
    monkeypatch.setattr(subscriptions, "_by_name", {**subscriptions._by_name})
    monkeypatch.setattr(subscriptions, "_slow", {*subscriptions._slow})
    monkeypatch.setattr(subscriptions, "_questions", {**subscriptions._questions})

    def subscribe(*functions: Callable[[dict[str, Any]], None]) -> None:
        subscriptions._by_event[SomethingHappened.name()] = []
        for function in functions:
            subscriptions.subscribe(SomethingHappened, slow=function is slow)(function)

    return subscribe


def published(number: int = 1) -> list[OutboxMessage]:
    with transaction.atomic():
        services.publish(SomethingHappened(number))
    return list(OutboxMessage.objects.order_by("id"))


def test_each_subscriber_hears_by_itself(db, listening):
    listening(first, failing, second)
    with acting(request_id="request-1"):
        messages = published(7)

    assert services.sweep() == 2
    assert heard == [("first", 7), ("second", "request-1")]
    assert [_state(m) for m in messages] == [S.DELIVERED, S.WAITING, S.DELIVERED]


def _state(message: OutboxMessage) -> str:
    message.refresh_from_db()
    return message.state


def test_who_asks_not_to_be_told_gets_no_message(db, listening):
    listening(first)
    subscriptions.subscribe(SomethingHappened, when=lambda payload: payload["number"] > 1)(second)

    assert len(published(1)) == 1
    assert [m.subscriber.rpartition(".")[2] for m in published(2)] == ["first", "first", "second"]


def test_a_failure_takes_back_what_the_subscriber_wrote_and_waits_ever_longer(db, listening):
    listening(failing)
    (message,) = published()
    waits = []
    for _ in range(4):
        OutboxMessage.objects.update(due_at=timezone.now())
        assert services.deliver(message.pk) is False
        message.refresh_from_db()
        waits.append(round((message.due_at - timezone.now()).total_seconds()))

    assert not ReviewerRole.objects.exists()
    assert waits == [2, 4, 8, 16]
    assert (message.state, message.attempts) == (S.WAITING, 4)
    assert message.last_error == "ValueError: no� luck"


def test_what_failed_too_often_waits_for_a_person_and_can_be_let_go_again(db, listening, settings):
    settings.MLGOV_OUTBOX_ATTEMPTS = 2
    listening(failing)
    (message,) = published()
    for _ in range(2):
        OutboxMessage.objects.update(due_at=timezone.now())
        services.deliver(message.pk)
    assert _state(message) == S.STUCK
    OutboxMessage.objects.update(due_at=timezone.now())
    assert services.sweep() == 0

    services.retry(message)
    message.refresh_from_db()
    assert (message.state, message.attempts) == (S.WAITING, 0)


def test_a_bell_before_its_time_delivers_nothing(db, listening):
    listening(first)
    (message,) = published()
    OutboxMessage.objects.update(due_at=timezone.now() + timedelta(minutes=1))

    assert services.deliver(message.pk) is False
    assert (heard, _state(message)) == ([], S.WAITING)


def test_ringing_twice_delivers_once(db, listening):
    listening(first)
    (message,) = published()

    assert [services.deliver(message.pk), services.deliver(message.pk)] == [True, False]
    assert heard == [("first", 1)]


def test_a_message_for_nobody_is_kept(db, listening):
    listening(first)
    (message,) = published()
    subscriptions._by_name.clear()

    assert services.deliver(message.pk) is False
    message.refresh_from_db()
    assert "nobody is registered" in message.last_error


def test_what_was_rolled_back_did_not_happen(db, listening):
    listening(first)
    with transaction.atomic():
        services.publish(SomethingHappened(1))
        transaction.set_rollback(True)
    assert not OutboxMessage.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_publishing_outside_a_transaction_is_a_mistake():
    with pytest.raises(RuntimeError, match="outside a transaction"):
        services.publish(SomethingHappened(1))


@pytest.mark.django_db(transaction=True)
def test_a_slow_subscriber_is_called_without_a_transaction_and_under_a_lease(listening):
    listening(slow)
    (message,) = published()

    assert services._take_slow(message.pk) is not None  # a worker took it, and died
    assert services.deliver(message.pk) is False
    assert heard == []
    OutboxMessage.objects.update(due_at=timezone.now())  # its lease ran out
    assert services.deliver(message.pk) is True
    assert heard == [("slow", False)]


@pytest.mark.django_db(transaction=True)
def test_a_broker_that_is_down_costs_only_time(listening, monkeypatch, settings):
    listening(first)

    def refuse(*args: Any, **kwargs: Any) -> None:
        raise ConnectionError("no broker")

    monkeypatch.setattr(services.current_app, "send_task", refuse, raising=False)
    published()
    assert services.sweep() == 1
    assert heard == [("first", 1)]


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_two_workers_deliver_once(listening):
    listening(first)
    for number in range(20):
        published(number)
    pks = list(OutboxMessage.objects.values_list("pk", flat=True))

    def work() -> int:
        return sum(services.deliver(pk) for pk in pks)

    results = together(work, work)
    services.sweep()  # what both found locked at the same moment

    assert sum(results) <= 20
    assert sorted(number for _, number in heard) == list(range(20))


@pytest.mark.django_db
def test_what_only_other_workers_can_do_is_left_to_them(
    monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    rung: list[tuple[list[int], str]] = []
    monkeypatch.setattr(
        services.current_app,
        "send_task",
        lambda name, args, queue, retry: rung.append((args, queue)),
    )
    name = "apps.deployments.subscribers.clear_what_was_retired"
    now = timezone.now()
    message = OutboxMessage.objects.create(
        event="deployments.DeploymentRetired", subscriber=name, payload={}, due_at=now
    )
    assert (services.sweep(), rung) == (0, [])

    OutboxMessage.objects.update(created_at=now - timedelta(minutes=1))
    assert (services.sweep(), rung) == (0, [([message.pk], "deployments")])
    message.refresh_from_db()
    assert message.state == MessageState.WAITING
