"""The door for consumers: who comes in, which replica answers, what they get."""

import json
import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from apps.accounts.models import User
from apps.accounts.services import create_token
from apps.deployments import balancing, gateway, services
from apps.deployments.models import ApiKey, Deployment, Endpoint, Replica
from apps.deployments.specs import LONGEST_BODY, spec_of, target_for
from apps.deployments.targets.memory import MemoryReplica, MemoryTarget
from apps.projects.models import Project
from apps.registry.models import ModelVersion
from apps.stages.models import Environment, Stage
from tests import factories
from tests.deployments.conftest import Enter

pytestmark = pytest.mark.urls("tests.deployments.urls")
ROWS = {"dataframe_records": [{"a": 1}, {"a": 2}]}
Call = Callable[..., HttpResponse]


@pytest.fixture(autouse=True)
def no_grudges() -> None:
    balancing.avoided._until.clear()


@pytest.fixture
def key(endpoint: Endpoint, owner: User) -> str:
    return services.create_api_key(endpoint, name="shop", by=owner)[1]


@pytest.fixture
def call(endpoint: Endpoint) -> Call:
    def post(
        key: str = "",
        path: str = "",
        body: Any = ROWS,
        *,
        client: Client | None = None,
        **more: Any,
    ) -> Any:
        headers = {"Authorization": f"Bearer {key}", **more.pop("headers", {})} if key else {}
        return (client or Client()).post(
            path or endpoint.path,
            body if isinstance(body, bytes) else json.dumps(body),
            content_type="application/json",
            headers={**headers, **more.pop("headers", {})},
            **more,
        )

    return post


def replicas_of(deployment: Deployment) -> list[MemoryReplica]:
    return list(MemoryTarget.spaces[""][deployment.service_name].values())


def kill(replica: MemoryReplica) -> None:
    """End a replica without anybody having noticed yet."""
    replica.stop()
    replica.failure = "killed"


def test_a_prediction_is_what_the_model_answers(serving: Deployment, call: Call, key: str) -> None:
    answer = call(key, headers={"X-Request-ID": "order-4711"})

    assert (answer.status_code, answer.json()) == (200, {"predictions": [0, 1]})
    wanted = {
        "Content-Type": "application/json",
        "X-Mlgov-Model": "scoring",
        "X-Mlgov-Version": "1",
        "X-Mlgov-Deployment": str(serving.pk),
        "X-Mlgov-Request-Id": "order-4711",
        "X-Request-ID": "order-4711",
    }
    assert {name: answer.headers[name] for name in wanted} == wanted


def test_what_the_model_refuses_is_passed_on_as_it_is(call: Call, key: str) -> None:
    answer = call(key, body=b"{")

    assert answer.status_code == 400
    assert answer.json()["error_code"] == "BAD_REQUEST"
    assert answer.headers["X-Mlgov-Version"] == "1"


def test_the_key_may_come_in_a_header_of_its_own(call: Call, key: str) -> None:
    assert call(headers={"X-Api-Key": key}).status_code == 200


def test_a_prediction_takes_three_queries_however_many_replicas_there_are(
    serving: Deployment, call: Call, key: str, django_assert_num_queries: Any
) -> None:
    call(key)  # the first one notes that the key is used
    with django_assert_num_queries(3):
        assert call(key).status_code == 200
    Replica.objects.filter(deployment=serving, index=1).delete()
    with django_assert_num_queries(3):
        assert call(key).status_code == 200


def test_predictions_hold_no_transaction_open() -> None:
    assert connection.settings_dict["ATOMIC_REQUESTS"] is False


@pytest.mark.parametrize(
    "wrong",
    ["", "nonsense", "mlgov_key_", "mlgov_key_abc", "mlgov_pat_abc_def", "mlgov_key_a\x00_b"],
)
def test_without_a_right_key_nobody_learns_what_there_is(
    endpoint: Endpoint, call: Call, wrong: str
) -> None:
    for path in (endpoint.path, "/endpoints/credit/there-is-none/invocations"):
        answer = call(headers={"X-Api-Key": wrong}, path=path)
        assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        anonymous = call(path=path)
        assert (anonymous.status_code, anonymous.json()["code"]) == (401, "not_authenticated")


def test_a_key_with_one_wrong_letter_is_wrong(call: Call, key: str) -> None:
    assert call(key[:-1] + ("a" if key[-1] != "a" else "b")).status_code == 401


