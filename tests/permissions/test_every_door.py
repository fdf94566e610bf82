"""Each kind of person knocks at every door, with things of his own, of others, mixed, and of none.

What is expected comes from the declarations and the table of roles, see `scripts.permissions`. A
route without a declaration, or without a way to ask it, fails.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction
from django.test import override_settings
from django.urls import reverse

from apps.accounts.limits import CONSEQUENCES
from apps.audit.models import AuditEvent
from apps.core.doors import ANY, Door, Login, Who
from apps.core.routes import Route, all_routes
from apps.projects.models import Project, Visibility
from scripts.permissions import KINDS, Answer, Kind, answer
from tests.permissions import requests
from tests.permissions.places import MISSING, Person, Place, World, make_world, mixed

# Minutes of requests, so that they are made on PostgreSQL only; the filters behind them are held to
# each other on both databases by tests/access.
pytestmark = pytest.mark.slow
FEWEST_CELLS = 3_000
SIGN_IN = "/accounts/login/"
CSRF = re.compile(r'name="csrfmiddlewaretoken" value="\w+"')
REQUEST_ID = re.compile(r'"request_id": ?"\w+"')

# What passes requests on has a test of its own below, and so have the pages of libraries. The
# earlier spelling of MLflow's calls leads to the very same functions.
OURS = {
    route.key: route
    for route in all_routes()
    if ANY not in (route.doors or {}) and not route.pattern.startswith(("accounts/", "admin"))
}
EARLIER = "api/2.0/preview/"


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: Any) -> Iterator[World]:
    """Made once. Whatever a request changes is taken back after it."""
    pages = override_settings(MLGOV_MLFLOW_PAGES="http://mlflow.localhost")
    with django_db_blocker.unblock(), pages, transaction.atomic():
        yield make_world()
        transaction.set_rollback(True)


@pytest.mark.django_db
@pytest.mark.parametrize("key", sorted(key for key in OURS if not key.startswith(EARLIER)))
def test_each_person_gets_what_the_door_says(world: World, key: str) -> None:
    wrong = [
        f"{method} {person}, {relation}: {found}"
        for method, person, relation, found in _knocks(world, OURS[key])
        if found
    ]
    assert wrong == [], "\n".join(wrong)


def _knocks(world: World, route: Route) -> Iterator[tuple[str, str, str, str]]:
    """Method, person, whose thing, and what is wrong with the answer: empty where nothing is."""
    assert route.doors, "declare it in the doors.py beside its urls.py"
    for method, door in route.doors.items():
        for kind in KINDS:
            person = world.people[kind.name]
            yield method, kind.name, "own", _own(world, route, method, door, person)
            if not _is_about_a_thing(route, door):
                continue
            for relation, found in _others(world, route, method, door, person):
                yield method, kind.name, relation, found


def _is_about_a_thing(route: Route, door: Door) -> bool:
    return door.who in (Who.ALLOWED, Who.OWNER) and door.on != "default project"


def _own(world: World, route: Route, method: str, door: Door, person: Person) -> str:
    place = person.own if door.who is Who.OWNER else world.own
    expected = answer(door, person.kind)
    response, _, written = _asked(world, route, method, door, person, place)
    wrong = _judged(response, expected, door, route)
    if not wrong and (further := written - set(door.writes) - CONSEQUENCES):
        return f"wrote {sorted(further)}, which the door does not say"
    return wrong


def _others(
    world: World, route: Route, method: str, door: Door, person: Person
) -> Iterator[tuple[str, str]]:
    """The same with what is another's, with what does not belong together, and with nothing."""
    own = person.own if door.who is Who.OWNER else world.own
    foreign = world.others if door.who is Who.OWNER else world.foreign
    expected = answer(door, person.kind, is_own=False)
    response, told, _ = _asked(world, route, method, door, person, foreign)
    yield "foreign", _judged(response, expected, door, route)
    nothing, told_of_nothing, _ = _asked(world, route, method, door, person, MISSING)
    refused = expected if expected is not Answer.YES else Answer.NOT_THERE
    if door.who is Who.ALLOWED and expected is Answer.NO:
        refused = Answer.NOT_THERE
    yield "missing", _judged(nothing, refused, door, route)
    if expected is Answer.NOT_THERE and told != told_of_nothing:
        yield "foreign", _difference(told, told_of_nothing)
    if requests.parents_of(route, door.on) < 2:
        return
    response, told, _ = _asked(world, route, method, door, person, mixed(own, foreign))
    nothing, told_of_nothing, _ = _asked(world, route, method, door, person, mixed(own, MISSING))
    if told != told_of_nothing:
        yield (
            "mismatched",
            f"differs from what is missing: {told[:300]!r} {told_of_nothing[:300]!r}",
        )
    # Who may not do it to anything of the parent may be told so.
    if answer(door, person.kind) is Answer.NO and response.status_code == 403:
        refused = Answer.NO
    yield "mismatched", _judged(response, refused, door, route)


