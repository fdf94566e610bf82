"""What comes to the host of MLflow's pages is counted and measured, as everywhere else."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from apps.accounts.models import User
from apps.api.mlflow.pages import answered, calls
from apps.core import counting
from tests.api.mlflow.pages import HOST, V2, V3, Opened, opened, pages, send

__all__ = ["opened", "pages"]
pytestmark = pytest.mark.usefixtures("pages")


@pytest.fixture
def a_minute(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """One that does not end while a test runs."""
    began = int(time.time()) // 60 * 60
    settings.MLGOV_RATES = {"read": 3, "anonymous": 2, "sign_in": 2}
    monkeypatch.setattr(counting, "time", lambda: began + 20.0)
    counting._tallies.clear()
    yield
    counting._tallies.clear()


def test_a_person_asks_as_often_as_elsewhere(
    opened: Opened, viewer: User, administrator: User, a_minute: None
) -> None:
    browser = opened(viewer)

    found = [send(browser, "GET", f"{V3}/ui-telemetry") for _ in range(4)]

    assert [answer.status_code for answer in found] == [200, 200, 200, 429]
    assert found[-1]["Retry-After"] == "40"
    assert send(opened(administrator), "GET", f"{V3}/ui-telemetry").status_code == 200


def test_an_address_without_a_sign_on_asks_less_often(db: None, a_minute: None) -> None:
    browser = Client(HTTP_HOST=HOST)

    found = [send(browser, "GET", f"{V2}/experiments/search").status_code for _ in range(3)]
    guessed = [browser.get("/sign-on", {"ticket": "x"}).status_code for _ in range(3)]

    assert (found, guessed) == ([401, 401, 429], [403, 403, 429])


@pytest.mark.parametrize(
    ("path", "size"), [(f"{V3}/ui-telemetry", 1024**2 + 1), ("/graphql", 16 * 1024**2 + 1)]
)
def test_a_body_that_is_too_long_is_refused(
    opened: Opened, viewer: User, path: str, size: int
) -> None:
    assert send(opened(viewer), "POST", path, "x" * size).status_code == 413


def test_what_mlgov_answers_itself_is_named_as_such() -> None:
    assert set(calls.OURS) == set(answered.BY_MLGOV)
