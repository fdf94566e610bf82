"""Messages name their subscribers, and wait for them across restarts and releases."""

from typing import Any

from django.core.checks import CheckMessage, Error, register
from django.utils.module_loading import import_string

from apps.outbox.subscriptions import names, subscriber


@register()
def subscribers_can_be_found(**_: Any) -> list[CheckMessage]:
    return [
        Error(
            f"The subscriber {name} cannot be imported by its name.",
            hint="Subscribers are functions at the top of a module: messages that wait name them.",
            id="outbox.E001",
        )
        for name in names()
        if not _leads_to(name)
    ]


def _leads_to(name: str) -> bool:
    try:
        return import_string(name) is subscriber(name)
    except ImportError:
        return False
