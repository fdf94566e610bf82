from typing import Any

from apps.outbox.subscriptions import subscribe
from apps.runs import services
from apps.runs.events import RunQueued


@subscribe(RunQueued, slow=True)
def ring_the_worker(payload: dict[str, Any]) -> None:
    services.ring(payload["run_id"], payload["queue"])
