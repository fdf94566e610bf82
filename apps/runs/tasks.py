from celery import shared_task

from apps.runs import services


@shared_task(name="runs.execute")
def execute(run_id: int) -> None:
    services.execute(run_id)


@shared_task(name="runs.sweep")
def sweep() -> None:
    services.sweep()


@shared_task(name="runs.note_worker")
def note_worker(name: str, queues: list[str]) -> None:
    services.note_worker(name, queues)
