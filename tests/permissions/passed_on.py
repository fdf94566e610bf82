"""Asks for what lies on the tracking server, and says what is wrong with the answer."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.test import Client

from apps.api.mlflow.routes import Body, Route
from apps.api.mlflow.scopes import traces
from apps.audit.models import AuditEvent
from apps.core.doors import Door, Login, Who
from scripts.permissions import Answer, Kind, answer, answer_for_nothing
from tests import otlp
from tests.tracked import NOTHING, Things, address, values

STATUS = {Answer.SIGN_IN: 401, Answer.NO: 403, Answer.NOT_THERE: 404}


@dataclass(frozen=True)
class Said:
    status: int
    text: str
    # Whether the tracking server said it, and not mlgov.
    is_passed_on: bool
    written: set[str]


Ask = Callable[[Things], Said]


def is_about_a_thing(door: Door) -> bool:
    return door.on == "experiment"


def relations(door: Door) -> int:
    return 3 if is_about_a_thing(door) else 1


def knocks(
    ask: Ask, kind: Kind, door: Door, own: Things, foreign: Things, *, narrows: bool
) -> Iterator[str]:
    """What is wrong, with things of his project, of another, and with nothing."""
    said = ask(own)
    yield from _named("own", _judged(said, answer(door, kind)))
    if further := said.written - set(door.writes):
        yield f"own: wrote {sorted(further)}, which the door does not say"
    if narrows:
        yield from _named("own", _narrowed(said, own, kind, door.login, is_own=True))
    if not is_about_a_thing(door):
        return
    expected = answer(door, kind, is_own=False)
    said = ask(foreign)
    yield from _named("foreign", _judged(said, expected))
    if narrows:
        yield from _named("foreign", _narrowed(said, foreign, kind, door.login, is_own=False))
    nothing = ask(NOTHING)
    # Whoever is let in to everything gets what the server says of what it does not have.
    of_nothing = expected if expected is Answer.YES else answer_for_nothing(door, kind)
    yield from _named("missing", _judged(nothing, of_nothing, is_there=False))
    told, told_of_nothing = _plain(said.text, foreign), _plain(nothing.text, NOTHING)
    if expected is Answer.NOT_THERE and told != told_of_nothing:
        yield f"foreign: differs from what is missing: {told[:200]} / {told_of_nothing[:200]}"


def asked_by(client: Client, route: Route, newest: int) -> Ask:
    """By a call of the API. What it writes here is taken back; what it writes there stays."""

    def ask(things: Things) -> Said:
        given = values(route, things)
        if route.method == "GET":
            return sent(client, route.method, address(route, things), newest, query=given)
        content = _content(route, things, given)
        return sent(client, route.method, address(route, things), newest, **content)

    return ask


def sent(
    client: Client, method: str, url: str, newest: int, *, query: Any = None, **content: Any
) -> Said:
    with transaction.atomic():
        response: Any = (
            client.get(url, query) if method == "GET" else client.generic(method, url, **content)
        )
        body = b"".join(response.streaming_content) if response.streaming else response.content
        events = AuditEvent.objects.filter(pk__gt=newest)
        written = set(events.values_list("action", flat=True))
        transaction.set_rollback(True)
    text = body.decode(errors="replace")
    return Said(response.status_code, text, response.streaming, written)


def _content(route: Route, things: Things, given: Any) -> dict[str, Any]:
    if route.body is Body.SPANS:
        header = f"HTTP_{traces.EXPERIMENT_HEADER.upper().replace('-', '_')}"
        return {"data": otlp.export(), "content_type": otlp.PROTOBUF, header: things.experiment}
    if route.body is Body.JSON:
        return {"data": json.dumps(given), "content_type": "application/json"}
    return {"data": b"more", "content_type": "application/octet-stream"}


def _named(relation: str, found: str) -> Iterator[str]:
    if found:
        yield f"{relation}: {found}"


def _judged(said: Said, expected: Answer, *, is_there: bool = True) -> str:
    if expected is Answer.YES:
        is_found = said.status != 404 or said.is_passed_on or not is_there
        is_right = said.status not in (401, 403) and is_found
        # What the server fails at is told with a status for which no client tries again.
        is_right = is_right and said.status < 500
    else:
        is_right = said.status == STATUS[expected] and not said.is_passed_on
    return "" if is_right else f"{expected} expected, {said.status} found: {said.text[:100]}"


def _narrowed(said: Said, things: Things, kind: Kind, login: Login, *, is_own: bool) -> str:
    if said.status != 200:
        return ""
    seeing = Door(Who.ALLOWED, "view", "experiment", login=login)
    sees = answer(seeing, kind, is_own=is_own) is Answer.YES
    names = ("name", "run", "model", "trace", "dataset")
    found = [name for name in names if getattr(things, name) in said.text]
    if bool(found) == sees:
        return ""
    return f"shows {found}" if found else "shows nothing of it"


def _plain(told: str, things: Things) -> str:
    for value in sorted([*vars(things).values(), things.file], key=len, reverse=True):
        told = told.replace(value, "…")
    return told