def _asked(
    world: World, route: Route, method: str, door: Door, person: Person, place: Place
) -> tuple[Any, str, set[str]]:
    """The answer, its text without what it repeats, and which audit actions were written."""
    url = _url(route, door, world, place)
    data = requests.body(route, method, world, place)
    is_program = _is_for_programs(route)
    client = person.program if is_program else person.browser
    with transaction.atomic():
        newest = AuditEvent.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
        if method == "GET" or not is_program:
            response: Any = getattr(client, method.lower())(url, data)
        else:
            content = json.dumps(data)
            response = client.generic(method, url, content, content_type="application/json")
        text = "" if response.streaming else response.content.decode(errors="replace")
        written = set(AuditEvent.objects.filter(pk__gt=newest).values_list("action", flat=True))
        transaction.set_rollback(True)
    # What the next page would tell of this one.
    client.cookies.pop("messages", None)
    return response, _plain(text, url, place), written


def _url(route: Route, door: Door, world: World, place: Place) -> str:
    named = requests.address(route, door.on, world, place)
    if route.name:
        return reverse(route.name, kwargs=named)
    return "/" + requests.NAMED.sub(lambda found: str(named[found[1]]), route.pattern)


def _plain(text: str, url: str, place: Place) -> str:
    """Without what was asked, numbers, and what is new each time."""
    text = REQUEST_ID.sub("", CSRF.sub("", text))
    named = [url, *(value for value in vars(place).values() if isinstance(value, str))]
    for name in sorted(named, key=len, reverse=True):
        text = text.replace(name, "…")
    return re.sub(r"\d+", "0", text)


def _is_asked_elsewhere(response: Any) -> bool:
    """What is not known here is asked for at a server that does not answer in these tests."""
    return response.status_code in (503, 424) or b"cannot be read" in response.content


def _difference(told: str, told_of_nothing: str) -> str:
    pairs = enumerate(zip(told, told_of_nothing, strict=False))
    start = next((at for at, (one, other) in pairs if one != other), 0)
    parts = (text[max(start - 60, 0) : start + 80] for text in (told, told_of_nothing))
    return "differs from what is missing: " + " / ".join(map(repr, parts))


def _is_for_programs(route: Route) -> bool:
    assert route.doors
    return any(
        door.login in (Login.EITHER, Login.TOKEN, Login.KEY) for door in route.doors.values()
    )


def _judged(response: Any, expected: Answer, door: Door, route: Route) -> str:
    """What is wrong with an answer. Empty where nothing is."""
    status, said = response.status_code, f"{expected} expected, {response.status_code} found"
    is_program = _is_for_programs(route)
    leads_to_sign_in = status == 302 and SIGN_IN in response["Location"]
    if expected is Answer.SIGN_IN:
        return "" if (status == 401 if is_program else leads_to_sign_in) else said
    # The admin tells whoever is no administrator by sending him to its own way to sign in.
    if expected is Answer.NO and route.pattern.startswith("admin"):
        is_sent = status == 302 and "/admin/login/" in response["Location"]
        return "" if status == 403 or is_sent else said
    if expected is Answer.NO:
        return "" if status == 403 else said
    if door.asks and _is_asked_elsewhere(response):
        return ""
    if expected is Answer.NOT_THERE:
        return "" if status == 404 else said
    return "" if status not in (401, 403, 404) and status < 500 and not leads_to_sign_in else said


