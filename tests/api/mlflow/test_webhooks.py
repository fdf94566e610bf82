"""MLflow's own webhooks, made by its client: whose they are, and what they are told."""

import base64
import hashlib
import hmac
import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from mlflow import MlflowClient
from mlflow.entities.webhook import WebhookEvent
from mlflow.exceptions import RestException

from apps.accounts import services as accounts
from apps.accounts.models import User
from apps.audit.models import AuditEvent
from apps.projects.models import Membership, Project
from apps.projects.roles import Role
from apps.registry import services as registry
from apps.registry.models import ModelVersion, RegisteredModel
from apps.registry.validation import IS_PROMPT
from apps.stages import services as stages
from apps.stages.models import Stage
from apps.webhooks import sending, services
from apps.webhooks.models import Delivery, DeliveryState, MlflowEvent, RegistryWebhook
from tests import factories
from tests.api.mlflow.conftest import Acting, Call
from tests.listener import Listener, deliver_everything

ClientOf = Callable[..., MlflowClient]
TEXT = {IS_PROMPT: "true", "mlflow.prompt.text": "Hello {{name}}", "_mlflow_prompt_type": "text"}


@pytest.fixture
def client_of(live_server: Any, monkeypatch: pytest.MonkeyPatch) -> ClientOf:
    """`client_of(user, default_project=…)` is MLflow's client; the last one made has the token."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")

    def client(user: User, **more: Any) -> MlflowClient:
        _, token = accounts.create_token(user, name=uuid.uuid4().hex, by=user, **more)
        monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", token)
        return MlflowClient(live_server.url, live_server.url)

    return client


def hook(project: Project, listener: Listener, by: User, *events: str, **more: Any) -> Any:
    return services.create_project_webhook(
        project, name="ci", events=events or MlflowEvent.values, url=listener.url, by=by, **more
    )


def test_the_stock_client_makes_lists_changes_tests_and_deletes_a_webhook(
    client_of: ClientOf, listener: Listener, project: Project, owner: User
) -> None:
    client = client_of(owner)
    listener.answer = b"heard"

    made = client.create_webhook(
        "ci",
        listener.url,
        events=["registered_model.created", "model_version_tag.set"],
        description="Tells CI.",
        secret="s3cret",
    )

    assert (made.name, made.url, str(made.status)) == ("ci", listener.url, "ACTIVE")
    row = RegistryWebhook.objects.get()
    assert (row.project, row.home, row.secret) == (project, project, "s3cret")
    found = client.get_webhook(made.webhook_id)
    assert found.events == [
        WebhookEvent.from_str("registered_model.created"),
        WebhookEvent.from_str("model_version_tag.set"),
    ]
    assert [row.webhook_id for row in client.list_webhooks()] == [made.webhook_id]
    tested = client.test_webhook(made.webhook_id)
    assert (tested.success, tested.response_status, tested.response_body) == (True, 200, "heard")
    ((path, headers, body),) = listener.heard
    assert path == "/hook?of=me"
    signed = f"{headers['X-MLflow-Delivery-Id']}.{headers['X-MLflow-Timestamp']}.".encode() + body
    digest = hmac.new(b"s3cret", signed, hashlib.sha256).digest()
    assert headers["X-MLflow-Signature"] == f"v1,{base64.b64encode(digest).decode()}"
    changed = client.update_webhook(made.webhook_id, name="cd", status="DISABLED")
    assert (changed.name, changed.description, str(changed.status)) == (
        "cd",
        "Tells CI.",
        "DISABLED",
    )
    client.delete_webhook(made.webhook_id)
    with pytest.raises(RestException) as gone:
        client.get_webhook(made.webhook_id)
    assert gone.value.error_code == "RESOURCE_DOES_NOT_EXIST"
    kept = AuditEvent.objects.filter(action__startswith="webhook.")
    assert set(kept.values_list("project_id", flat=True)) == {project.pk}
    assert "s3cret" not in str(list(kept.values("data"))) + str(RegistryWebhook.history.values())


@pytest.mark.django_db
def test_what_happens_to_models_and_prompts_of_the_project_is_told_once(
    listener: Listener,
    version: ModelVersion,
    archived: Stage,
    project: Project,
    stranger: User,
    owner: User,
    data_scientist: User,
) -> None:
    hook(project, listener, owner)
    hook(stranger.memberships.get().project, listener, stranger, "prompt.created")
    by = data_scientist

    registry.create_model(name="new", project=project, by=by, tags={"a": "b"})
    other = factories.make_version(version.model, by=by)
    registry.set_version_tag(other, key="quarter", value="Q1", by=by)
    registry.delete_version_tag(other, key="quarter", by=by)
    registry.delete_version_tag(other, key="quarter", by=by)
    registry.set_alias(other, name="champion", by=by)
    registry.set_alias(other, name="champion", by=by)
    registry.delete_alias(other.model, name="champion", by=by)
    prompt = registry.create_model(name="greeting", by=by, tags={IS_PROMPT: "true", "t": "w"})
    registry.set_model_tag(prompt, key="tone", value="warm", by=by)
    registry.delete_model_tag(prompt, key="tone", by=by)
    registry.set_model_tag(version.model, key="tone", value="warm", by=by)
    first = registry.create_version(prompt, source="dummy-source", by=by, tags=TEXT)
    deliver_everything()
    registry.set_version_tag(first, key="quarter", value="Q1", by=by)
    stages.move(version, archived, by=owner)
    deliver_everything()

    told = [(f"{row['entity']}.{row['action']}", row["data"]) for row in listener.told]
    number = str(other.number)
    assert told == [
        ("registered_model.created", {"name": "new", "tags": {"a": "b"}, "description": ""}),
        (
            "model_version_tag.set",
            {"name": "scoring", "version": number, "key": "quarter", "value": "Q1"},
        ),
        ("model_version_tag.deleted", {"name": "scoring", "version": number, "key": "quarter"}),
        (
            "model_version_alias.created",
            {"name": "scoring", "alias": "champion", "version": number},
        ),
        ("model_version_alias.deleted", {"name": "scoring", "alias": "champion"}),
        ("prompt.created", {"name": "greeting", "tags": {"t": "w"}, "description": ""}),
        ("prompt_tag.set", {"name": "greeting", "key": "tone", "value": "warm"}),
        ("prompt_tag.deleted", {"name": "greeting", "key": "tone"}),
        (
            "prompt_version.created",
            {
                "name": "greeting",
                "version": "1",
                "template": "Hello {{name}}",
                "tags": {},
                "description": None,
            },
        ),
        (
            "prompt_version_tag.set",
            {"name": "greeting", "version": "1", "key": "quarter", "value": "Q1"},
        ),
        # The alias of the stage, which mlgov moves.
        (
            "model_version_alias.created",
            {"name": "scoring", "alias": archived.alias, "version": str(version.number)},
        ),
    ]
    assert set(Delivery.objects.values_list("state", flat=True)) == {DeliveryState.DELIVERED}


@pytest.mark.django_db
def test_webhooks_of_databricks_hear_nothing_of_prompts(
    listener: Listener, project: Project, administrator: User, data_scientist: User
) -> None:
    services.create_webhook(
        None,
        events=["REGISTERED_MODEL_CREATED", "MODEL_VERSION_CREATED", "MODEL_VERSION_TAG_SET"],
        url=listener.url,
        by=administrator,
    )
    prompt = registry.create_model(name="greeting", by=data_scientist, tags={IS_PROMPT: "true"})
    first = registry.create_version(prompt, source="dummy-source", by=data_scientist, tags=TEXT)
    registry.set_version_tag(first, key="tone", value="warm", by=data_scientist)
    deliver_everything()

    assert listener.heard == []


@pytest.mark.django_db
def test_the_id_of_a_delivery_stays_and_the_time_of_the_attempt_is_signed(
    listener: Listener, project: Project, owner: User, settings: Any
) -> None:
    settings.MLGOV_BASE_URL = "https://mlgov.example.com"
    hook(project, listener, owner, "registered_model.created", secret="s")
    registry.create_model(name="new", project=project, by=owner)
    listener.status = 503
    deliver_everything()
    with pytest.raises(sending.NotDelivered, match="503"):
        services.deliver(Delivery.objects.get().pk)
    registry.create_model(name="other", project=project, by=owner)
    deliver_everything()

    names = [headers["X-MLflow-Delivery-Id"] for _, headers, _ in listener.heard]
    assert names[0] == names[1] != names[2]


def test_a_disabled_webhook_hears_nothing(
    listener: Listener, project: Project, owner: User
) -> None:
    hook(project, listener, owner, status="DISABLED")
    registry.create_model(name="new", project=project, by=owner)
    deliver_everything()

    assert not Delivery.objects.exists()


def test_a_test_that_does_not_arrive_says_why(
    client_of: ClientOf, listener: Listener, project: Project, owner: User
) -> None:
    client, webhook = client_of(owner), hook(project, listener, owner)
    listener.status, listener.answer = 500, b"no"
    tested = client.test_webhook(str(webhook.pk), event="prompt_alias.deleted")
    assert (tested.success, tested.response_status, tested.response_body) == (False, 500, "no")
    assert json.loads(listener.heard[-1][2])["data"] == {
        "name": "example_prompt",
        "alias": "example_alias",
    }
    RegistryWebhook.objects.update(url="http://127.0.0.1:1/")

    tested = client.test_webhook(str(webhook.pk))

    assert not tested.success
    assert "Connection refused" in (tested.error_message or "")


def test_owners_manage_the_webhooks_of_their_project_and_others_see_none(
    client_of: ClientOf,
    listener: Listener,
    project: Project,
    owner: User,
    data_scientist: User,
    stranger: User,
    administrator: User,
) -> None:
    webhook = hook(project, listener, owner)
    for user in (data_scientist, stranger):
        client = client_of(user)
        assert list(client.list_webhooks()) == []
        for refused in (
            lambda: client.get_webhook(str(webhook.pk)),
            lambda: client.update_webhook(str(webhook.pk), name="mine"),
            lambda: client.delete_webhook(str(webhook.pk)),
            lambda: client.test_webhook(str(webhook.pk)),
        ):
            with pytest.raises(RestException) as refusal:
                refused()
            assert refusal.value.error_code == "RESOURCE_DOES_NOT_EXIST"
    assert [row.name for row in client_of(administrator).list_webhooks()] == ["ci"]
    assert listener.heard == []


def test_the_project_of_a_webhook_is_that_of_the_token_or_the_only_one(
    client_of: ClientOf,
    listener: Listener,
    project: Project,
    owner: User,
    data_scientist: User,
    stranger: User,
) -> None:
    def make(client: MlflowClient) -> Project | None:
        made = client.create_webhook("ci", listener.url, events=["registered_model.created"])
        return RegistryWebhook.objects.get(pk=made.webhook_id).project

    def refused(client: MlflowClient) -> tuple[str, str]:
        with pytest.raises(RestException) as refusal:
            make(client)
        return refusal.value.error_code, str(refusal.value)

    code, sentence = refused(client_of(data_scientist))
    assert (code, "made by its owners" in sentence) == ("PERMISSION_DENIED", True)
    code, _ = refused(client_of(data_scientist, default_project=project.slug))
    assert code == "PERMISSION_DENIED"
    assert make(client_of(owner)) == project
    theirs = stranger.memberships.get().project
    Membership.objects.create(project=theirs, user=owner, role=Role.OWNER)
    code, sentence = refused(client_of(owner))
    assert code == "INVALID_PARAMETER_VALUE"
    assert all(part in sentence for part in (project.slug, theirs.slug, "default project"))
    assert make(client_of(owner, default_project=theirs.slug)) == theirs
    assert [row.name for row in client_of(owner).list_webhooks()] == ["ci", "ci"]


def test_each_protocol_has_its_own_webhooks(
    client_of: ClientOf,
    acting: Acting,
    call: Call,
    listener: Listener,
    model: RegisteredModel,
    owner: User,
) -> None:
    mine = hook(model.project, listener, owner)
    theirs = services.create_webhook(model, events=["COMMENT_CREATED"], url=listener.url, by=owner)

    assert [row.webhook_id for row in client_of(owner).list_webhooks()] == [str(mine.pk)]
    assert [row.id for row in acting(owner).list_webhooks()] == [str(theirs.pk)]
    assert call(owner, "GET", f"webhooks/{theirs.pk}").status_code == 404
    body = {"id": str(mine.pk)}
    assert call(owner, "DELETE", "registry-webhooks/delete", body).status_code == 404


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"events": [{"entity": "BUDGET_POLICY", "action": "EXCEEDED"}]}, "There are: registered_"),
        ({"events": []}, "Say in 'events'"),
        ({"name": "no spaces"}, "1 to 63 letters"),
        ({"status": "TEST_MODE"}, "ACTIVE, DISABLED"),
        ({"url": "https://elsewhere.example.com/"}, "not sent to elsewhere.example.com"),
        ({"secret": "ä"}, "cannot be sent"),
    ],
)
def test_what_a_webhook_cannot_be_is_refused(
    call: Call,
    listener: Listener,
    project: Project,
    owner: User,
    changes: dict[str, Any],
    said: str,
) -> None:
    values = {
        "name": "ci",
        "url": listener.url,
        "events": [{"entity": "PROMPT", "action": "CREATED"}],
        **changes,
    }
    answer = call(owner, "POST", "webhooks", values)

    assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert said in answer.json()["message"]
    assert not RegistryWebhook.objects.exists()


def test_the_secret_does_not_follow_to_another_address(
    call: Call, listener: Listener, project: Project, owner: User
) -> None:
    webhook = hook(project, listener, owner, secret="s3cret")
    call(owner, "PATCH", f"webhooks/{webhook.pk}", {"name": "cd"})
    webhook.refresh_from_db()
    assert webhook.secret == "s3cret"

    call(owner, "PATCH", f"webhooks/{webhook.pk}", {"url": listener.url + "2"})

    webhook.refresh_from_db()
    assert webhook.secret == ""
