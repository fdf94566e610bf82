"""MLflow's own pages: a host of their own, and a sign-on of their own."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.test import Client
from django.utils import timezone

from apps.accounts import lifetimes
from apps.accounts import services as accounts
from apps.accounts.models import SignOn, User
from apps.audit.models import AuditEvent
from tests.api.mlflow.pages import (
    HOST,
    PAGES,
    V2,
    Opened,
    ask,
    opened,
    pages,
    run,
    send,
    signed_in,
    ticket_for,
)
from tests.threads import together
from tests.tracking import Tracking

__all__ = ["opened", "pages", "run"]
pytestmark = pytest.mark.usefixtures("pages")

# ---- the host ------------------------------------------------------------------------------------


def test_without_the_setting_the_host_is_none_of_ours(settings: Any, viewer: User) -> None:
    settings.MLGOV_MLFLOW_PAGES = ""
    browser = Client(HTTP_HOST=HOST)
    browser.force_login(viewer)

    assert browser.get("/mlflow").status_code == 404
    assert "mlflow-browser" not in browser.get("/").cookies


@pytest.mark.parametrize(
    "path", ["/models", "/accounts/login/", "/api/v1/models", "/admin/", "/static/mlgov/app.css",
             "/healthz", "/metrics", "/api/2.0/mlflow/runs/search", "/version"],
)  # fmt: skip
def test_nothing_of_mlgov_is_behind_the_host(path: str, opened: Opened, viewer: User) -> None:
    browser = opened(viewer)
    browser.cookies.update(_of_mlgov(viewer))

    answer = browser.get(path)

    assert (answer.status_code, answer["Content-Type"]) == (404, "application/json")


def _of_mlgov(user: User) -> Any:
    client = Client()
    client.force_login(user)
    return client.cookies


def test_nothing_of_the_pages_is_behind_mlgovs_own_host(viewer: User, run: str) -> None:
    ours, theirs = signed_in(viewer)
    ours.cookies.update(theirs.cookies)

    found = {
        path: ours.get(path).status_code
        for path in ("/sign-on", "/static-files/favicon.ico", f"{V2}/experiments/search")
    }

    assert found == {"/sign-on": 404, "/static-files/favicon.ico": 404,
                     f"{V2}/experiments/search": 401}  # fmt: skip


def test_a_session_of_mlgov_opens_nothing_at_the_host(viewer: User) -> None:
    browser = Client(HTTP_HOST=HOST)
    browser.cookies.update(_of_mlgov(viewer))

    assert send(browser, "GET", f"{V2}/experiments/search").status_code == 401


# ---- sign-on -------------------------------------------------------------------------------------


def test_the_way_in_is_recorded(viewer: User) -> None:
    signed_in(viewer)

    event = AuditEvent.objects.get(action="mlflow_pages.open")
    assert (event.actor_id, event.object_name) == (viewer.pk, "MLflow's pages")


def test_whoever_is_not_signed_in_is_asked_to_first(db: None) -> None:
    theirs, ours = Client(HTTP_HOST=HOST), Client()
    address = urlsplit(theirs.get("/")["Location"])

    answer = ours.get(f"{address.path}?{address.query}")

    assert answer["Location"].startswith("/accounts/login/?next=/mlflow%3Fbrowser%3D")


def test_the_cookie_is_for_this_host_and_no_script(viewer: User, settings: Any) -> None:
    settings.MLGOV_MLFLOW_PAGES = "https://mlflow.localhost:8000"
    ours, theirs = Client(), Client(HTTP_HOST=HOST)
    ours.force_login(viewer)
    address = urlsplit(theirs.get("/")["Location"])
    back = ours.get(f"{address.path}?{address.query}")["Location"]

    theirs.get(back.partition("8000")[2])

    cookie = theirs.cookies["__Host-mlflow-session"]
    kept = {name: value for name, value in cookie.items() if value}
    assert kept == {"path": "/", "secure": True, "httponly": True, "samesite": "Lax"}


def test_a_ticket_is_used_once(viewer: User) -> None:
    ours, theirs = Client(), Client(HTTP_HOST=HOST)
    ours.force_login(viewer)
    ticket = ticket_for(ours, theirs)
    assert theirs.get("/sign-on", {"ticket": ticket}).status_code == 302

    again = theirs.get("/sign-on", {"ticket": ticket})

    assert (again.status_code, "mlflow-session" in again.cookies) == (403, False)


def test_a_ticket_is_of_no_use_to_another_browser(viewer: User) -> None:
    ours, theirs, victim = Client(), Client(HTTP_HOST=HOST), Client(HTTP_HOST=HOST)
    ours.force_login(viewer)
    ticket = ticket_for(ours, theirs)
    victim.get("/")

    answers = [
        browser.get("/sign-on", {"ticket": ticket}).status_code
        for browser in (victim, Client(HTTP_HOST=HOST))
    ]

    assert (answers, SignOn.objects.filter(cookie=None).count()) == ([403, 403], 1)


def test_a_ticket_is_too_old_after_a_minute(viewer: User) -> None:
    ours, theirs = Client(), Client(HTTP_HOST=HOST)
    ours.force_login(viewer)
    ticket = ticket_for(ours, theirs)
    assert SignOn.objects.get().expires_at <= timezone.now() + timedelta(seconds=60)
    SignOn.objects.update(expires_at=timezone.now())

    assert theirs.get("/sign-on", {"ticket": ticket}).status_code == 403


@pytest.mark.parametrize("ticket", ["", "x", "ü" * 40, "\x00"])
def test_what_is_no_ticket_opens_nothing(ticket: str, viewer: User) -> None:
    theirs = Client(HTTP_HOST=HOST)
    theirs.get("/")

    assert theirs.get("/sign-on", {"ticket": ticket}).status_code in (400, 403)


def test_a_ticket_ends_with_the_session_it_was_made_in(viewer: User) -> None:
    ours, theirs = Client(), Client(HTTP_HOST=HOST)
    ours.force_login(viewer)
    ticket = ticket_for(ours, theirs)
    ours.logout()

    assert theirs.get("/sign-on", {"ticket": ticket}).status_code == 403


def sign_out(user: User, ours: Client) -> None:
    ours.post("/accounts/logout/")


def disable(user: User, ours: Client) -> None:
    get_user_model().objects.filter(pk=user.pk).update(is_active=False)


def change_password(user: User, ours: Client) -> None:
    user.set_password("another long passphrase")
    user.save()


def let_time_pass(user: User, ours: Client) -> None:
    SignOn.objects.update(expires_at=timezone.now())


def leave_it_idle(user: User, ours: Client) -> None:
    session = ours.session
    session[lifetimes.SEEN] -= settings.MLGOV_SESSION_IDLE + 1
    session.save()


ENDS = [sign_out, disable, change_password, let_time_pass, leave_it_idle]


@pytest.mark.parametrize("end", ENDS)
def test_the_pages_close_with_the_session_of_mlgov(
    end: Callable[[User, Client], None], viewer: User, run: str
) -> None:
    ours, theirs = signed_in(viewer)
    path = f"{V2}/runs/get?run_id={run}"
    assert send(theirs, "GET", path).status_code == 200

    end(viewer, ours)

    assert send(theirs, "GET", path).status_code == 401
    assert theirs.get("/static-files/favicon.ico").status_code == 401
    assert theirs.get("/")["Location"].startswith("http://127.0.0.1")


def test_the_next_person_at_the_browser_does_not_see_the_pages_of_the_last(
    viewer: User, stranger: User, run: str
) -> None:
    ours, theirs = signed_in(viewer)
    sign_out(viewer, ours)
    ours.force_login(stranger)

    theirs.get("/sign-on", {"ticket": ticket_for(ours, theirs)})

    assert send(theirs, "GET", f"{V2}/runs/get?run_id={run}").status_code == 404


def test_reading_the_pages_keeps_the_session_of_mlgov_alive(viewer: User, run: str) -> None:
    ours, theirs = signed_in(viewer)
    session = ours.session
    before = session[lifetimes.SEEN] = session[lifetimes.SEEN] - settings.MLGOV_SESSION_IDLE + 60
    session.save()

    assert send(theirs, "GET", f"{V2}/runs/get?run_id={run}").status_code == 200
    assert ours.session[lifetimes.SEEN] > before


# ---- origins -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        {"HTTP_ORIGIN": "https://evil.example"},
        {"HTTP_ORIGIN": "null"},
        {"HTTP_ORIGIN": "http://127.0.0.1:8000"},
        {"HTTP_ORIGIN": "http://mlflow.localhost"},
        {"HTTP_SEC_FETCH_SITE": "cross-site"},
        {"HTTP_SEC_FETCH_SITE": "same-site"},
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_other_sites_get_nothing(
    method: str, headers: dict[str, str], opened: Opened, viewer: User, run: str
) -> None:
    browser = opened(viewer)
    path = f"{V2}/runs/get?run_id={run}" if method == "GET" else f"{V2}/runs/search"

    answer = send(browser, method, path, {"experiment_ids": []}, **headers)

    assert (answer.status_code, "Access-Control-Allow-Origin" in answer) == (403, False)


def test_what_is_posted_names_its_origin_and_is_json(opened: Opened, viewer: User) -> None:
    browser = opened(viewer)

    nameless = browser.post(f"{V2}/runs/search", {}, content_type="application/json")
    a_form = browser.post(f"{V2}/runs/search", {}, HTTP_ORIGIN=PAGES)

    assert (nameless.status_code, a_form.status_code) == (403, 400)


@pytest.mark.parametrize(
    "headers",
    [
        {"HTTP_SEC_FETCH_MODE": "cors", "HTTP_SEC_FETCH_DEST": "empty"},
        {"HTTP_SEC_FETCH_MODE": "navigate", "HTTP_SEC_FETCH_DEST": "iframe"},
    ],
)
def test_the_page_opens_in_a_window_only(
    headers: dict[str, str], opened: Opened, viewer: User
) -> None:
    assert opened(viewer).get("/", **headers).status_code == 403


def test_a_link_from_elsewhere_opens_the_page(tracking: Tracking, viewer: User) -> None:
    _, browser = signed_in(viewer)

    answer = browser.get(
        "/",
        HTTP_SEC_FETCH_SITE="cross-site",
        HTTP_SEC_FETCH_MODE="navigate",
        HTTP_SEC_FETCH_DEST="document",
    )

    assert (answer.status_code, b"<title>MLflow</title>" in answer.content) == (200, True)
    policy = answer["Content-Security-Policy"]
    assert "script-src 'self';" in policy
    assert "frame-ancestors 'none'" in policy
    assert answer["Cache-Control"] == "private, no-store"


@pytest.mark.parametrize(
    "path",
    ["/static-files/../api/2.0/mlflow/runs/search", "/static-files/%2e%2e/version",
     "/static-files//x", "/static-files/..%5c..%5cversion", "/static-files/none.js",
     "/static-files/"],
)  # fmt: skip
def test_only_files_of_the_pages_are_files_of_the_pages(
    path: str, tracking: Tracking, opened: Opened, viewer: User
) -> None:
    assert opened(viewer).get(path).status_code == 404


def test_files_of_the_pages_are_kept_by_the_browser_alone(
    tracking: Tracking, opened: Opened, viewer: User
) -> None:
    answer = opened(viewer).get("/static-files/favicon.ico")

    assert (answer.status_code, answer["Cache-Control"]) == (200, "private, max-age=86400")


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_of_two_uses_of_a_ticket_at_once_one_gets_in(viewer: User) -> None:
    ours = Client()
    ours.force_login(viewer)
    key = ours.session.session_key or ""
    browser = "0" * 64
    ticket = accounts.begin_sign_on(viewer, session_key=key, browser=browser)

    results = together(*[lambda: accounts.complete_sign_on(ticket, browser=browser)] * 2)

    assert sorted(type(result).__name__ for result in results) == ["NotPermitted", "str"]
    assert AuditEvent.objects.filter(action="mlflow_pages.open").count() == 1


# ---- while the tracking server is down ----------------------------------------------------------


def test_the_pages_say_that_the_tracking_server_is_down(
    no_tracking: None, opened: Opened, viewer: User
) -> None:
    browser = opened(viewer)

    answers = [browser.get("/"), browser.get("/static-files/favicon.ico")]

    assert [answer.status_code for answer in answers] == [424, 424]
    assert all("does not answer" in answer.json()["message"] for answer in answers)
    said = ask(browser, "MlflowGetExperimentQuery", "input", experimentId="5")["data"]
    assert said["mlflowGetExperiment"]["apiError"]["code"] == "TEMPORARILY_UNAVAILABLE"
