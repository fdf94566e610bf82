from celery import shared_task

from apps.audit import services


@shared_task(name="audit.seal")
def seal() -> None:
    services.seal()
