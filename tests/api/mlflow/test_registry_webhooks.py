"""Registry webhooks: made by Databricks' own client, told to a listener on this machine."""

import hashlib
import hmac
import json
import ssl
from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from databricks.sdk.errors import DatabricksError, InvalidParameterValue, NotFound, PermissionDenied
from databricks.sdk.service.ml import (
    HttpUrlSpec,
    JobSpec,
    RegistryWebhookEvent,
    RegistryWebhookStatus,
)
from django.utils import timezone

from apps.accounts.models import User
from apps.audit.models import AuditEvent
from apps.cards import comments
from apps.core.errors import Invalid
from apps.outbox.models import MessageState, OutboxMessage
from apps.registry import services as registry
from apps.registry.models import ModelVersion, RegisteredModel
from apps.stages import services as stages
from apps.stages.models import Stage
from apps.webhooks import addresses, sending, services
from apps.webhooks.models import Delivery, DeliveryState, RegistryWebhook
from tests import factories
from tests.api.mlflow.conftest import Acting, Call
from tests.listener import Listener, deliver_everything
from tests.people import AskForReview

E = RegistryWebhookEvent


@pytest.fixture(scope="session")
def tls(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    """Of a server whose certificate it has signed itself."""
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = timezone.now()
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    path = folder / "server.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


def hook(model: RegisteredModel | None, url: str, by: User, *events: str, **more: Any) -> Any:
    return services.create_webhook(
        model, events=events or ("COMMENT_CREATED",), url=url, by=by, **more
    )


def test_a_webhook_of_a_model_is_made_listed_changed_tested_and_deleted(
    acting: Acting, listener: Listener, model: RegisteredModel, owner: User
) -> None:
    client = acting(owner)
    made = client.create_webhook(
        [E.COMMENT_CREATED, E.MODEL_VERSION_CREATED],
        model_name="scoring",
        description="Tells the channel.",
        status=RegistryWebhookStatus.TEST_MODE,
        http_url_spec=HttpUrlSpec(url=listener.url, authorization="Bearer t0p", secret="s3cret"),
    ).webhook
    assert made is not None
    assert made.id is not None
    (found,) = client.list_webhooks(model_name="scoring")
    assert found.as_dict() == made.as_dict()
    assert "s3cret" not in str(found) + str(RegistryWebhook.history.values())
    assert list(client.list_webhooks(events=[E.MODEL_VERSION_TAG_SET])) == []

    answer = client.test_registry_webhook(made.id, event=E.MODEL_VERSION_CREATED)

    assert answer.status_code == 200
    assert (answer.body or "").startswith("heard...")
    assert len(answer.body or "") == sending.MOST_OF_AN_ANSWER
    ((path, headers, body),) = listener.heard
    assert path == "/hook?of=me"
    assert headers["Authorization"] == "Bearer t0p"
    assert headers["X-Databricks-Signature"] == (
        hmac.new(b"s3cret", body, hashlib.sha256).hexdigest()
    )
    assert json.loads(body)["event"] == "MODEL_VERSION_CREATED"

    changed = client.update_webhook(made.id, status=RegistryWebhookStatus.DISABLED).webhook
    assert changed is not None
    assert changed.status == RegistryWebhookStatus.DISABLED
    assert changed.description == "Tells the channel."
    with pytest.raises(InvalidParameterValue, match="disabled"):
        client.test_registry_webhook(made.id)
    client.delete_webhook(made.id)
    with pytest.raises(NotFound):
        client.delete_webhook(made.id)
    kinds = AuditEvent.objects.filter(action__startswith="webhook.").values_list("action", "data")
    assert [action for action, _ in kinds.order_by("id")] == [
        "webhook.create",
        "webhook.edit",
        "webhook.delete",
    ]
    assert "s3cret" not in str(list(kinds))


@pytest.mark.django_db
def test_what_happens_is_told_once_in_databricks_words(
    listener: Listener,
    version: ModelVersion,
    ask_for_review: AskForReview,
    archived: Stage,
    owner: User,
    data_scientist: User,
    administrator: User,
) -> None:
    every = [event.value for event in E if event != E.REGISTERED_MODEL_CREATED]
    webhook = hook(version.model, listener.url, owner, *every)
    ask_for_review(version)
    comments.add_comment(version, text="Look at March.", by=data_scientist)
    registry.set_version_tag(version, key="quarter", value="Q1", by=data_scientist)
    stages.move(version, archived, by=owner)
    deliver_everything()
    OutboxMessage.objects.update(state=MessageState.WAITING)
    deliver_everything()

    told = {row["event"]: row for row in listener.told}
    assert len(listener.told) == len(told)
    assert set(told) == {
        "TRANSITION_REQUEST_CREATED",
        "TRANSITION_REQUEST_TO_STAGING_CREATED",
        "COMMENT_CREATED",
        "MODEL_VERSION_TAG_SET",
        "MODEL_VERSION_TRANSITIONED_STAGE",
        "MODEL_VERSION_TRANSITIONED_TO_ARCHIVED",
    }
    moved = told["MODEL_VERSION_TRANSITIONED_STAGE"]
    assert isinstance(moved.pop("event_timestamp"), int)
    assert moved == {
        "event": "MODEL_VERSION_TRANSITIONED_STAGE",
        "webhook_id": str(webhook.pk),
        "model_name": "scoring",
        "version": "1",
        "from_stage": "None",
        "to_stage": "Archived",
        "text": "Registered model 'scoring' version 1 transitioned from None to Archived.",
    }
    assert told["MODEL_VERSION_TAG_SET"]["tags"] == [{"key": "quarter", "value": "Q1"}]
    assert "March" not in str(listener.told)
    assert set(Delivery.objects.values_list("state", flat=True)) == {DeliveryState.DELIVERED}


@pytest.mark.django_db
def test_a_webhook_hears_of_its_own_model_only_and_one_of_all_models_of_all(
    listener: Listener, version: ModelVersion, stranger: User, owner: User, administrator: User
) -> None:
    project = stranger.memberships.get().project
    other = factories.make_version(factories.make_model(project, "theirs"), by=stranger)
    mine = hook(version.model, listener.url, owner)
    every = hook(None, listener.url, administrator, "COMMENT_CREATED", "REGISTERED_MODEL_CREATED")
    hook(version.model, listener.url, owner, status="TEST_MODE")
    hook(version.model, listener.url, owner, "MODEL_VERSION_CREATED")

    comments.add_comment(other, text="Ours.", by=stranger)
    registry.create_model(name="new", project=project, by=stranger)
    comments.add_comment(version, text="Yours.", by=owner)
    deliver_everything()

    assert {(row["webhook_id"], row["event"], row["model_name"]) for row in listener.told} == {
        (str(every.pk), "COMMENT_CREATED", "theirs"),
        (str(every.pk), "REGISTERED_MODEL_CREATED", "new"),
        (str(every.pk), "COMMENT_CREATED", "scoring"),
        (str(mine.pk), "COMMENT_CREATED", "scoring"),
    }


@pytest.mark.django_db
def test_nothing_is_queued_where_nobody_listens(version: ModelVersion, owner: User) -> None:
    comments.add_comment(version, text="Alone.", by=owner)
    assert not OutboxMessage.objects.filter(subscriber__startswith="apps.webhooks").exists()


@pytest.mark.django_db
def test_a_failing_listener_is_tried_again_and_given_up_in_the_end(
    listener: Listener, version: ModelVersion, owner: User, settings: Any
) -> None:
    settings.MLGOV_OUTBOX_ATTEMPTS = 3
    hook(version.model, listener.url, owner)
    comments.add_comment(version, text="Hello.", by=owner)
    listener.status = 503
    deliver_everything()
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.attempts, delivery.status_code) == (
        DeliveryState.WAITING,
        1,
        503,
    )
    for _ in range(4):
        OutboxMessage.objects.filter(state=MessageState.WAITING).update(due_at="2020-01-01T00:00Z")
        deliver_everything()

    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts, len(listener.heard)) == (
        DeliveryState.GIVEN_UP,
        3,
        3,
    )
    assert not OutboxMessage.objects.exclude(state=MessageState.DELIVERED).exists()


