"""Requests are counted by class and by who asks, over all processes."""

import time

import pytest
from django.core.cache import cache
from django.test import Client, RequestFactory

from apps.accounts import services as accounts
from apps.core import counting
from apps.core.context import acting
from apps.core.doors import Rate, everybody
from apps.core.errors import TooManyRequests
from tests import factories
from tests.sessions import sign_in

pytestmark = pytest.mark.django_db
BEGAN = int(time.time()) // 60 * 60


@pytest.fixture(autouse=True)
def a_minute(settings, monkeypatch):
    """A minute that does not end while a test runs, with limits that a test reaches."""
    settings.MLGOV_RATES = {"read": 4, "write": 2, "predict": 2, "tracking": 2, "anonymous": 3}
    monkeypatch.setattr(counting, "time", lambda: BEGAN + 20.0)
    forget()
    yield
    forget()


def forget():
    """As in a process that has just been started."""
    counting._tallies.clear()


def asked(rate: Rate = Rate.READ):
    request = RequestFactory().get("/")
    request.door = everybody(rate=rate)
    return request


def how_many(count, most: int = 20) -> int:
    """How often it is let through."""
    for number in range(most):
        try:
            count()
        except TooManyRequests:
            return number
    return most


def test_a_person_may_as_much_as_the_class_says():
    assert how_many(lambda: counting.count_person(asked(), 1)) == 4


def test_each_person_and_each_class_is_counted_alone():
    how_many(lambda: counting.count_person(asked(), 1))

    assert how_many(lambda: counting.count_person(asked(), 2)) == 4
    assert how_many(lambda: counting.count_person(asked(Rate.WRITE), 1)) == 2


def test_a_storm_from_an_address_locks_nobody_out_who_is_signed_in():
    with acting(ip="203.0.113.9"):
        how_many(lambda: counting.count_address(asked()))

        assert how_many(lambda: counting.count_person(asked(), 7)) == 4


def test_what_another_process_has_taken_is_gone():
    first = how_many(lambda: counting.count_person(asked(), 1))
    forget()
    second = how_many(lambda: counting.count_person(asked(), 1))

    # Each process begins with one share for nothing, here one request.
    assert (first, second) == (4, 1)


def test_three_processes_together_get_no_more_than_the_limit_and_a_share_each():
    tallies = [counting._Tally(left=2) for _ in range(3)]
    got = 0
    for turn in range(300):
        tally = tallies[turn % 3]
        if tally.left:
            tally.left -= 1
            got += 1
        elif counting._took_a_share("rate:read:p:1", tally, 2, 50):
            got += 1

    assert got == 100 + 2 * 2


def test_the_next_minute_begins_anew(monkeypatch):
    how_many(lambda: counting.count_person(asked(), 1))
    with pytest.raises(TooManyRequests) as refused:
        counting.count_person(asked(), 1)
    monkeypatch.setattr(counting, "time", lambda: BEGAN + 61.0)

    assert refused.value.retry_after == 40
    assert how_many(lambda: counting.count_person(asked(), 1)) == 4


def test_a_network_of_the_newer_addresses_is_one(settings):
    for host in range(3):
        with acting(ip=f"2001:db8::{host}"):
            counting.count_address(asked())
    with acting(ip="2001:db8::ffff"), pytest.raises(TooManyRequests):
        counting.count_address(asked())


def test_a_cache_that_is_down_turns_nobody_away(settings):
    settings.CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": "redis://127.0.0.1:1/0",
        }
    }
    assert how_many(lambda: counting.count_person(asked(), 1)) == 20


def test_probes_are_not_counted():
    assert how_many(lambda: counting.count_address(asked(Rate.NONE))) == 20


def test_counting_costs_next_to_nothing(settings):
    settings.MLGOV_RATES = {"read": 6_000}
    request = asked()
    started = time.perf_counter()
    for _ in range(1_000):
        counting.count_person(request, 1)

    assert (time.perf_counter() - started) / 1_000 < 0.001
    assert cache.get(f"rate:read:system:person:1:{BEGAN // 60}:1") == 1


# ---- in the words of each interface -------------------------------------------------------------


@pytest.fixture
def person():
    return factories.make_user("ada")


@pytest.fixture
def token(person):
    return accounts.create_token(person, name="t", by=person)[1]


def last(client: Client, path: str, **headers: str):
    for _ in range(6):
        response = client.get(path, **headers)
    return response