def test_expired_and_revoked_keys_open_nothing(
    endpoint: Endpoint, call: Call, key: str, owner: User
) -> None:
    row = ApiKey.objects.get()
    row.expires_at = timezone.now() - timedelta(seconds=1)
    row.save()
    assert call(key).status_code == 401

    row.expires_at = None
    row.save()
    assert call(key).status_code == 200

    services.revoke_api_key(row, by=owner)
    assert call(key).status_code == 401


def test_a_key_opens_its_own_endpoint_only(
    version: ModelVersion, call: Call, key: str, enter: Enter, project: Project
) -> None:
    mirror = factories.make_environment("mirror")
    enter(version, factories.make_stage("mirror", environment=mirror, approvals_required=0))
    other = Endpoint.objects.get(slug="scoring-mirror")

    answers = [call(key, path=path) for path in (other.path, "/endpoints/credit/no/invocations")]

    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].json()["message"] == answers[1].json()["message"]
    with pytest.raises(gateway.NotFound):
        gateway.endpoint_for_key("credit", "scoring-mirror", key)
    assert gateway.endpoint_for_key("credit", "scoring-live", key).slug == "scoring-live"


def test_the_use_of_a_key_is_noted_once_a_minute(call: Call, key: str) -> None:
    call(key)
    first = ApiKey.objects.get().last_used_at
    call(key)
    assert ApiKey.objects.get().last_used_at == first

    ApiKey.objects.update(last_used_at=timezone.now() - timedelta(minutes=2))
    call(key)
    assert ApiKey.objects.get().last_used_at > timezone.now() - timedelta(minutes=1)


def test_a_person_calls_with_an_access_token(
    call: Call, data_scientist: User, viewer: User, stranger: User
) -> None:
    expected = {data_scientist: 200, viewer: 403, stranger: 404}
    for person, status in expected.items():
        token = create_token(person, name="cli", by=person)[1]
        assert call(token).status_code == status


def test_a_session_needs_the_right_and_the_csrf_token(
    endpoint: Endpoint, call: Call, data_scientist: User, viewer: User, stranger: User
) -> None:
    for person, status in {data_scientist: 200, viewer: 403, stranger: 404}.items():
        browser = Client(enforce_csrf_checks=True)
        browser.force_login(person)
        forged = call(client=browser)
        assert (forged.status_code, forged.json()["code"]) == (403, "csrf")

        browser.cookies["csrftoken"] = "a" * 32
        answer = call(client=browser, headers={"X-CSRFToken": "a" * 32})
        assert answer.status_code == status


def test_a_key_needs_no_csrf_token(call: Call, key: str) -> None:
    assert call(key, client=Client(enforce_csrf_checks=True)).status_code == 200


def test_one_version_is_called_by_its_number(
    serving: Deployment,
    second: ModelVersion,
    environment: Environment,
    call: Call,
    key: str,
    enter: Enter,
) -> None:
    canary = factories.make_stage("canary", environment=environment, approvals_required=0)
    enter(second, canary)
    base = "/endpoints/credit/scoring-live/versions"

    answered = [call(key, path=f"{base}/{n}/invocations") for n in (1, 2, 3)]

    assert [a.headers.get("X-Mlgov-Version") for a in answered] == ["1", "2", None]
    assert (answered[2].status_code, answered[2].json()["message"]) == (
        404,
        "Version 3 does not serve behind this endpoint.",
    )
    assert call(key).headers["X-Mlgov-Version"] == "2"


def test_versions_are_drawn_by_their_share_of_the_traffic(
    serving: Deployment,
    second: ModelVersion,
    environment: Environment,
    call: Call,
    key: str,
    enter: Enter,
) -> None:
    canary = factories.make_stage("canary", environment=environment, approvals_required=0)
    enter(second, canary)
    Deployment.objects.filter(version=second).update(traffic=25)
    Deployment.objects.filter(pk=serving.pk).update(traffic=75)

    drawn = Counter(
        next(balancing.candidates(Deployment.objects.all()))[0].version.number for _ in range(1_000)
    )

    assert 150 < drawn[2] < 350
    assert drawn[1] + drawn[2] == 1_000
    assert call(key).status_code == 200


def test_replicas_take_turns(serving: Deployment) -> None:
    asked = Counter(next(balancing.candidates([serving]))[1].index for _ in range(10))

    assert asked == {0: 5, 1: 5}