@pytest.mark.django_db
def test_a_redirect_is_not_followed(
    listener: Listener, model: RegisteredModel, owner: User
) -> None:
    listener.status, listener.location = 307, listener.url.replace("/hook", "/elsewhere")
    webhook = hook(model, listener.url, owner)

    answer = services.try_webhook(webhook, by=owner)

    assert (answer.status, answer.is_good) == (307, False)
    assert [path for path, _, _ in listener.heard] == ["/hook?of=me"]


@pytest.mark.django_db
def test_proxies_and_credentials_of_the_environment_are_not_used(
    listener: Listener, model: RegisteredModel, owner: User, monkeypatch: Any, tmp_path: Any
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password mine\n")
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")

    services.try_webhook(hook(model, listener.url, owner), by=owner)

    ((_, headers, _),) = listener.heard
    assert "Authorization" not in headers


@pytest.mark.parametrize(
    ("hosts", "url", "said"),
    [
        ([], "https://hooks.example.com/x", "sends no webhooks"),
        (["hooks.example.com"], "https://other.example.com/", "not sent to other.example.com"),
        (["*.example.com"], "https://example.com.evil.org/", "not sent to"),
        (["*.example.com"], "https://evil.org/.example.com", "not sent to evil.org"),
        (["*.example.com"], "https://evil.org#.example.com", "not sent to evil.org"),
        (["*.example.com"], "https://evil.org\\.example.com/", "characters that no address has"),
        (["*.example.com"], "http://hooks.example.com/x", "by https only"),
        (["*"], "https://me:secret@hooks.example.com/", "without user name"),
        (["*"], "ftp://hooks.example.com/", "https://"),
        (["*"], "file:///etc/passwd", "https://"),
        (["*"], "https://hooks.example.com:99999/", "cannot be read"),
        (["*"], "https://hooks.example.com/a b\r\nX: y", "characters that no address has"),
    ],
)
@pytest.mark.django_db
def test_addresses_that_the_operator_did_not_name_are_refused(
    call: Call,
    model: RegisteredModel,
    owner: User,
    settings: Any,
    hosts: list[str],
    url: str,
    said: str,
) -> None:
    settings.MLGOV_WEBHOOK_HOSTS = hosts
    answer = call(
        owner,
        "POST",
        "registry-webhooks/create",
        {
            "model_name": "scoring",
            "events": ["COMMENT_CREATED"],
            "http_url_spec": {"url": url},
        },
    )
    assert answer.status_code in (400, 409)
    assert said in answer.json()["message"]
    assert not RegistryWebhook.objects.exists()


@pytest.mark.parametrize(
    ("hosts", "address", "allowed"),
    [
        (["*"], "93.184.215.14", True),
        (["*"], "127.0.0.1", False),
        (["*"], "10.0.0.1", False),
        (["*"], "::1", False),
        (["*"], "::ffff:10.0.0.1", False),
        (["*"], "64:ff9b::a00:1", False),
        (["*"], "169.254.169.254", False),
        (["*"], "0.0.0.0", False),
        (["hooks.intern"], "127.0.0.1", True),
        (["hooks.intern"], "10.0.0.1", True),
        (["hooks.intern"], "169.254.169.254", False),
        (["hooks.intern"], "fd00:ec2::254", False),
        (["hooks.intern"], "224.0.0.1", False),
    ],
)
def test_the_address_behind_a_name_is_checked(
    settings: Any, hosts: list[str], address: str, allowed: bool
) -> None:
    settings.MLGOV_WEBHOOK_HOSTS = hosts
    assert (addresses.objection_for("https://hooks.intern/x", address) == "") is allowed


@pytest.mark.django_db
def test_a_certificate_that_nobody_signed_is_accepted_only_where_asked_for(
    listener: Listener, model: RegisteredModel, owner: User, tls: ssl.SSLContext
) -> None:
    listener.wrap(tls)
    address = listener.url.replace("http://", "https://")
    with pytest.raises(sending.NotDelivered, match="certificate"):
        services.try_webhook(hook(model, address, owner), by=owner)
    assert listener.heard == []

    trusting = hook(model, address, owner, verify_tls=False)

    assert services.try_webhook(trusting, by=owner).is_good


@pytest.mark.django_db
def test_only_a_host_named_in_full_may_have_any_certificate(
    model: RegisteredModel, owner: User, settings: Any
) -> None:
    settings.MLGOV_WEBHOOK_HOSTS = ["*.example.com"]
    with pytest.raises(Invalid, match="always verified"):
        hook(model, "https://hooks.example.com/", owner, verify_tls=False)


@pytest.mark.django_db
def test_a_name_that_stands_for_this_machine_is_not_connected_to(
    listener: Listener, model: RegisteredModel, owner: User, settings: Any
) -> None:
    settings.MLGOV_WEBHOOK_HOSTS = ["local*"]
    webhook = hook(model, listener.url.replace("http://127.0.0.1", "https://localhost"), owner)

    with pytest.raises(sending.NotDelivered, match="private network"):
        services.try_webhook(webhook, by=owner)

    assert listener.heard == []


@pytest.mark.django_db
def test_a_host_that_was_struck_off_hears_nothing_any_more(
    listener: Listener, model: RegisteredModel, owner: User, settings: Any
) -> None:
    webhook = hook(model, listener.url, owner)
    settings.MLGOV_WEBHOOK_HOSTS = ["other.example.com"]
    with pytest.raises(sending.NotDelivered, match="not sent to"):
        services.try_webhook(webhook, by=owner)
    assert listener.heard == []


@pytest.mark.django_db
def test_credentials_do_not_follow_to_another_address(
    listener: Listener, model: RegisteredModel, owner: User
) -> None:
    webhook = hook(model, listener.url, owner, authorization="Bearer t0p", secret="s")
    kept = services.edit_webhook(webhook, by=owner, description="Same place.")
    assert (kept.authorization, kept.secret) == ("Bearer t0p", "s")

    moved = services.edit_webhook(webhook, by=owner, url=listener.url + "2")

    assert (moved.authorization, moved.secret) == ("", "")


def test_webhooks_are_managed_by_those_who_run_the_project(
    acting: Acting,
    listener: Listener,
    model: RegisteredModel,
    owner: User,
    data_scientist: User,
    stranger: User,
    administrator: User,
) -> None:
    target = HttpUrlSpec(url=listener.url)
    mine = hook(model, listener.url, owner)
    every = hook(None, listener.url, administrator)
    with pytest.raises(PermissionDenied, match="manage the webhooks"):
        acting(data_scientist).create_webhook(
            [E.COMMENT_CREATED], model_name="scoring", http_url_spec=target
        )
    with pytest.raises(NotFound):
        acting(stranger).create_webhook(
            [E.COMMENT_CREATED], model_name="scoring", http_url_spec=target
        )
    with pytest.raises(PermissionDenied, match="administrator"):
        acting(owner).create_webhook([E.COMMENT_CREATED], http_url_spec=target)
    for user in (data_scientist, stranger):
        assert list(acting(user).list_webhooks()) == []
        for refused in (
            lambda user=user: acting(user).update_webhook(str(mine.pk), description="Mine."),
            lambda user=user: acting(user).delete_webhook(str(mine.pk)),
            lambda user=user: acting(user).test_registry_webhook(str(mine.pk)),
        ):
            with pytest.raises(NotFound):
                refused()
    assert [row.id for row in acting(owner).list_webhooks()] == [str(mine.pk)]
    assert [row.id for row in acting(administrator).list_webhooks(max_results=1)] == [
        str(mine.pk),
        str(every.pk),
    ]
    assert listener.heard == []


def test_what_a_webhook_cannot_be_is_refused_in_words(
    acting: Acting, listener: Listener, model: RegisteredModel, owner: User
) -> None:
    client = acting(owner)
    target = HttpUrlSpec(url=listener.url)
    with pytest.raises(InvalidParameterValue, match="no jobs of Databricks"):
        client.create_webhook(
            [E.COMMENT_CREATED],
            model_name="scoring",
            job_spec=JobSpec(job_id="1", access_token="t"),
        )
    with pytest.raises(InvalidParameterValue, match="all models"):
        client.create_webhook(
            [E.REGISTERED_MODEL_CREATED], model_name="scoring", http_url_spec=target
        )
    with pytest.raises(InvalidParameterValue, match="what to tell of"):
        client.create_webhook([], model_name="scoring", http_url_spec=target)
    with pytest.raises(InvalidParameterValue, match="cannot be sent"):
        client.create_webhook(
            [E.COMMENT_CREATED],
            model_name="scoring",
            http_url_spec=HttpUrlSpec(url=listener.url, authorization="a\r\nHost: b"),
        )
    nobody = RegistryWebhook.objects.create(
        model=model, events=["COMMENT_CREATED"], url="http://127.0.0.1:1/", created_by=owner
    )
    with pytest.raises(DatabricksError, match="could not be sent"):
        client.test_registry_webhook(str(nobody.pk))
