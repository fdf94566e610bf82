"""What is another's cannot be told from what is not there by how long the answer takes.

The answers are the same to the letter, which `test_every_door` looks at. Here it is what is asked
of the database: one filter finds an object or does not, so that for both the same statements are
made, in the same order. Any further one, for what is there and not theirs, could be measured.
"""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection, transaction
from django.urls import reverse

from apps.core.doors import ANY, Door, Login, Who
from apps.core.routes import Route, all_routes
from scripts.permissions import Answer, answer
from tests.permissions import requests
from tests.permissions.places import MISSING, Person, Place, World, mixed

# Some thousand requests.
pytestmark = pytest.mark.slow
EARLIER = "api/2.0/preview/"
# Somebody who is in no project, and two who are in one: in a browser, and by a token.
ASKERS = ("stranger", "owner", "limited")
NUMBERS = re.compile(r"\d+")


def _doors() -> Iterator[tuple[Route, str, Door]]:
    """Those that name an object, with their methods."""
    for route in all_routes():
        if route.pattern.startswith(("accounts/", "admin", EARLIER)) or ANY in (route.doors or {}):
            continue
        for method, door in (route.doors or {}).items():
            if door.who in (Who.ALLOWED, Who.OWNER) and door.on != "default project":
                yield route, method, door


DOORS = {f"{method} {route.key}": (route, method, door) for route, method, door in _doors()}


@contextmanager
def statements() -> Iterator[list[str]]:
    """What the database is asked, without any value."""
    found: list[str] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        found.append(NUMBERS.sub("0", sql))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        yield found


def asked(
    world: World, route: Route, method: str, door: Door, person: Person, place: Place
) -> tuple[int, list[str]]:
    """The status, and what the database was asked for it."""
    named = requests.address(route, door.on, world, place)
    url = "/" + requests.NAMED.sub(lambda found: str(named[found[1]]), route.pattern)
    if route.name:
        url = reverse(route.name, kwargs=named)
    data = requests.body(route, method, world, place)
    doors = (route.doors or {}).values()
    is_program = any(d.login in (Login.EITHER, Login.TOKEN, Login.KEY) for d in doors)
    client = person.program if is_program else person.browser
    with transaction.atomic():
        with statements() as made:
            if method == "GET" or not is_program:
                response: Any = getattr(client, method.lower())(url, data)
            else:
                content = json.dumps(data)
                response = client.generic(method, url, content, content_type="application/json")
        transaction.set_rollback(True)
    client.cookies.pop("messages", None)
    return response.status_code, made


@pytest.mark.django_db
@pytest.mark.parametrize("key", sorted(DOORS))
def test_the_database_is_asked_the_same_about_what_is_anothers_and_what_is_not_there(
    world: World, key: str
) -> None:
    route, method, door = DOORS[key]
    wrong = []
    for name in ASKERS:
        person = world.people[name]
        if answer(door, person.kind, is_own=False) is not Answer.NOT_THERE:
            continue
        own = person.own if door.who is Who.OWNER else world.own
        foreign = world.others if door.who is Who.OWNER else world.foreign
        pairs = {"foreign": (foreign, MISSING)}
        if requests.parents_of(route, door.on) > 1:
            pairs["mismatched"] = (mixed(own, foreign), mixed(own, MISSING))
        for relation, (theirs, nothing) in pairs.items():
            # Once before, for what is read once for each process.
            asked(world, route, method, door, person, nothing)
            status, made = asked(world, route, method, door, person, theirs)
            status_of_nothing, made_for_nothing = asked(world, route, method, door, person, nothing)
            if (status, made) != (status_of_nothing, made_for_nothing):
                told = _difference(made, made_for_nothing)
                wrong.append(f"{name}, {relation}: {status}/{status_of_nothing}: {told}")
    assert wrong == [], "\n".join(wrong)


def _difference(made: list[str], made_for_nothing: list[str]) -> str:
    for at, (one, other) in enumerate(zip(made, made_for_nothing, strict=False)):
        if one != other:
            return f"statement {at}:\n  {one}\n  {other}"
    longer = max(made, made_for_nothing, key=len)
    at = min(len(made), len(made_for_nothing))
    which = "foreign" if longer is made else "missing"
    rest = "\n  ".join(longer[at:])
    return f"{len(made)} against {len(made_for_nothing)}; only for the {which} one:\n  {rest}"


def test_hundreds_of_doors_are_asked() -> None:
    assert len(DOORS) > 150
