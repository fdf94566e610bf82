"""Programs elsewhere that want to hear of what happens in the registry, and what they were told."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone

from apps.core.fields import EncryptedTextField
from apps.core.history import history
from apps.projects.models import Project
from apps.registry.models import RegisteredModel


class Dialect(models.TextChoices):
    """Whose events, payloads and signatures a webhook has."""

    DATABRICKS = "databricks", "Databricks"
    MLFLOW = "mlflow", "MLflow"


class WebhookEvent(models.TextChoices):
    """The names are Databricks', except for those of evaluations, of which it tells nothing."""

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
    EVALUATION_FINISHED = "EVALUATION_FINISHED"
    EVALUATION_FAILED = "EVALUATION_FAILED"


class MlflowEvent(models.TextChoices):
    """The names are MLflow's: of what, and what happened to it."""

    MODEL_CREATED = "registered_model.created", "A model is created"
    VERSION_CREATED = "model_version.created", "A version is registered"
    VERSION_TAG_SET = "model_version_tag.set", "A tag of a version is set"
    VERSION_TAG_DELETED = "model_version_tag.deleted", "A tag of a version is deleted"
    ALIAS_CREATED = "model_version_alias.created", "An alias is set on a version"
    ALIAS_DELETED = "model_version_alias.deleted", "An alias is deleted"
    PROMPT_CREATED = "prompt.created", "A prompt is created"
    PROMPT_VERSION_CREATED = "prompt_version.created", "A version of a prompt is registered"
    PROMPT_TAG_SET = "prompt_tag.set", "A tag of a prompt is set"
    PROMPT_TAG_DELETED = "prompt_tag.deleted", "A tag of a prompt is deleted"
    PROMPT_VERSION_TAG_SET = "prompt_version_tag.set", "A tag of a prompt's version is set"
    PROMPT_VERSION_TAG_DELETED = (
        "prompt_version_tag.deleted",
        "A tag of a prompt's version is deleted",
    )
    PROMPT_ALIAS_CREATED = "prompt_alias.created", "An alias is set on a prompt's version"
    PROMPT_ALIAS_DELETED = "prompt_alias.deleted", "An alias of a prompt is deleted"


class WebhookStatus(models.TextChoices):
    """In test mode only a test is sent. MLflow does not know it."""

    ACTIVE = "ACTIVE", "Active"
    DISABLED = "DISABLED", "Disabled"
    TEST_MODE = "TEST_MODE", "Test mode"


class RegistryWebhook(models.Model):
    """Where to send what happens to one model, to those of a project, or to all of them."""

    dialect = models.CharField(
        max_length=10, choices=Dialect.choices, default=Dialect.DATABRICKS, editable=False
    )
    name = models.CharField(max_length=63, blank=True)
    model = models.ForeignKey(
        RegisteredModel,
        on_delete=models.CASCADE,
        null=True,
        related_name="webhooks",
        help_text="Empty: all models of the project, or of all projects.",
    )
    # MLflow's name no model. Those of Databricks belong to the project of their model.
    project = models.ForeignKey(
        Project, on_delete=models.PROTECT, null=True, related_name="webhooks"
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
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(dialect=Dialect.DATABRICKS.value, project=None)
                | models.Q(dialect=Dialect.MLFLOW.value, model=None, project__isnull=False),
                name="webhooks_of_mlflow_and_no_others_name_a_project",
            )
        ]

    def __str__(self) -> str:
        return f"webhook {self.name or self.pk} of {self.model or self.project or 'all models'}"

    @property
    def home(self) -> Project | None:
        """The project whose webhook it is; without one, it is the administrators'."""
        return self.model.project if self.model is not None else self.project


class DeliveryState(models.TextChoices):
    WAITING = "waiting", "Waiting"
    DELIVERED = "delivered", "Delivered"
    GIVEN_UP = "given_up", "Given up"


class Delivery(models.Model):
    """One event for one webhook. `key` makes hearing of it twice harmless."""

    webhook = models.ForeignKey(
        RegistryWebhook, on_delete=models.CASCADE, related_name="deliveries"
    )
    event = models.CharField(max_length=60)
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
