"""A browser at MLflow's own pages, for whoever the test names."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.http import HttpResponse
from django.test import Client

from apps.accounts.models import User
from apps.projects.models import Project
from tests.tracking import Tracking

HOST = "mlflow.localhost:8000"
PAGES = f"http://{HOST}"
V2, V3 = "/ajax-api/2.0/mlflow", "/ajax-api/3.0/mlflow"
Opened = Callable[[User], Client]


@pytest.fixture
def pages(settings: Any) -> None:
    settings.MLGOV_MLFLOW_PAGES = PAGES
    settings.ALLOWED_HOSTS = [*settings.ALLOWED_HOSTS, "mlflow.localhost"]


@pytest.fixture
def opened(pages: None) -> Opened:
    """`opened(user)` is a browser of the person's that has MLflow's pages open."""

    def open_pages(user: User) -> Client:
        _, browser = signed_in(user)
        return browser

    return open_pages


def signed_in(user: User) -> tuple[Client, Client]:
    """The browser at mlgov, and the same at the pages: they share no cookie."""
    ours, theirs = Client(), Client(HTTP_HOST=HOST)
    ours.force_login(user)
    ticket = ticket_for(ours, theirs)
    answer = theirs.get("/sign-on", {"ticket": ticket})
    assert (answer.status_code, answer["Location"]) == (302, "/")
    return ours, theirs


def ticket_for(ours: Client, theirs: Client) -> str:
    to_mlgov = theirs.get("/")
    assert to_mlgov.status_code == 302
    address = urlsplit(to_mlgov["Location"])
    back = ours.get(f"{address.path}?{address.query}")
    assert back.status_code == 302
    assert back["Location"].startswith(f"{PAGES}/sign-on?")
    return parse_qs(urlsplit(back["Location"]).query)["ticket"][0]


def ask(browser: Client, name: str, variable: str, **values: Any) -> Any:
    body = {"operationName": name, "variables": {variable: values}, "query": "query X { y }"}
    return send(browser, "POST", "/graphql", body).json()


def send(browser: Client, method: str, path: str, body: Any = None, **headers: Any) -> HttpResponse:
    return browser.generic(
        method,
        path,
        json.dumps(body or {}),
        content_type="application/json",
        **{"HTTP_ORIGIN": PAGES, **headers},
    )


def told(answer: Any) -> Any:
    """The JSON of an answer, also of one that was passed on."""
    return json.loads(b"".join(answer.streaming_content) if answer.streaming else answer.content)


@pytest.fixture
def run(tracking: Tracking, project: Project) -> str:
    run_id = str(tracking.make_run(**{"mlflow.runName": "wise-owl"})["info"]["run_id"])
    rows = [
        {"key": "auc", "value": value, "timestamp": 1_700_000_000_000 + step, "step": step}
        for step, value in enumerate([0.5, "NaN", 0.9])
    ]
    tracking.log(run_id, params=[{"key": "depth", "value": "3"}], metrics=rows)
    root = f"{tracking.experiment}/{run_id}/artifacts"
    tracking.put(f"{root}/report.html", b"<script>alert(1)</script>")
    tracking.end_run(run_id)
    return run_id
