from typing import Any

from apps.evaluations import services
from apps.outbox.subscriptions import subscribe
from apps.runs.events import RunEnded


@subscribe(RunEnded)
def settle_the_evaluation(payload: dict[str, Any]) -> None:
    if payload["kind"] == services.EVALUATE:
        services.settle(payload["run_id"])
