from typing import Any

from apps.cards import services
from apps.outbox.subscriptions import subscribe
from apps.registry.events import VersionReady
from apps.registry.models import ModelVersion


@subscribe(VersionReady)
def fill_in_the_card(payload: dict[str, Any]) -> None:
    services.fill_card(ModelVersion.objects.get(pk=payload["version_id"]))
