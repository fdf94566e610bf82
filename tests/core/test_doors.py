"""Every route says who is let in, and nothing else says so."""

from dataclasses import replace

import pytest

from apps.accounts.limits import ASKED_FOR, CONSEQUENCES
from apps.core import doors, routes
from apps.core.door_checks import every_door_is_declared
from apps.core.doors import Login, Rate, Who, declare, methods, view
from apps.projects.roles import ACTIONS, GLOBAL_ACTIONS
from tests.docs import code

ATTIC = doors.Inner("GET", "/attic", view("model"))


@pytest.fixture
def found():
    return routes.all_routes()


@pytest.fixture
def declared(monkeypatch, found):
    """The declarations, to be changed by a test."""
    kept = dict(doors.DECLARED)
    monkeypatch.setattr(doors, "DECLARED", kept)
    monkeypatch.setattr("apps.core.routes.DECLARED", kept)
    monkeypatch.setattr("apps.core.door_checks.DECLARED", kept)
    routes.routes.cache_clear()
    yield kept
    routes.routes.cache_clear()


def ids() -> list[str]:
    return [message.id for message in every_door_is_declared()]


def test_the_product_has_no_route_without_a_door_and_no_door_without_a_route(declared):
    assert ids() == []


def test_a_route_that_is_not_declared_is_an_error(declared):
    del declared["web:model"]
    assert ids() == ["core.E010"]


def test_a_door_that_leads_nowhere_is_an_error(declared):
    declared["web:attic"] = methods(GET=view("model"))
    assert ids() == ["core.E011"]


def test_a_method_that_only_the_view_knows_is_an_error(declared):
    declared["v1:model"] = {"GET": declared["v1:model"]["GET"]}
    assert ids() == ["core.E012"]


def test_a_method_that_only_the_door_knows_is_an_error(declared):
    declared["v1:me"] = {**declared["v1:me"], "DELETE": declared["v1:me"]["GET"]}
    assert ids() == ["core.E012"]


@pytest.mark.parametrize("change", [lambda calls: calls[1:], lambda calls: (*calls, ATTIC)])
def test_what_stands_beside_all_routes_is_declared_as_it_answers(declared, monkeypatch, change):
    name, beside = next(iter(doors.BESIDE.items()))
    changed = replace(beside, calls=change(beside.calls))
    monkeypatch.setitem(doors.BESIDE, name, changed)
    assert ids() == ["core.E013"]


def test_a_route_is_declared_once(found):
    with pytest.raises(ValueError, match="declared twice"):
        declare(Login.SESSION, {"web:model": methods(GET=view("model"))})


def test_actions_are_those_of_the_roles(found):
    known = set().union(*ACTIONS.values(), *GLOBAL_ACTIONS.values())
    all_doors = [*(door for route in found for door in _doors(route)), *_beside()]
    asked = {door.action for door in all_doors if door.action}
    assert asked - known == set()


def test_audit_actions_are_those_that_are_recorded(found):
    told = {action for route in found for door in _doors(route) for action in door.writes}
    assert told - code.audit_actions() == set()


def test_what_is_only_read_writes_nothing_and_what_writes_is_no_get(found):
    for route in found:
        for method, door in (route.doors or {}).items():
            # Providers send people back by GET.
            is_sent_back = door.who is Who.VOUCHED
            assert not (method == "GET" and door.writes and not is_sent_back), route.key
            assert not (door.rate is Rate.READ and door.writes), route.key


def test_a_limited_token_can_do_what_its_action_lets_through(found):
    """The trail asks limited tokens again; both have to know the same actions."""
    for route in found:
        for door in _doors(route):
            if door.who is not Who.ALLOWED or door.whole:
                continue
            for action in set(door.writes) - CONSEQUENCES:
                assert action in ASKED_FOR or route.key.startswith("admin"), (route.key, action)


def _doors(route):
    return [*(route.doors or {}).values(), *(call.door for call in route.inner)]


def _beside():
    return [call.door for beside in doors.BESIDE.values() for call in beside.calls]
