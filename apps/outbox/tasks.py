from celery import shared_task

from apps.outbox import services


@shared_task(name="outbox.deliver")
def deliver(message_id: int) -> None:
    services.deliver(message_id)


@shared_task(name="outbox.sweep")
def sweep() -> None:
    services.sweep()
