"""Each kind of person asks each call that is passed on to the tracking server: about what lies in
an experiment of his project, in one of another project, and about nothing that there is."""

from typing import Any

import pytest

from apps.api.mlflow.routes import ROUTES, Route, Use
from apps.audit.models import AuditEvent
from apps.core.doors import Door
from apps.core.routes import all_routes
from apps.projects.models import Project
from apps.tracking.upstream import Upstream
from scripts.permissions import KINDS, Kind
from tests.permissions.passed_on import asked_by, knocks, relations
from tests.permissions.places import World
from tests.tracked import make_things

pytestmark = pytest.mark.slow
FEWEST_CELLS = 3_000


def _calls() -> list[tuple[Route, Door]]:
    """Reading first, and then what takes something away last: the parts of a thing before it."""
    doors = {
        (inner.method, inner.pattern): inner.door for route in all_routes() for inner in route.inner
    }
    calls = [(route, doors[route.method, route.pattern]) for route in ROUTES]
    return sorted(calls, key=lambda call: _how_much_it_changes(call[0]))


def _how_much_it_changes(route: Route) -> tuple[bool, bool, int]:
    takes = route.method == "DELETE" or "delete" in route.pattern or "remove" in route.pattern
    return route.use is not Use.READ, takes, -route.pattern.count("/")


CALLS = _calls()


@pytest.mark.django_db
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_what_is_passed_on_is_what_the_person_may(
    world: World, tracking_server: str, settings: Any, kind: Kind
) -> None:
    settings.MLGOV_TRACKING_URL = tracking_server
    own, foreign = (
        make_things(Upstream(tracking_server), Project.objects.get(slug=place.project))
        for place in (world.own, world.foreign)
    )
    newest = AuditEvent.objects.latest("pk").pk
    client = world.people[kind.name].program
    wrong = [
        f"{route.method} {route.pattern}, {found}"
        for route, door in CALLS
        for found in knocks(
            asked_by(client, route, newest), kind, door, own, foreign, narrows=route.narrows
        )
    ]
    assert wrong == [], "\n".join(wrong)


def test_there_are_thousands_of_calls() -> None:
    assert len(KINDS) * sum(relations(door) for _, door in CALLS) >= FEWEST_CELLS
