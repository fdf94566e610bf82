from typing import Any

from apps.cards.events import CardEdited
from apps.outbox.subscriptions import subscribe
from apps.registry.models import ModelVersion
from apps.reviews import services


@subscribe(CardEdited)
def look_again_at_verdicts(payload: dict[str, Any]) -> None:
    services.mark_stale(ModelVersion.objects.get(pk=payload["version_id"]))
