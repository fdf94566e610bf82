"""Reads about webhooks."""

from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet

from apps.registry.models import RegisteredModel
from apps.webhooks.models import Delivery, RegistryWebhook, WebhookEvent, WebhookStatus

# Of a model that is made only now, nobody can have asked to hear.
OF_ALL_MODELS_ONLY = {WebhookEvent.REGISTERED_MODEL_CREATED}


def anybody_listens(payload: dict[str, Any]) -> bool:
    return RegistryWebhook.objects.filter(status=WebhookStatus.ACTIVE).exists()


def listening_to(event: str, model: RegisteredModel, *, since: datetime) -> list[RegistryWebhook]:
    """Those that want to hear of the event, and were there when it happened."""
    found = RegistryWebhook.objects.filter(
        Q(model=model) | Q(model=None), status=WebhookStatus.ACTIVE, created_at__lte=since
    )
    return [webhook for webhook in found if event in webhook.events]


def deliveries_of(webhook: RegistryWebhook) -> QuerySet[Delivery]:
    return webhook.deliveries.order_by("-id")
