from typing import Any

from apps.outbox.subscriptions import subscribe
from apps.registry.events import VersionDeleted
from apps.stages import aliases


@subscribe(VersionDeleted)
def let_the_alias_follow(payload: dict[str, Any]) -> None:
    aliases.follow_deletion(payload["version_id"])