def test_a_dead_replica_is_passed_over_and_then_avoided(
    serving: Deployment, call: Call, key: str, caplog: pytest.LogCaptureFixture
) -> None:
    kill(replicas_of(serving)[0])

    assert [call(key).status_code for _ in range(6)] == [200] * 6
    told = [r.message for r in caplog.records if "did not answer" in r.message]
    assert [message.partition(":")[0] for message in told] == [
        f"{serving.service_name}-0 did not answer"
    ]


def test_a_replica_that_is_back_is_asked_again(serving: Deployment, call: Call, key: str) -> None:
    for replica in replicas_of(serving):
        balancing.avoided.add(replica.address)

    assert call(key).status_code == 200
    assert sum(replica.address in balancing.avoided for replica in replicas_of(serving)) == 1


def test_when_no_replica_answers_the_caller_is_asked_to_come_back(
    serving: Deployment, call: Call, key: str
) -> None:
    for replica in replicas_of(serving):
        kill(replica)

    answer = call(key)
    assert (answer.status_code, answer.json()["code"]) == (503, "no_replica")
    assert answer.headers["Retry-After"] == "5"


def test_an_endpoint_without_a_version_says_so(
    serving: Deployment, call: Call, key: str, owner: User
) -> None:
    services.retire(serving, by=owner, reason="Enough.")

    answer = call(key)
    assert (answer.status_code, answer.json()["code"]) == (503, "nothing_serves")
    assert "No version serves" in answer.json()["message"]
    assert int(answer.headers["Retry-After"]) > 0


def test_a_model_that_takes_too_long_is_not_asked_twice(
    serving: Deployment, call: Call, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bytes] = []

    def dawdle(spec: Any, body: bytes) -> tuple[int, bytes]:
        asked.append(body)
        time.sleep(0.5)
        return 200, b"{}"

    monkeypatch.setattr(MemoryTarget, "respond", staticmethod(dawdle))
    target = target_for(serving.endpoint.environment)
    target.remove(serving.service_name)
    services.note_replicas(serving, target.apply(spec_of(serving)))
    monkeypatch.setattr(gateway, "ANSWER_SECONDS", 0.1)

    answer = call(key)
    assert (answer.status_code, answer.json()["code"]) == (504, "timed_out")
    assert len(asked) == 1


def test_a_body_that_is_too_large_is_refused_before_it_is_read(call: Call, key: str) -> None:
    announced = call(key, body=b"{}", CONTENT_LENGTH=str(LONGEST_BODY + 1))
    assert (announced.status_code, announced.json()["code"]) == (413, "too_large")


def test_a_body_as_large_as_may_be_is_passed_on(call: Call, key: str) -> None:
    body = json.dumps({"dataframe_records": [{"a": "x" * (LONGEST_BODY - 100)}]}).encode()
    assert call(key, body=body).json() == {"predictions": [0]}


def test_a_chunked_body_is_refused_with_a_sentence(endpoint: Endpoint, key: str) -> None:
    answer = Client().generic(
        "POST",
        endpoint.path,
        headers={"X-Api-Key": key, "Transfer-Encoding": "chunked"},
    )
    assert answer.status_code == 400
    assert "Send the length" in answer.json()["message"]


def test_looking_at_an_endpoint_shows_what_serves(
    endpoint: Endpoint, key: str, viewer: User, stranger: User
) -> None:
    base = f"http://testserver{endpoint.path}"
    assert Client().get(endpoint.path, headers={"X-Api-Key": key}).json() == {
        "endpoint": "credit/scoring-live",
        "url": base,
        "model": "scoring",
        "environment": "live",
        "versions": [
            {
                "version": 1,
                "traffic": 100,
                "url": base.replace("/invocations", "/versions/1/invocations"),
            }
        ],
    }
    for person, status in ((viewer, 200), (stranger, 404)):
        browser = Client()
        browser.force_login(person)
        assert browser.get(endpoint.path).status_code == status
    assert Client().get(endpoint.path).status_code == 401


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
def test_other_methods_are_refused(endpoint: Endpoint, method: str) -> None:
    answer = Client().generic(method, endpoint.path)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST, GET, HEAD")
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_the_earlier_version_answers_while_the_next_one_is_rolled_out(
    serving: Deployment,
    second: ModelVersion,
    stage: Stage,
    call: Call,
    key: str,
    enter: Enter,
) -> None:
    enter(second, stage, and_drive=False)

    assert call(key).headers["X-Mlgov-Version"] == "1"