def test_a_page_says_it_as_a_page(person):
    response = last(sign_in(Client(), person), "/models")

    assert (response.status_code, response["Retry-After"]) == (429, "40")
    assert "Wait 40 seconds" in response.content.decode()


def test_rest_says_it_as_json(person, token):
    response = last(Client(), "/api/v1/me", HTTP_AUTHORIZATION=f"Bearer {token}")

    assert (response.status_code, response["Retry-After"]) == (429, "40")
    assert response.json()["code"] == "too_many_requests"


def test_rest_says_it_to_sessions_as_well(person):
    assert last(sign_in(Client(), person), "/api/v1/me").status_code == 429


def test_mlflow_is_told_when_to_try_again(person, token):
    path = "/api/2.0/mlflow/registered-models/search"
    response = last(Client(), path, HTTP_AUTHORIZATION=f"Bearer {token}")

    assert (response.status_code, response["Retry-After"]) == (429, "40")
    assert response.json()["error_code"] == "REQUEST_LIMIT_EXCEEDED"


@pytest.mark.parametrize(
    "path",
    ["/api/v1/me", "/api/2.0/mlflow/registered-models/search", "/endpoints/a/b/invocations"],
)
def test_who_guesses_credentials_is_counted_by_his_address(path):
    statuses = [
        Client().get(path, HTTP_AUTHORIZATION=f"Bearer guess-{number}").status_code
        for number in range(4)
    ]
    assert statuses == [401, 401, 401, 429]


def test_what_is_passed_on_is_a_class_of_its_own(person, token, settings):
    settings.MLGOV_TRACKING_URL = "http://127.0.0.1:1"
    headers = {"HTTP_AUTHORIZATION": f"Bearer {token}"}
    last(Client(), "/api/v1/me", **headers)

    path = "/api/2.0/mlflow/runs/get"
    statuses = [Client().get(path, {"run_id": "a"}, **headers).status_code for _ in range(3)]
    assert (429 in statuses[:2], statuses[2]) == (False, 429)


# ---- bodies --------------------------------------------------------------------------------------


def test_a_page_refuses_a_long_body_before_it_is_read(person):
    client = sign_in(Client(), person)
    response = client.post("/projects/new", {"name": "x" * (5 * 1024**2)})

    assert response.status_code == 413
    assert "5 MB" in response.content.decode()


def test_rest_refuses_a_long_body(token):
    response = Client().post(
        "/api/v1/projects",
        b'"' + b"x" * (5 * 1024**2) + b'"',
        content_type="application/json",
        HTTP_AUTHORIZATION=f"Bearer {token}",
    )
    assert (response.status_code, response.json()["code"]) == (413, "too_large")


def test_mlflow_refuses_a_long_body(token):
    response = Client().post(
        "/api/2.0/mlflow/registered-models/create",
        b'"' + b"x" * (5 * 1024**2) + b'"',
        content_type="application/json",
        HTTP_AUTHORIZATION=f"Bearer {token}",
    )
    assert (response.status_code, response.json()["error_code"]) == (
        413,
        "INVALID_PARAMETER_VALUE",
    )


# ---- methods -------------------------------------------------------------------------------------


def test_a_method_without_a_door_is_refused(person, token):
    page = sign_in(Client(), person).put("/models")
    rest = Client().options("/api/v1/models", HTTP_AUTHORIZATION=f"Bearer {token}")
    library = Client().put("/accounts/login/")

    assert [r.status_code for r in (page, rest, library)] == [405, 405, 405]
    assert (page["Allow"], rest["Allow"]) == ("GET, HEAD", "GET, HEAD, POST")
    assert rest.json()["code"] == "method_not_allowed"


@pytest.mark.parametrize("path", ["/api/v1/projects", "/api/2.0/mlflow/registered-models/create"])
def test_json_of_too_many_values_is_refused_before_it_is_read(token, path):
    body = b"[" + b"0," * 200_001 + b"0]"
    response = Client().post(
        path, body, content_type="application/json", HTTP_AUTHORIZATION=f"Bearer {token}"
    )
    assert response.status_code == 400
    assert "more than 200,000 values" in response.json()["message"]


def test_commas_within_texts_are_no_values(token):
    response = Client().post(
        "/api/v1/projects",
        {"slug": "with-commas", "name": "Commas", "description": "," * 250_000},
        content_type="application/json",
        HTTP_AUTHORIZATION=f"Bearer {token}",
    )
    assert "values" not in response.json().get("message", "")
