"""Each route of the installed tracking server is declared: passed on in a scope, or refused."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from apps.api.mlflow.pages.calls import OURS
from apps.api.mlflow.pages.routes import ROUTES as OF_THE_PAGES
from apps.api.mlflow.refused import REFUSED, reason_for
from apps.api.mlflow.routes import ROUTES, Body, Use, route_for
from apps.api.mlflow.scopes import places

LISTING = Path(__file__).with_name("servers_routes.py")
PARAMETER = re.compile(r"<[^>]*>|\{[^}]*\}")


@pytest.fixture(scope="module")
def of_the_server() -> list[tuple[str, str]]:
    """Method and path of each route, with something in the place of parameters."""
    listed = subprocess.run(
        [sys.executable, str(LISTING)],
        env={**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"},
        capture_output=True,
        check=True,
        timeout=120,
    )
    return [(method, PARAMETER.sub("x", path)) for method, path in json.loads(listed.stdout)]


def test_every_route_of_the_server_is_passed_on_or_refused_with_a_reason(
    of_the_server: list[tuple[str, str]],
) -> None:
    assert len(of_the_server) > 300

    undeclared = [
        (method, path)
        for method, path in of_the_server
        if route_for(method, path) is None and not reason_for(path)
    ]

    assert undeclared == []


def test_nothing_is_passed_on_and_refused(of_the_server: list[tuple[str, str]]) -> None:
    both = [
        (method, path)
        for method, path in of_the_server
        if route_for(method, path) is not None and reason_for(path)
    ]

    assert both == []


def test_what_is_declared_exists_on_the_server(of_the_server: list[tuple[str, str]]) -> None:
    wanted = {(r.method, PARAMETER.sub("x", r.pattern)) for r in ROUTES}

    assert wanted - set(of_the_server) == set()
    for row in REFUSED:
        assert any(row.regex.fullmatch(path) for _, path in of_the_server), row.pattern


def test_what_the_pages_have_beyond_the_api_exists_on_the_server(
    of_the_server: list[tuple[str, str]],
) -> None:
    wanted = {(r.method, PARAMETER.sub("x", r.pattern)) for r in OF_THE_PAGES}

    assert (wanted | set(OURS)) - set(of_the_server) == set()


def test_every_route_has_a_scope_and_only_facts_about_the_server_have_none_in_particular() -> None:
    assert all(callable(route.scope) for route in ROUTES)

    anywhere = {route.pattern for route in ROUTES if route.scope is places.nowhere}
    assert anywhere == {"/version", "/health", "/api/3.0/mlflow/server-info"}


def test_only_files_go_up_unread() -> None:
    streamed = {(route.method, route.pattern) for route in ROUTES if route.body is Body.STREAM}

    assert streamed == {("PUT", "/api/2.0/mlflow-artifacts/artifacts/{path:path}")}
    assert all(route.body is Body.NONE for route in ROUTES if route.method == "GET")
    assert all(route.use is Use.READ for route in ROUTES if route.method == "GET")
