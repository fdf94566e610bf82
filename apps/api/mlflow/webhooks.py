"""MLflow's own webhooks. There they belong to the server; here each belongs to a project."""

from typing import Any

from apps.accounts.models import User
from apps.api.mlflow import search
from apps.api.mlflow.arguments import Arguments, missing
from apps.core.errors import Invalid, NotFound
from apps.core.moments import milliseconds
from apps.projects import choosing
from apps.webhooks import policies, sending, services
from apps.webhooks.models import Dialect, MlflowEvent, RegistryWebhook, WebhookStatus

DEFAULT_RESULTS = 100
MOST_RESULTS = 1000
LONGEST_ID = 18


def create(user: User, arguments: Arguments) -> dict[str, Any]:
    given: dict[str, Any] = {
        "name": arguments.text("name", required=True),
        "url": arguments.text("url", required=True),
        "description": arguments.text("description"),
        "secret": arguments.text("secret"),
        "status": arguments.text("status", default=WebhookStatus.ACTIVE),
    }
    if not arguments.has("events"):
        raise missing("events")
    events = [_event(part) for part in arguments.parts("events")]
    project = choosing.project_to_run(user, noun="webhook")
    webhook = services.create_project_webhook(project, events=events, by=user, **given)
    return {"webhook": webhook_json(webhook)}


def list_webhooks(user: User, arguments: Arguments) -> dict[str, Any]:
    """Those of all projects that the person runs, the newest first."""
    size = arguments.number("max_results", default=DEFAULT_RESULTS) or DEFAULT_RESULTS
    if not 1 <= size <= MOST_RESULTS:
        raise Invalid(f"max_results must be between 1 and {MOST_RESULTS}.")
    start = search.offset_in(arguments.text("page_token"))
    found = (
        policies.webhooks.visible_to(user)
        .filter(dialect=Dialect.MLFLOW)
        .order_by("-created_at", "-id")[start : start + size + 1]
    )
    page, token = search.page(list(found), start=start, asked=size + 1)
    answer: dict[str, Any] = {"webhooks": [webhook_json(row) for row in page]} if page else {}
    if token:
        answer["next_page_token"] = token
    return answer


def get(user: User, arguments: Arguments, webhook_id: str) -> dict[str, Any]:
    return {"webhook": webhook_json(_asked(user, webhook_id))}


def update(user: User, arguments: Arguments, webhook_id: str) -> dict[str, Any]:
    """Change what is named. Empty is a description or a secret, but no name and no address."""
    names = ("name", "url", "status", "description", "secret")
    given: dict[str, Any] = {name: arguments.text(name) for name in names if arguments.has(name)}
    changes = {
        name: value
        for name, value in given.items()
        if value or name in ("status", "description", "secret")
    }
    if events := [_event(part) for part in arguments.parts("events")]:
        changes["events"] = events
    webhook = _asked(user, webhook_id)
    return {"webhook": webhook_json(services.edit_webhook(webhook, by=user, **changes))}


def delete(user: User, arguments: Arguments, webhook_id: str) -> dict[str, Any]:
    services.delete_webhook(_asked(user, webhook_id), by=user)
    return {}


def test(user: User, arguments: Arguments, webhook_id: str) -> dict[str, Any]:
    """Send an example now. That it did not arrive is an answer, too."""
    part = arguments.part("event")
    event = _event(part) if part is not None else ""
    webhook = _asked(user, webhook_id)
    try:
        answer = services.try_webhook(webhook, event=event, by=user)
    except sending.NotDelivered as failure:
        return {"result": {"success": False, "error_message": f"Failed to test webhook: {failure}"}}
    return {
        "result": {
            "success": answer.is_good,
            "response_status": answer.status,
            "response_body": answer.text,
        }
    }


def webhook_json(webhook: RegistryWebhook) -> dict[str, Any]:
    """Without the secret: nobody gets it back."""
    found: dict[str, Any] = {
        "webhook_id": str(webhook.pk),
        "name": webhook.name,
        "url": webhook.url,
        "events": [_event_json(event) for event in webhook.events],
        "status": webhook.status,
        "creation_timestamp": milliseconds(webhook.created_at),
        "last_updated_timestamp": milliseconds(webhook.updated_at),
    }
    if webhook.description:
        found["description"] = webhook.description
    return found


def _event(part: Arguments) -> str:
    """The name of an event, from the entity and action that a message has in capital letters."""
    entity, action = part.text("entity", required=True), part.text("action", required=True)
    event = f"{entity}.{action}".lower()
    if event not in MlflowEvent.values or not f"{entity}{action}".isupper():
        known = ", ".join(MlflowEvent.values)
        raise Invalid(
            f"mlgov has no event {entity[:100]} {action[:100]} to tell of. There are: {known}."
        )
    return event


def _event_json(event: str) -> dict[str, str]:
    entity, action = event.upper().split(".")
    return {"entity": entity, "action": action}


def _asked(user: User, webhook_id: str) -> RegistryWebhook:
    visible = policies.webhooks.visible_to(user).filter(dialect=Dialect.MLFLOW)
    is_number = webhook_id.isascii() and webhook_id.isdigit() and len(webhook_id) <= LONGEST_ID
    pk = int(webhook_id) if is_number and not webhook_id.startswith("0") else 0
    found = visible.select_related("project", "model__project").filter(pk=pk).first()
    if found is None:
        raise NotFound(f"Webhook with ID {webhook_id[:100]} not found.")
    return found
