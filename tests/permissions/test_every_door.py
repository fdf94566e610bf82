"""Each kind of person knocks at every door, with things of his own, of others, mixed, and of none.

A route without a declaration, or without a way to ask it, fails.
"""

import re
from dataclasses import replace

import pytest
from django.test import Client

from apps.accounts.models import User
from apps.core.doors import ANY, Who
from apps.core.routes import Route, all_routes
from apps.projects.models import Project, Visibility
from scripts.permissions import KINDS, Answer, answer
from tests.permissions import requests
from tests.permissions.knocking import asked, judged, relations, wrong_answers
from tests.permissions.places import MISSING, World
from tests.sessions import sign_in

# Minutes of requests, so that they are made on PostgreSQL only; the filters behind them are held to
# each other on both databases by tests/access.
pytestmark = pytest.mark.slow
FEWEST_CELLS = 15_000

# What passes requests on has a test of its own below. The earlier spelling of MLflow's calls leads
# to the very same functions.
OURS = {route.key: route for route in all_routes() if ANY not in (route.doors or {})}
EARLIER = "api/2.0/preview/"


@pytest.mark.django_db
@pytest.mark.parametrize("key", sorted(key for key in OURS if not key.startswith(EARLIER)))
def test_each_person_gets_what_the_door_says(world: World, key: str) -> None:
    wrong = wrong_answers(world, OURS[key])
    assert wrong == [], "\n".join(wrong)


@pytest.mark.django_db
def test_whoever_has_none_of_what_only_his_session_names_finds_nothing(world: World) -> None:
    newcomer = sign_in(Client(), User.objects.get(username=world.newcomer), asked_again=True)
    person = replace(world.people["stranger"], browser=newcomer)
    wrong = []
    for key, route in OURS.items():
        for method, door in (route.doors or {}).items():
            if door.who is Who.OWNER and not requests.named_in(route):
                response, _, _ = asked(world, route, method, door, person, MISSING)
                if found := judged(response, Answer.NOT_THERE, door, route):
                    wrong.append(f"{method} {key}: {found}")
    assert wrong == [], "\n".join(wrong)


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
            response, _, _ = asked(world, OURS[key], method, door, stranger, world.own)
            if found := judged(response, answer(door, viewer.kind), door, OURS[key]):
                wrong.append(f"{method} {key}: {found}")
    Project.objects.filter(slug=world.own.project).update(visibility=Visibility.PRIVATE)
    assert wrong == [], "\n".join(wrong)


# ---- what is passed on --------------------------------------------------------------------------


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
    return len(KINDS) * sum(relations(route, door) for door in route.doors.values())
