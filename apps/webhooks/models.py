"""Programs elsewhere that want to hear of what happens in the registry, and what they were told."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone

from apps.core.fields import EncryptedTextField
from apps.core.history import history
from apps.registry.models import RegisteredModel


class WebhookEvent(models.TextChoices):
    """The names are Databricks'."""

    REGISTERED_MODEL_CREATED = "REGISTERED_MODEL_CREATED"
    MODEL_VERSION_CREATED = "MODEL_VERSION_CREATED"
    MODEL_VERSION_TRANSITIONED_STAGE = "MODEL_VERSION_TRANSITIONED_STAGE"
    MODEL_VERSION_TRANSITIONED_TO_STAGING = "MODEL_VERSION_TRANSITIONED_TO_STAGING"
    MODEL_VERSION_TRANSITIONED_TO_PRODUCTION = "MODEL_VERSION_TRANSITIONED_TO_PRODUCTION"
    MODEL_VERSION_TRANSITIONED_TO_ARCHIVED = "MODEL_VERSION_TRANSITIONED_TO_ARCHIVED"
    MODEL_VERSION_TAG_SET = "MODEL_VERSION_TAG_SET"
    TRANSITION_REQUEST_CREATED = "TRANSITION_REQUEST_CREATED"
    TRANSITION_REQUEST_TO_STAGING_CREATED = "TRANSITION_REQUEST_TO_STAGING_CREATED"
    TRANSITION_REQUEST_TO_PRODUCTION_CREATED = "TRANSITION_REQUEST_TO_PRODUCTION_CREATED"
    TRANSITION_REQUEST_TO_ARCHIVED_CREATED = "TRANSITION_REQUEST_TO_ARCHIVED_CREATED"
    COMMENT_CREATED = "COMMENT_CREATED"


class WebhookStatus(models.TextChoices):
    """In test mode only a test is sent."""

    ACTIVE = "ACTIVE", "Active"
    DISABLED = "DISABLED", "Disabled"
    TEST_MODE = "TEST_MODE", "Test mode"


class RegistryWebhook(models.Model):
    """Where to send what happens to one model, or to all of them."""

    model = models.ForeignKey(
        RegisteredModel,
        on_delete=models.CASCADE,
        null=True,
        related_name="webhooks",
        help_text="Empty: all models of all projects.",
    )
    events = models.JSONField(help_text="Names of what it is told of.")
    url = models.CharField(max_length=2000)
    authorization = EncryptedTextField(blank=True, help_text="Sent as the header Authorization.")
    secret = EncryptedTextField(blank=True, help_text="Signs what is sent.")
    verify_tls = models.BooleanField(default=True)
    status = models.CharField(
        max_length=10, choices=WebhookStatus.choices, default=WebhookStatus.ACTIVE
    )
    description = models.TextField(blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)

    history = history(excluded_fields=["authorization", "secret"])

    class Meta:
        ordering: ClassVar = ["id"]

    def __str__(self) -> str:
        return f"webhook {self.pk} of {self.model or 'all models'}"


class DeliveryState(models.TextChoices):
    WAITING = "waiting", "Waiting"
    DELIVERED = "delivered", "Delivered"
    GIVEN_UP = "given_up", "Given up"


class Delivery(models.Model):
    """One event for one webhook. `key` makes hearing of it twice harmless."""

    webhook = models.ForeignKey(
        RegistryWebhook, on_delete=models.CASCADE, related_name="deliveries"
    )
    event = models.CharField(max_length=60, choices=WebhookEvent.choices)
    key = models.CharField(max_length=60)
    payload = models.JSONField()
    state = models.CharField(
        max_length=10, choices=DeliveryState.choices, default=DeliveryState.WAITING
    )
    attempts = models.PositiveIntegerField(default=0)
    status_code = models.PositiveIntegerField(null=True)
    # What the other side answered, or why it was not reached.
    answer = models.TextField(blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    tried_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        verbose_name_plural = "deliveries"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["webhook", "event", "key"], name="one_delivery_per_webhook_and_occasion"
            )
        ]

    def __str__(self) -> str:
        return f"{self.event} to {self.webhook}"
