"""Asks at a door as somebody, and says what is wrong with the answer.

What is expected comes from the declarations and the table of roles, see `scripts.permissions`.
"""

import json
import re
from collections.abc import Iterator
from copy import copy
from typing import Any
from urllib.parse import urlsplit

from django.db import transaction
from django.urls import reverse

from apps.accounts.limits import CONSEQUENCES
from apps.audit.models import AuditEvent
from apps.core.doors import Door, Login, Who
from apps.core.routes import Route
from scripts.permissions import KINDS, Answer, answer, answer_for_nothing
from tests.permissions import requests
from tests.permissions.places import MISSING, Person, Place, World, mixed

SIGN_IN = ("/accounts/login/", "/admin/login/")
CSRF = re.compile(r'name="csrfmiddlewaretoken" value="\w+"')
REQUEST_ID = re.compile(r'"request_id": ?"\w+"')


def wrong_answers(world: World, route: Route) -> list[str]:
    """Of every method, kind of person and thing."""
    assert route.doors, "declare it in the doors.py beside its urls.py"
    return [
        f"{method} {kind.name}, {relation}: {found}"
        for method, door in route.doors.items()
        for kind in KINDS
        for relation, found in _knocks(world, route, method, door, world.people[kind.name])
        if found
    ]


def is_about_a_thing(route: Route, door: Door) -> bool:
    """Whether there are others that could be asked for instead."""
    if door.who is Who.ALLOWED:
        return door.on != "default project"
    if door.who is Who.EVERYBODY or door.login is Login.NONE:
        return False
    return requests.names_a_thing(route)


def relations(route: Route, door: Door) -> int:
    if not is_about_a_thing(route, door):
        return 1
    return 4 if requests.parents_of(route, door.on) > 1 else 3


def _knocks(
    world: World, route: Route, method: str, door: Door, person: Person
) -> Iterator[tuple[str, str]]:
    """Whose thing, and what is wrong with the answer: empty where nothing is."""
    own = person.own if door.who is Who.OWNER else world.own
    yield "own", _own(world, route, method, door, person, own)
    if is_about_a_thing(route, door):
        yield from _others(world, route, method, door, person, own)


def _own(world: World, route: Route, method: str, door: Door, person: Person, place: Place) -> str:
    response, _, written = asked(world, route, method, door, person, place)
    wrong = judged(response, answer(door, person.kind), door, route)
    if not wrong and (further := written - set(door.writes) - CONSEQUENCES):
        return f"wrote {sorted(further)}, which the door does not say"
    return wrong


def _others(
    world: World, route: Route, method: str, door: Door, person: Person, own: Place
) -> Iterator[tuple[str, str]]:
    """The same with what is another's, with what does not belong together, and with nothing."""
    foreign = world.others if door.who is Who.OWNER else world.foreign
    expected = answer(door, person.kind, is_own=False)
    response, told, _ = asked(world, route, method, door, person, foreign)
    yield "foreign", judged(response, expected, door, route)
    nothing, told_of_nothing, _ = asked(world, route, method, door, person, MISSING)
    refused = answer_for_nothing(door, person.kind)
    yield "missing", judged(nothing, refused, door, route)
    if expected is Answer.NOT_THERE and told != told_of_nothing:
        yield "foreign", _difference(told, told_of_nothing)
    if requests.parents_of(route, door.on) < 2:
        return
    response, told, _ = asked(world, route, method, door, person, mixed(own, foreign))
    nothing, told_of_nothing, _ = asked(world, route, method, door, person, mixed(own, MISSING))
    if told != told_of_nothing:
        yield (
            "mismatched",
            f"differs from what is missing: {told[:300]!r} {told_of_nothing[:300]!r}",
        )
    # Who may not do it to anything of the parent may be told so.
    if answer(door, person.kind) is Answer.NO and response.status_code == 403:
        refused = Answer.NO
    yield "mismatched", judged(response, refused, door, route)


def asked(
    world: World, route: Route, method: str, door: Door, person: Person, place: Place
) -> tuple[Any, str, set[str]]:
    """The answer, its text without what it repeats, and which audit actions were written."""
    url = _url(route, door, world, place)
    data = requests.body(route, method, world, place)
    is_program = is_for_programs(route)
    client = person.program if is_program else person.browser
    cookies = copy(client.cookies)
    with transaction.atomic():
        if method == "GET" or not is_program:
            response: Any = getattr(client, method.lower())(url, data)
        else:
            content = json.dumps(data)
            response = client.generic(method, url, content, content_type="application/json")
        text = "" if response.streaming else response.content.decode(errors="replace")
        events = AuditEvent.objects.filter(pk__gt=world.newest)
        written = set(events.values_list("action", flat=True))
        transaction.set_rollback(True)
    # The session is what it was before, and so the browser has to be.
    client.cookies = cookies
    return response, _plain(text, url, place), written


def _url(route: Route, door: Door, world: World, place: Place) -> str:
    named = requests.address(route, door.on, world, place)
    if route.name:
        return reverse(route.name, kwargs=named, args=requests.by_place(route, place))
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


def is_for_programs(route: Route) -> bool:
    assert route.doors
    return any(
        door.login in (Login.EITHER, Login.TOKEN, Login.KEY) for door in route.doors.values()
    )


def judged(response: Any, expected: Answer, door: Door, route: Route) -> str:
    """What is wrong with an answer. Empty where nothing is."""
    status, said = response.status_code, f"{expected} expected, {response.status_code} found"
    way = urlsplit(response["Location"] if status == 302 else "")
    leads_to_sign_in = way.path in SIGN_IN
    if expected is Answer.SIGN_IN:
        is_sent = leads_to_sign_in and not is_for_programs(route)
        return "" if status == 401 or is_sent else said
    if expected is Answer.NO:
        return "" if status == 403 else said
    if expected is Answer.LED_ON:
        return "" if status == 302 and not leads_to_sign_in else said
    if door.asks and _is_asked_elsewhere(response):
        return ""
    if expected is Answer.NOT_THERE:
        return "" if status == 404 else said
    # Where it is asked who somebody is, the way back goes along.
    is_asked_who = leads_to_sign_in and "next=" in way.query
    return "" if status not in (401, 403, 404) and status < 500 and not is_asked_who else said
