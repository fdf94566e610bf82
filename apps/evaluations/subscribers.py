from typing import Any

from apps.evaluations import queries, services
from apps.evaluations.models import Occasion
from apps.outbox.subscriptions import subscribe
from apps.registry.events import VersionReady
from apps.registry.models import ModelVersion
from apps.runs.events import RunEnded


@subscribe(RunEnded)
def settle_the_evaluation(payload: dict[str, Any]) -> None:
    if payload["kind"] == services.EVALUATE:
        services.settle(payload["run_id"])
    elif payload["kind"] == services.TAKE_IN:
        services.settle_intake(payload["run_id"])


@subscribe(VersionReady, when=queries.has_rules)
def evaluate_the_new_version(payload: dict[str, Any]) -> None:
    version = ModelVersion.objects.select_related("model__project").get(pk=payload["version_id"])
    services.heed(version, Occasion.VERSION)
