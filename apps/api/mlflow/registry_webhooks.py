"""Databricks' registry-webhooks/*: programs that want to hear of the registry."""

from typing import Any

from django.db.models import QuerySet

from apps.accounts.models import User
from apps.api.mlflow.arguments import Arguments, missing
from apps.api.mlflow.named import id_asked
from apps.core.errors import Conflict, Invalid, NotFound
from apps.core.moments import milliseconds
from apps.registry import queries
from apps.webhooks import policies, sending, services
from apps.webhooks.models import Dialect, RegistryWebhook, WebhookStatus

MOST_RESULTS = 1000


def create(user: User, arguments: Arguments) -> dict[str, Any]:
    _refuse_jobs(arguments)
    name = arguments.text("model_name")
    target = arguments.part("http_url_spec")
    if target is None:
        raise missing("http_url_spec")
    webhook = services.create_webhook(
        queries.model_named(name, user=user) if name else None,
        events=arguments.texts("events"),
        url=target.text("url", required=True),
        authorization=target.text("authorization"),
        secret=target.text("secret"),
        verify_tls=_verifies(target),
        status=arguments.text("status", default=WebhookStatus.ACTIVE),
        description=arguments.text("description"),
        by=user,
    )
    return {"webhook": webhook_json(webhook)}


def update(user: User, arguments: Arguments) -> dict[str, Any]:
    """Change what is named, and leave the rest as it is."""
    _refuse_jobs(arguments)
    webhook = _asked(user, arguments)
    changes: dict[str, Any] = {
        name: arguments.text(name) for name in ("description", "status") if arguments.has(name)
    }
    if arguments.has("events"):
        changes["events"] = arguments.texts("events")
    if target := arguments.part("http_url_spec"):
        changes |= {
            name: target.text(name)
            for name in ("url", "authorization", "secret")
            if target.has(name)
        }
        if target.has("enable_ssl_verification"):
            changes["verify_tls"] = _verifies(target)
    return {"webhook": webhook_json(services.edit_webhook(webhook, by=user, **changes))}


def delete(user: User, arguments: Arguments) -> dict[str, Any]:
    services.delete_webhook(_asked(user, arguments), by=user)
    return {}


def list_webhooks(user: User, arguments: Arguments) -> dict[str, Any]:
    found = _visible_to(user).select_related("model").order_by("id")
    if name := arguments.text("model_name"):
        found = found.filter(model=queries.model_named(name, user=user))
    if token := arguments.text("page_token"):
        if not (token.isascii() and token.isdigit() and len(token) <= 18):
            raise Invalid("Invalid page token, could not be read.")
        found = found.filter(pk__gt=int(token))
    size = arguments.number("max_results", default=MOST_RESULTS)
    if not 1 <= size <= MOST_RESULTS:
        raise Invalid(f"'max_results' has to be between 1 and {MOST_RESULTS}.")
    wanted = set(arguments.texts("events"))
    rows = [row for row in found if not wanted or wanted & set(row.events)]
    answer: dict[str, Any] = {"webhooks": [webhook_json(row) for row in rows[:size]]}
    if len(rows) > size:
        answer["next_page_token"] = str(rows[size - 1].pk)
    return answer


def test(user: User, arguments: Arguments) -> dict[str, Any]:
    """Send an example now. What the other side answers is the answer."""
    webhook = _asked(user, arguments)
    try:
        answer = services.try_webhook(webhook, event=arguments.text("event"), by=user)
    except sending.NotDelivered as failure:
        raise Conflict(f"The webhook could not be sent: {failure}") from None
    return {"status_code": answer.status, "body": answer.text}


def webhook_json(webhook: RegistryWebhook) -> dict[str, Any]:
    """Without the credentials: nobody gets them back."""
    found: dict[str, Any] = {
        "id": str(webhook.pk),
        "events": webhook.events,
        "status": webhook.status,
        "creation_timestamp": milliseconds(webhook.created_at),
        "last_updated_timestamp": milliseconds(webhook.updated_at),
        "http_url_spec": {
            "url": webhook.url,
            "enable_ssl_verification": webhook.verify_tls,
        },
    }
    if webhook.description:
        found["description"] = webhook.description
    if webhook.model is not None:
        found["model_name"] = webhook.model.name
    return found


def _asked(user: User, arguments: Arguments) -> RegistryWebhook:
    visible = _visible_to(user).select_related("model__project")
    found = visible.filter(pk=id_asked(arguments)).first()
    if found is None:
        raise NotFound("There is no such webhook.")
    return found


def _visible_to(user: User) -> QuerySet[RegistryWebhook]:
    return policies.webhooks.visible_to(user).filter(dialect=Dialect.DATABRICKS)


def _verifies(target: Arguments) -> bool:
    if not target.has("enable_ssl_verification"):
        return True
    return target.flag("enable_ssl_verification")


def _refuse_jobs(arguments: Arguments) -> None:
    if arguments.has("job_spec"):
        raise Invalid(
            "mlgov runs no jobs of Databricks. Give a 'http_url_spec' that starts what the job did."
        )
