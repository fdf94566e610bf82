"""MLflow's own pages, on their host: each kind of person asks for all that they show, about what is
his project's, another's, and nothing; and for what they let nobody change."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from django.test import Client

from apps.api.mlflow.doors import CALLS
from apps.api.mlflow.pages import answered
from apps.api.mlflow.pages.admission import NAME
from apps.api.mlflow.pages.answered import Address
from apps.api.mlflow.pages.routes import API, OF_PAGES, V2, shown
from apps.api.mlflow.routes import ROUTES, Route
from apps.audit.models import AuditEvent
from apps.core.doors import BESIDE, Door
from apps.core.routes import all_routes
from apps.projects.models import Project
from apps.tracking.upstream import Upstream
from scripts.permissions import KINDS, Answer, Kind, answer, answer_for_nothing
from tests.api.mlflow.pages import HOST, PAGES, pages, signed_in
from tests.permissions.passed_on import Ask, Said, knocks, sent
from tests.permissions.places import MISSING, Place, World
from tests.tracked import Things, make_things, named_by, values

__all__ = ["pages"]
pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("pages")]
all_routes()
DOORS: dict[Address, Door] = {(call.method, call.pattern): call.door for call in BESIDE[NAME].calls}
PASSED_ON: dict[Address, Route] = {
    (route.method, place): route
    for place, route in shown()
    if (route.method, place) not in answered.BY_MLGOV
}
OF_THE_REGISTRY = {
    answered.MODEL: ("name",),
    answered.LATEST: ("name",),
    answered.LATEST_POSTED: ("name",),
    answered.ALIAS: ("name", "alias"),
    answered.VERSION: ("name", "version"),
    answered.FILE_OF_VERSION: ("name", "version", "path"),
}
FILE = "/static-files/favicon.ico"


def _browsers(world: World) -> dict[str, Client]:
    """Of each kind of person; without a sign-on where he has no session to sign on with."""
    found = {}
    for name, person in world.people.items():
        has_session = person.user is not None and person.kind.limits is None
        found[name] = signed_in(person.user)[1] if has_session else Client(HTTP_HOST=HOST)  # type: ignore[arg-type]
    return found


@pytest.mark.django_db
def test_the_pages_show_what_the_person_may(
    world: World, tracking_server: str, settings: Any
) -> None:
    settings.MLGOV_TRACKING_URL = tracking_server
    own, foreign = (
        make_things(Upstream(tracking_server), Project.objects.get(slug=place.project))
        for place in (world.own, world.foreign)
    )
    browsers = _browsers(world)
    newest = AuditEvent.objects.latest("pk").pk
    wrong = []
    for address, door in DOORS.items():
        for kind in KINDS:
            send = partial(_sent, browsers[kind.name], newest)
            if address in OF_THE_REGISTRY:
                found = _of_the_registry(world, send, address, door, kind)
            else:
                ask, narrows = _asking(send, address)
                found = knocks(ask, kind, door, own, foreign, narrows=narrows)
            wrong += [f"{' '.join(address)} {kind.name}, {what}" for what in found]
    assert wrong == [], "\n".join(wrong)


def _asking(send: Any, address: Address) -> tuple[Ask, bool]:
    """How something is asked for that lies on the tracking server, or in no project."""
    method, pattern = address
    if address == answered.GRAPHQL:
        return lambda things: _run_in(send(address, _question(things))), True
    if (route := PASSED_ON.get(address)) is None:
        url = FILE if address == answered.FILE else pattern
        return lambda things: send((method, url), {}), False

    def ask(things: Things) -> Said:
        return send((method, named_by(pattern, things)), values(route, things))

    return ask, route.narrows


def _question(things: Things) -> dict[str, Any]:
    return {"operationName": "GetRun", "variables": {"data": {"runId": things.run}}}


def _run_in(said: Said) -> Said:
    """Without the refusal, which repeats what was asked for."""
    if said.status != 200:
        return said
    return replace(said, text=json.dumps(json.loads(said.text)["data"]["mlflowGetRun"]["run"]))


def _of_the_registry(
    world: World, send: Any, address: Address, door: Door, kind: Kind
) -> Iterator[str]:
    """The same for what lies in mlgov itself."""
    for relation, place, expected in (
        ("own", world.own, answer(door, kind)),
        ("foreign", world.foreign, answer(door, kind, is_own=False)),
        ("missing", MISSING, answer_for_nothing(door, kind)),
    ):
        given = _named(place, OF_THE_REGISTRY[address])
        status = send(address, given).status
        if status != {Answer.YES: 200, Answer.SIGN_IN: 401}.get(expected, 404):
            yield f"{relation}: {expected} expected, {status} found"


def _named(place: Place, names: tuple[str, ...]) -> dict[str, Any]:
    all_names = {
        "name": place.model, "alias": place.alias, "version": place.number, "path": place.artifact,
    }  # fmt: skip
    return {name: all_names[name] for name in names}


def _sent(browser: Client, newest: int, address: Address, given: Any) -> Said:
    method, url = address
    if method == "GET":
        found = sent(browser, method, url, newest, query=given)
    else:
        kind = {"content_type": "application/json", "HTTP_ORIGIN": PAGES}
        found = sent(browser, method, url, newest, data=json.dumps(given), **kind)
    # The way to sign on, for a page; a call is told that there is none.
    if found.status == 302 and address == answered.PAGE:
        return Said(401, found.text, False, found.written)
    return found


# ---- what nobody changes here -------------------------------------------------------------------


def _not_shown() -> list[Address]:
    """All calls of the API that are none of the pages', as if they were."""
    calls = {
        (route.method, OF_PAGES + route.pattern.removeprefix(API))
        for route in ROUTES
        if route.pattern.startswith(API)
    }
    calls |= {(method, f"{V2}/{call}") for call, doors in CALLS.items() for method in doors}
    plain = {(method, re.sub(r"<[^>]*>|\{[^}]*\}", "x", place)) for method, place in calls}
    shown_here = {(method, re.sub(r"\{[^}]*\}", "x", place)) for method, place in DOORS}
    others = {
        (method, url)
        for method in ("POST", "PUT", "PATCH", "DELETE")
        for url in (answered.SIGN_ON[1], FILE, answered.FILE_OF_VERSION[1])
    }
    return sorted((plain - shown_here) | others)


@pytest.mark.django_db
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_nobody_gets_anything_else_at_the_host(world: World, kind: Kind) -> None:
    browser = _browsers(world)[kind.name]
    has_session = kind.is_known and kind.limits is None
    found = {address: _sent(browser, world.newest, address, {}).status for address in _not_shown()}
    refused = {"GET": 404} if has_session else {}
    usual = 403 if has_session else 401
    wrong = {
        address: status
        for address, status in found.items()
        if status != refused.get(address[0], usual)
    }
    assert wrong == {}
