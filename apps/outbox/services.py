"""Publishing and delivering."""

import logging
from collections.abc import Iterable
from datetime import timedelta

from celery import current_app
from django.conf import settings
from django.db import connection, models, transaction
from django.utils import timezone

from apps.core.context import acting, current
from apps.outbox.events import Event
from apps.outbox.models import MessageState, OutboxMessage
from apps.outbox.subscriptions import (
    DEFAULT_QUEUE,
    is_slow,
    queue_of,
    subscriber,
    subscribers_of,
    wants,
)

log = logging.getLogger(__name__)
FIRST_DELAY = timedelta(seconds=2)
LONGEST_DELAY = timedelta(minutes=10)
SLOW_LEASE = timedelta(minutes=2)
SWEEP_BATCH = 200
RING_AGAIN_AFTER = timedelta(seconds=10)


def publish(event: Event) -> None:
    """Note the event for each of its subscribers, in the transaction of the write it tells of."""
    if not connection.in_atomic_block:
        raise RuntimeError(f"{event.name()} was published outside a transaction")
    messages = OutboxMessage.objects.bulk_create(
        OutboxMessage(
            event=event.name(),
            subscriber=name,
            payload=event.payload(),
            due_at=timezone.now(),
            request_id=current().request_id,
        )
        for name in subscribers_of(event.name())
        if wants(name, event.payload())
    )
    if messages:
        transaction.on_commit(lambda: ring(messages), robust=True)


def ring(messages: Iterable[OutboxMessage]) -> None:
    """Tell the workers. The message waits in the database, so a bell that fails costs seconds."""
    try:
        for message in messages:
            queue = queue_of(message.subscriber)
            current_app.send_task("outbox.deliver", args=[message.pk], queue=queue, retry=False)
    except Exception:
        log.warning("the broker did not take the bell; the sweep will deliver", exc_info=True)


def deliver(message_id: int) -> bool:
    """Call the subscriber of one message. Returns whether the message is done now.

    The row stays locked while the subscriber works, and both commit together; a subscriber that
    talks to the outside is called without a transaction instead, under a lease.
    """
    try:
        slow = _take_slow(message_id)
        if slow is not None:
            _call(slow)
            return _delivered(message_id)
        with transaction.atomic():
            message = (
                OutboxMessage.objects.select_for_update(skip_locked=_can_skip_locked())
                .filter(pk=message_id, state=MessageState.WAITING, due_at__lte=timezone.now())
                .first()
            )
            if message is None or is_slow(message.subscriber):
                return False
            _call(message)
            return _delivered(message_id)
    except Exception as error:
        log.exception("delivery of outbox message %s failed", message_id)
        _put_off(message_id, error)
        return False


def _call(message: OutboxMessage) -> None:
    function = subscriber(message.subscriber)
    if function is None:
        raise LookupError(f"nobody is registered as {message.subscriber}")
    with acting(request_id=message.request_id, via="task"):
        function(message.payload)


@transaction.atomic
def _take_slow(message_id: int) -> OutboxMessage | None:
    """Lease a message whose subscriber is slow, by putting its next attempt off."""
    message = (
        OutboxMessage.objects.select_for_update(skip_locked=_can_skip_locked())
        .filter(pk=message_id, state=MessageState.WAITING, due_at__lte=timezone.now())
        .first()
    )
    if message is None or not is_slow(message.subscriber):
        return None
    message.due_at = timezone.now() + SLOW_LEASE
    message.save(update_fields=["due_at"])
    return message


def _delivered(message_id: int) -> bool:
    return bool(
        OutboxMessage.objects.filter(pk=message_id, state=MessageState.WAITING).update(
            state=MessageState.DELIVERED,
            attempts=models.F("attempts") + 1,
            delivered_at=timezone.now(),
            last_error="",
        )
    )


@transaction.atomic
def _put_off(message_id: int, error: Exception) -> None:
    message = OutboxMessage.objects.select_for_update().get(pk=message_id)
    if message.state != MessageState.WAITING:
        return
    message.attempts += 1
    text = f"{type(error).__name__}: {error}".replace("\x00", "�").encode(errors="replace")
    message.last_error = text.decode()[:2000]
    delay = min(FIRST_DELAY * 2 ** (message.attempts - 1), LONGEST_DELAY)
    message.due_at = timezone.now() + delay
    if message.attempts >= settings.MLGOV_OUTBOX_ATTEMPTS:
        message.state = MessageState.STUCK
    message.save(update_fields=["attempts", "last_error", "due_at", "state"])


def sweep() -> int:
    """Deliver what is due and whose bell was missed. Returns how many were delivered.

    What only other workers can do is rung for again.
    """
    now = timezone.now()
    waiting = OutboxMessage.objects.filter(state=MessageState.WAITING, due_at__lte=now)
    delivered, elsewhere = 0, []
    for message in list(waiting.order_by("id")[:SWEEP_BATCH]):
        if queue_of(message.subscriber) == DEFAULT_QUEUE:
            delivered += deliver(message.pk)
        elif message.created_at < now - RING_AGAIN_AFTER:
            elsewhere.append(message)
    ring(elsewhere)
    return delivered


@transaction.atomic
def retry(message: OutboxMessage) -> OutboxMessage:
    """Let a stuck message be tried again, from the operations page."""
    message = OutboxMessage.objects.select_for_update().get(pk=message.pk)
    if message.state == MessageState.STUCK:
        message.state = MessageState.WAITING
        message.attempts = 0
        message.due_at = timezone.now()
        message.save(update_fields=["state", "attempts", "due_at"])
        transaction.on_commit(lambda: ring([message]), robust=True)
    return message


def _can_skip_locked() -> bool:
    return connection.features.has_select_for_update_skip_locked
