"""Webhooks: making them, changing them, and telling them what happened."""

import uuid
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from apps.accounts.models import User
from apps.audit.services import record
from apps.core.errors import Invalid, NotFound, NotPermitted
from apps.core.validation import require_valid
from apps.outbox.services import publish
from apps.projects import policies as project_policies
from apps.projects.models import Project
from apps.registry.models import RegisteredModel
from apps.webhooks import addresses, dialects, policies, queries, sending
from apps.webhooks.dialects import Occasion
from apps.webhooks.events import DeliveryQueued
from apps.webhooks.models import (
    Delivery,
    DeliveryState,
    Dialect,
    RegistryWebhook,
    WebhookStatus,
)

LONGEST_SECRET = 4096
LONGEST_DESCRIPTION = 10_000
KEPT_DELIVERIES = 100


@transaction.atomic
def create_webhook(
    model: RegisteredModel | None,
    *,
    events: Iterable[str],
    url: str,
    by: User,
    authorization: str = "",
    secret: str = "",
    verify_tls: bool = True,
    status: str = WebhookStatus.ACTIVE,
    description: str = "",
) -> RegistryWebhook:
    """For one model, or without a model for all of them, which administrators only may."""
    if model is not None:
        project_policies.projects.require(by, "manage_webhooks", model.project)
    elif not by.is_superuser:
        raise NotPermitted(
            "Only an administrator makes a webhook for all models. Name a model whose project you "
            "run."
        )
    webhook = RegistryWebhook(
        model=model,
        events=list(dict.fromkeys(events)),
        url=url,
        authorization=authorization,
        secret=secret,
        verify_tls=verify_tls,
        status=status,
        description=description,
        created_by=by,
    )
    return _made(webhook, by=by)


@transaction.atomic
def create_project_webhook(
    project: Project,
    *,
    name: str,
    events: Iterable[str],
    url: str,
    by: User,
    secret: str = "",
    status: str = WebhookStatus.ACTIVE,
    description: str = "",
) -> RegistryWebhook:
    """As MLflow's own: for all models and prompts of a project."""
    project_policies.projects.require(by, "manage_webhooks", project)
    webhook = RegistryWebhook(
        dialect=Dialect.MLFLOW,
        project=project,
        name=name,
        events=list(dict.fromkeys(events)),
        url=url,
        secret=secret,
        status=status,
        description=description,
        created_by=by,
    )
    return _made(webhook, by=by)


def _made(webhook: RegistryWebhook, *, by: User) -> RegistryWebhook:
    _require_sound(webhook)
    webhook.save()
    _record(webhook, "webhook.create", by=by)
    return webhook


@transaction.atomic
def edit_webhook(webhook: RegistryWebhook, *, by: User, **changes: Any) -> RegistryWebhook:
    """Change the fields that are named. Credentials do not follow to another address."""
    webhook = _locked(webhook)
    policies.webhooks.require(by, "edit", webhook)
    if "events" in changes:
        changes["events"] = list(dict.fromkeys(changes["events"]))
    if changes.get("url", webhook.url) != webhook.url:
        changes = dict.fromkeys(("authorization", "secret"), "") | changes
    for name, value in changes.items():
        setattr(webhook, name, value)
    _require_sound(webhook)
    webhook.updated_at = timezone.now()
    webhook.save(update_fields=[*changes, "updated_at"])
    _record(webhook, "webhook.edit", by=by, changed=sorted(changes))
    return webhook


@transaction.atomic
def delete_webhook(webhook: RegistryWebhook, *, by: User) -> None:
    webhook = _locked(webhook)
    policies.webhooks.require(by, "delete", webhook)
    _record(webhook, "webhook.delete", by=by)
    webhook.delete()


def try_webhook(webhook: RegistryWebhook, *, event: str = "", by: User) -> sending.Answer:
    """Send an example now, and return what was answered. Raises `sending.NotDelivered`."""
    policies.webhooks.require(by, "test", webhook)
    words = dialects.of(webhook)
    event = event or webhook.events[0]
    payload = words.payload(webhook, event, words.example(webhook, event))
    return sending.send(webhook, payload, delivery=uuid.uuid4())


# ---- telling ------------------------------------------------------------------------------------


