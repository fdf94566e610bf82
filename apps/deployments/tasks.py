from celery import shared_task

from apps.deployments import services


# One that waited for longer than the beat's interval has been overtaken by the next.
@shared_task(name="deployments.reconcile", expires=10)
def reconcile() -> None:
    services.reconcile()
