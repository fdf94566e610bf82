from typing import Any

from apps.cards import services
from apps.outbox.subscriptions import subscribe
from apps.registry.events import VersionRegistered
from apps.registry.models import ModelVersion


@subscribe(VersionRegistered)
def open_the_card(payload: dict[str, Any]) -> None:
    services.open_card(ModelVersion.objects.get(pk=payload["version_id"]))