@transaction.atomic
def announce(occasion: Occasion) -> list[Delivery]:
    """Queue what happened for every webhook that wants to hear of it. Safe to repeat."""
    made = []
    for event in occasion.events:
        for webhook in queries.listening_to(event, occasion.model, since=occasion.at):
            delivery, is_new = Delivery.objects.get_or_create(
                webhook=webhook,
                event=event,
                key=occasion.key,
                defaults={
                    "payload": dialects.of(webhook).payload(webhook, event, occasion),
                },
            )
            if is_new:
                _forget_old(webhook)
                publish(DeliveryQueued(delivery.pk))
                made.append(delivery)
    return made


def deliver(delivery_id: int) -> None:
    """Send what waits. Raises `sending.NotDelivered` where it has to be tried again."""
    delivery = (
        Delivery.objects.select_related("webhook")
        .filter(pk=delivery_id, state=DeliveryState.WAITING)
        .first()
    )
    if delivery is None:
        return
    if delivery.webhook.status != WebhookStatus.ACTIVE:
        _note(delivery, state=DeliveryState.GIVEN_UP, answer="The webhook is not active any more.")
        return
    try:
        answer = sending.send(delivery.webhook, delivery.payload, delivery=_name_of(delivery))
    except sending.NotDelivered as failure:
        _fail(delivery, str(failure))
        return
    if not answer.is_good:
        _fail(delivery, answer.text, status_code=answer.status)
        return
    _note(delivery, state=DeliveryState.DELIVERED, answer=answer.text, status_code=answer.status)


def _name_of(delivery: Delivery) -> uuid.UUID:
    """The same for each attempt, and another one in another installation."""
    return uuid.uuid5(uuid.NAMESPACE_URL, f"{settings.MLGOV_BASE_URL}/deliveries/{delivery.pk}")


def _fail(delivery: Delivery, text: str, *, status_code: int | None = None) -> None:
    """Let the outbox try again. Whoever does not answer for long keeps nobody of us busy."""
    is_last = delivery.attempts + 1 >= settings.MLGOV_OUTBOX_ATTEMPTS
    state = DeliveryState.GIVEN_UP if is_last else DeliveryState.WAITING
    _note(delivery, state=state, answer=text, status_code=status_code)
    if not is_last:
        raise sending.NotDelivered(f"{status_code or 'no answer'}: {text[:200]}")


def _note(delivery: Delivery, *, state: str, answer: str, status_code: int | None = None) -> None:
    Delivery.objects.filter(pk=delivery.pk).update(
        state=state,
        attempts=F("attempts") + 1,
        answer=answer[: sending.MOST_OF_AN_ANSWER],
        status_code=status_code,
        tried_at=timezone.now(),
    )


def _forget_old(webhook: RegistryWebhook) -> None:
    oldest_kept = queries.deliveries_of(webhook).values_list("pk", flat=True)[
        KEPT_DELIVERIES : KEPT_DELIVERIES + 1
    ]
    for pk in list(oldest_kept):
        webhook.deliveries.filter(pk__lte=pk).exclude(state=DeliveryState.WAITING).delete()


# ---- what a webhook has to be -------------------------------------------------------------------


def _require_sound(webhook: RegistryWebhook) -> None:
    dialects.of(webhook).require_sound(webhook)
    require_valid(webhook, "url", "description")
    if len(webhook.description) > LONGEST_DESCRIPTION:
        raise Invalid(f"A description has {LONGEST_DESCRIPTION:,} characters at most.")
    for name in ("authorization", "secret"):
        value = getattr(webhook, name)
        if len(value) > LONGEST_SECRET:
            raise Invalid(f"'{name}' has {LONGEST_SECRET:,} characters at most.")
        if not value.isascii() or any(not " " <= character < "\x7f" for character in value):
            raise Invalid(f"'{name}' holds characters that cannot be sent.")
    addresses.require_allowed(webhook.url, verify_tls=webhook.verify_tls)


def _locked(webhook: RegistryWebhook) -> RegistryWebhook:
    found = (
        RegistryWebhook.objects.select_for_update(of=("self",))
        .select_related("model__project", "project")
        .filter(pk=webhook.pk)
        .first()
    )
    if found is None:
        raise NotFound("There is no such webhook.")
    return found


def _record(
    webhook: RegistryWebhook, action: str, *, by: User, changed: list[str] | None = None
) -> None:
    """The address may be a secret by itself, so the trail has the host of it only."""
    record(
        actor=by,
        action=action,
        obj=webhook,
        also=[webhook.model] if webhook.model else [],
        project=webhook.home,
        data={
            "host": addresses.host_of(addresses.urlsplit(webhook.url)),
            "events": webhook.events,
            "status": webhook.status,
            **({"changed": changed} if changed is not None else {}),
        },
    )
