"""mlgov below a path of a site that others share."""

import io
import json
from collections.abc import Iterable
from typing import Any

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.test import override_settings
from django.urls import set_script_prefix

from mlgov.wsgi import below

pytestmark = pytest.mark.django_db


@pytest.fixture
def site() -> Iterable[Any]:
    with override_settings(FORCE_SCRIPT_NAME="/gov"):
        yield below("/gov", WSGIHandler())
    set_script_prefix("/")


def get(site: Any, path: str) -> tuple[str, dict[str, str], bytes]:
    seen: list[Any] = []
    environ = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": path,
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "HTTP_HOST": "localhost",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
    }
    body = b"".join(site(environ, lambda status, headers: seen.append((status, headers))))
    status, headers = seen[0]
    return status, dict(headers), body


@pytest.mark.parametrize("path", ["/gov/models", "/models"])
def test_a_page_is_found_whether_or_not_a_proxy_took_the_path_off(site: Any, path: str) -> None:
    status, headers, _ = get(site, path)

    assert (status, headers["Location"]) == ("302 Found", "/gov/accounts/login/?next=/gov/models")


def test_the_path_itself_is_the_start_page(site: Any) -> None:
    assert get(site, "/gov")[1]["Location"] == "/gov/accounts/login/?next=/gov/"


def test_another_path_with_the_same_beginning_is_not_ours(site: Any) -> None:
    assert get(site, "/government/models")[0] == "404 Not Found"


def test_mlflows_calls_are_known_below_the_path(site: Any) -> None:
    status, _, body = get(site, "/gov/api/2.0/mlflow/registered-models/search")

    assert (status, json.loads(body)["error_code"]) == ("401 Unauthorized", "UNAUTHENTICATED")