@pytest.mark.django_db
def test_in_an_internal_project_everybody_gets_what_a_viewer_gets(world: World) -> None:
    viewer, stranger = (world.people[name] for name in ("viewer", "stranger"))
    # Taken back with the world.
    Project.objects.filter(slug=world.own.project).update(visibility=Visibility.INTERNAL)
    wrong = []
    for key in sorted(key for key in OURS if not key.startswith(EARLIER)):
        for method, door in (OURS[key].doors or {}).items():
            if door.who is not Who.ALLOWED:
                continue
            response, _, _ = _asked(world, OURS[key], method, door, stranger, world.own)
            if found := _judged(response, answer(door, viewer.kind), door, OURS[key]):
                wrong.append(f"{method} {key}: {found}")
    Project.objects.filter(slug=world.own.project).update(visibility=Visibility.PRIVATE)
    assert wrong == [], "\n".join(wrong)


# ---- what libraries bring, and what is passed on ------------------------------------------------

ADMIN = [route for route in all_routes() if route.pattern.startswith("admin/")]
AUTOCOMPLETED = {"app_label": "accounts", "model_name": "user", "field_name": "owner"}
SIGNING_IN = [route for route in all_routes() if route.pattern.startswith("accounts/")]


@pytest.mark.django_db
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_the_admin_lets_in_administrators_only(world: World, kind: Kind) -> None:
    """Nothing that there is is named: who is let in finds a page, or is led to a list."""
    wrong = []
    for route in ADMIN:
        for method, door in (route.doors or {}).items():
            if door.who is Who.ANYBODY:
                continue
            response = _at_library(world, route, method, kind)
            status = response.status_code
            is_sent_away = status in (401, 403) or "/login/" in response.get("Location", "")
            is_in = not is_sent_away and status < 500
            expected = answer(door, kind)
            if expected is Answer.NO and kind.is_administrator and status == 302:
                is_in = False
            if is_in != (expected is Answer.YES):
                wrong.append(f"{method} {route.key}: {expected} expected, {status} found")
    assert wrong == [], "\n".join(wrong)


@pytest.mark.django_db
def test_pages_of_ones_account_ask_who_it_is(world: World) -> None:
    wrong = [
        f"{method} {route.key}"
        for route in SIGNING_IN
        for method, door in (route.doors or {}).items()
        if door.who is not Who.ANYBODY
        and _at_library(world, route, method, world.people["anonymous"].kind).status_code != 302
    ]
    assert wrong == []


def _at_library(world: World, route: Route, method: str, kind: Kind) -> Any:
    path = re.sub(r"\(\[\^/\]\+\)|\(\?P<\w+>[^)]*\)|<[^>]*>", "999999", route.pattern)
    with transaction.atomic():
        client = world.people[kind.name].browser
        asked = AUTOCOMPLETED if route.key == "admin:autocomplete" else {}
        response: Any = getattr(client, method.lower())("/" + path.rstrip("$"), asked)
        transaction.set_rollback(True)
    client.cookies.pop("messages", None)
    return response


@pytest.mark.django_db
def test_nothing_is_passed_on_for_nobody(world: World) -> None:
    calls = next(route for route in all_routes() if route.name == "mlflow:pass-through").inner
    told = {
        (call.method, call.pattern): world.people["anonymous"]
        .program.generic(call.method, re.sub(r"\{[^}]*\}", "a", call.pattern))
        .status_code
        for call in calls
    }
    assert {call for call, status in told.items() if status != 401} == set()


# ---- beside single cells ------------------------------------------------------------------------


def test_there_are_thousands_of_cells() -> None:
    assert sum(_cells(route) for route in OURS.values()) >= FEWEST_CELLS


def _cells(route: Route) -> int:
    assert route.doors
    if route.key.startswith(EARLIER):
        return 0
    return sum(
        len(KINDS) * (_relations(route, door) if _is_about_a_thing(route, door) else 1)
        for door in route.doors.values()
    )


def _relations(route: Route, door: Door) -> int:
    return 4 if requests.parents_of(route, door.on) > 1 else 3
