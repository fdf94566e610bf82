"""What stands in a section that is not for somebody comes out of no door that he opens."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from apps.cards.formats.registry import FORMATS
from apps.core.doors import Who
from apps.core.routes import Route, all_routes
from tests.permissions import requests
from tests.permissions.knocking import asked
from tests.permissions.places import MARK, Person, Place, World

# Of the world that is made for the other doors.
pytestmark = [pytest.mark.django_db, pytest.mark.slow]
TELLING = {
    "cards:comments", "cards:compare", "cards:export", "cards:revision", "cards:revisions",
    "cards:section", "v1:activity", "v1:card", "v1:card_export", "v1:card_revisions",
    "v1:comments_on_version", "web:audit", "web:audit_export", "web:card", "web:card_activity",
    "web:model_activity",
}  # fmt: skip
# Doors whose address says more than that it is this version: every format, section and revision.
MORE = {
    "format": [key for key in FORMATS if key not in ("html", "pdf")],
    "format_name": [key for key in FORMATS if key not in ("html", "pdf")],
    "part": ["security"],
    "revision": [2],
}
# The same calls under their earlier address.
EARLIER = "api/2.0/preview/"
# Questions that are about words of the section.
ASKED = ["/audit?q=eel+swims", "/api/v1/activity?action=card.edit", "/models?q=eel+swims"]


def test_marks_in_a_restricted_section_come_out_of_no_door(world: World) -> None:
    routes = [route for route in all_routes() if not route.key.startswith(EARLIER)]
    telling = [route for route in routes if route.name in TELLING]
    outsider, reader = world.people["scientist"], world.people["owner"]

    assert set(_doors_that_tell(world, outsider, routes)) == set()
    # The marks are there, and the same doors tell them to whoever may read them.
    assert set(_doors_that_tell(world, reader, telling)) >= TELLING


def _doors_that_tell(world: World, person: Person, routes: list[Route]) -> Iterator[str]:
    for route in routes:
        door = (route.doors or {}).get("GET")
        # What is anybody's, or a person's own, and what the tracking server answers is no card.
        if door is None or door.who not in (Who.ALLOWED, Who.EVERYBODY) or door.asks:
            continue
        for place in _places(route, world.own):
            response, text, _ = asked(world, route, "GET", door, person, place)
            if response.streaming:
                text = b"".join(response.streaming_content).decode(errors="replace")
            if MARK in text or MARK in str(response.headers):
                yield route.name
    for url in ASKED:
        client = person.program if url.startswith("/api/") else person.browser
        if MARK in client.get(url).content.decode():
            yield f"asked: {url}"


def _places(route: Route, place: Place) -> list[Place]:
    found = [place]
    for name in requests.named_in(route):
        field = requests.EVERYWHERE.get(name, "")
        found += [replace(place, **{field: value}) for value in MORE.get(name, [])]
    return found
