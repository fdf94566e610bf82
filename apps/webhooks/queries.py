"""Reads about webhooks."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from django.db.models import Max, Q, QuerySet

from apps.core.prepared import Prepared
from apps.registry.models import RegisteredModel
from apps.webhooks.addresses import host_of
from apps.webhooks.models import Delivery, RegistryWebhook, WebhookEvent, WebhookStatus

# Of a model that is made only now, nobody can have asked to hear.
OF_ALL_MODELS_ONLY = {WebhookEvent.REGISTERED_MODEL_CREATED}


def anybody_listens(payload: dict[str, Any]) -> bool:
    return bool(_ANY.rows())


# Asked with every write of the registry.
_ANY = Prepared(
    lambda: (
        RegistryWebhook.objects.order_by()
        .filter(status=WebhookStatus.ACTIVE.value)
        .values_list("pk")[:1]
    )
)


def listening_to(event: str, model: RegisteredModel, *, since: datetime) -> list[RegistryWebhook]:
    """Those that want to hear of the event, and were there when it happened."""
    found = RegistryWebhook.objects.filter(
        Q(model=model) | Q(project=model.project_id) | Q(model=None, project=None),
        status=WebhookStatus.ACTIVE,
        created_at__lte=since,
    )
    return [webhook for webhook in found if event in webhook.events]


@dataclass(frozen=True)
class Told:
    """A webhook, with the last thing that it was told."""

    webhook: RegistryWebhook
    last: Delivery | None

    @property
    def host(self) -> str:
        return host_of(urlsplit(self.webhook.url))


def with_last_delivery(webhooks: QuerySet[RegistryWebhook]) -> list[Told]:
    found = list(webhooks)
    newest = (
        Delivery.objects.order_by()
        .filter(webhook__in=found)
        .values("webhook")
        .annotate(newest=Max("pk"))
        .values("newest")
    )
    last = {row.webhook_id: row for row in Delivery.objects.filter(pk__in=newest)}
    return [Told(webhook, last.get(webhook.pk)) for webhook in found]


def deliveries_of(webhook: RegistryWebhook) -> QuerySet[Delivery]:
    return webhook.deliveries.order_by("-id")
