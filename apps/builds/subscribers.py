from typing import Any

from apps.builds import services
from apps.outbox.subscriptions import subscribe
from apps.runs.events import RunEnded


@subscribe(RunEnded)
def settle_the_build(payload: dict[str, Any]) -> None:
    if payload["kind"] == services.BUILD:
        services.settle(payload["run_id"])
