"""What webhooks are told, and how it is signed: in Databricks' words, or in those of MLflow."""

import base64
import hashlib
import hmac
import re
import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, ClassVar, Protocol

from django.utils import timezone

from apps.core.errors import Invalid
from apps.core.moments import milliseconds
from apps.registry.models import RegisteredModel
from apps.webhooks.models import (
    Dialect,
    MlflowEvent,
    RegistryWebhook,
    WebhookEvent,
    WebhookStatus,
)
from apps.webhooks.queries import OF_ALL_MODELS_ONLY

OF_DATABRICKS = "X-Databricks-Signature"
NAME = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,61}[a-z0-9])?", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True)
class Occasion:
    """Something that happened. `facts` is what programs are told beside the name of the event."""

    events: tuple[str, ...]
    model: RegisteredModel
    key: str
    at: datetime
    text: str = ""
    facts: dict[str, Any] = field(default_factory=dict)


class Words(Protocol):
    """What one kind of webhooks is told, and what it may be."""

    events: ClassVar[list[str]]
    statuses: ClassVar[list[str]]

    def payload(self, webhook: RegistryWebhook, event: str, occasion: Occasion) -> dict[str, Any]:
        """What is sent of the occasion."""

    def headers(self, webhook: RegistryWebhook, body: bytes, delivery: uuid.UUID) -> dict[str, str]:
        """What is sent beside the body; with a secret, a signature."""

    def example(self, webhook: RegistryWebhook, event: str) -> Occasion:
        """An occasion that never was, for a test. Refuses what this webhook is not tested with."""

    def require_sound(self, webhook: RegistryWebhook) -> None:
        """Refuse what such a webhook cannot be."""


class Databricks:
    events: ClassVar = WebhookEvent.values
    statuses: ClassVar = WebhookStatus.values

    def payload(self, webhook: RegistryWebhook, event: str, occasion: Occasion) -> dict[str, Any]:
        return {
            "event": event,
            "webhook_id": str(webhook.pk),
            "event_timestamp": milliseconds(occasion.at),
            "model_name": occasion.model.name,
            **occasion.facts,
            "text": occasion.text,
        }

    def headers(self, webhook: RegistryWebhook, body: bytes, delivery: uuid.UUID) -> dict[str, str]:
        found = {"Authorization": webhook.authorization} if webhook.authorization else {}
        if webhook.secret:
            found[OF_DATABRICKS] = _hmac(webhook.secret, body).hex()
        return found

    def example(self, webhook: RegistryWebhook, event: str) -> Occasion:
        if event not in webhook.events:
            raise Invalid(
                f"This webhook is not told of {event}. It is of: {listed(webhook.events)}."
            )
        if webhook.status == WebhookStatus.DISABLED:
            raise Invalid("This webhook is disabled. Set it to TEST_MODE or ACTIVE first.")
        return Occasion(
            events=(event,),
            model=webhook.model or RegisteredModel(name="example"),
            key="test",
            at=timezone.now(),
            text=f"A test of the webhook for {event}.",
            facts={"version": "1"},
        )

    def require_sound(self, webhook: RegistryWebhook) -> None:
        _require_known(self, webhook)
        for event in webhook.events:
            if webhook.model is not None and event in OF_ALL_MODELS_ONLY:
                raise Invalid(
                    f"{event} is for webhooks of all models: leave out the name of a model."
                )


class Mlflow:
    """As MLflow's own server: an envelope, and a signature over id, time and body."""

    events: ClassVar = MlflowEvent.values
    statuses: ClassVar = [WebhookStatus.ACTIVE.value, WebhookStatus.DISABLED.value]

    def payload(self, webhook: RegistryWebhook, event: str, occasion: Occasion) -> dict[str, Any]:
        entity, action = event.split(".")
        return {
            "entity": entity,
            "action": action,
            "timestamp": occasion.at.astimezone(UTC).isoformat(),
            "data": occasion.facts,
        }

    def headers(self, webhook: RegistryWebhook, body: bytes, delivery: uuid.UUID) -> dict[str, str]:
        # The time is that of this attempt: receivers refuse what is old.
        name, sent = str(delivery), str(int(time.time()))
        found = {"X-MLflow-Delivery-Id": name, "X-MLflow-Timestamp": sent}
        if webhook.secret:
            digest = _hmac(webhook.secret, f"{name}.{sent}.".encode() + body)
            found["X-MLflow-Signature"] = f"v1,{base64.b64encode(digest).decode()}"
        return found

    def example(self, webhook: RegistryWebhook, event: str) -> Occasion:
        """Also of events that the webhook is not told of, and while it is disabled."""
        _require_event(self, event)
        return Occasion(
            events=(event,),
            model=RegisteredModel(name="example_model"),
            key="test",
            at=timezone.now(),
            facts=_example(event),
        )

    def require_sound(self, webhook: RegistryWebhook) -> None:
        if not NAME.fullmatch(webhook.name):
            raise Invalid(
                f"The name of a webhook cannot be '{webhook.name[:100]}'. It has 1 to 63 letters, "
                "digits, dots, underscores and dashes, and begins and ends with a letter or digit."
            )
        _require_known(self, webhook)


WORDS: dict[str, Words] = {Dialect.DATABRICKS: Databricks(), Dialect.MLFLOW: Mlflow()}


def of(webhook: RegistryWebhook) -> Words:
    return WORDS[webhook.dialect]


def _require_known(words: Words, webhook: RegistryWebhook) -> None:
    if not webhook.events:
        raise Invalid(f"Say in 'events' what to tell of: {listed(words.events)}.")
    for event in webhook.events:
        _require_event(words, event)
    if webhook.status not in words.statuses:
        raise Invalid(f"There is no status {webhook.status}. There are: {listed(words.statuses)}.")


def _require_event(words: Words, event: str) -> None:
    if event not in words.events:
        raise Invalid(f"There is no event {event[:100]}. There are: {listed(words.events)}.")


def listed(names: Iterable[str]) -> str:
    return ", ".join(names)


def _hmac(secret: str, content: bytes) -> bytes:
    return hmac.new(secret.encode(), content, hashlib.sha256).digest()


def _example(event: str) -> dict[str, Any]:
    """What MLflow's server sends for a test of the event."""
    entity, action = event.split(".")
    is_prompt = entity.startswith("prompt")
    found: dict[str, Any] = {"name": "example_prompt" if is_prompt else "example_model"}
    if entity.endswith("_tag"):
        if entity != "prompt_tag":
            found["version"] = "1"
        found["key"] = "example_key"
        return {**found, "value": "example_value"} if action == "set" else found
    if entity.endswith("_alias"):
        found["alias"] = "example_alias"
        return {**found, "version": "1"} if action == "created" else found
    kind = "prompt" if is_prompt else "registered model"
    if entity.endswith("_version"):
        kind = entity.replace("_", " ")
        found["version"] = "1"
        found |= (
            {"template": "Hello {{name}}!"}
            if is_prompt
            else {"source": "models:/123", "run_id": "abcd1234abcd5678"}
        )
    return {**found, "tags": {"example_key": "example_value"}, "description": f"An example {kind}"}
