from typing import Any

from apps.outbox.subscriptions import subscribe
from apps.registry import services
from apps.registry.models import Ingest
from apps.registry.services.ingests import KIND
from apps.runs.events import RunEnded
from apps.runs.failures import WORKER_LOST
from apps.runs.states import RunState


@subscribe(RunEnded)
def decide_what_a_failed_ingest_means(payload: dict[str, Any]) -> None:
    """A lost worker is nobody's fault and tried again; any other end decides the version."""
    if payload["kind"] != KIND or payload["state"] == RunState.SUCCEEDED:
        return
    found = (
        Ingest.objects.select_related("version__model", "run").filter(run=payload["run_id"]).first()
    )
    # A later attempt decides for itself.
    if found is None or found.version.ingests.filter(pk__gt=found.pk).exists():
        return
    if payload["code"] == WORKER_LOST:
        services.start_again(found.version)
    elif payload["state"] == RunState.CANCELLED:
        services.reject_version(found.version, reason="Somebody cancelled the registration.")
    else:
        run = found.run
        services.reject_version(
            found.version, reason=f"{run.error_text} {run.error_remedy}".strip()
        )
