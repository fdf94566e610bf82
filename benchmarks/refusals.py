"""Whether what is another's can be told from what is not there by how long the answer takes.

On PostgreSQL, without a network between, which would hide differences: an owner asks for each
address many times, in a random order, once with what is in a project of others and once with what
is missing. The Mann-Whitney test says how probable such times are where there is no difference.
"""

import benchmarks.with_django  # noqa: F401  isort: skip

import random
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

from django.db import connection, transaction
from rich.console import Console
from rich.table import Table

from benchmarks import on_postgres
from tests.permissions.places import MISSING, Person, Place, make_world

CALLS = 300
UNUSUAL = 0.01
Ask = Callable[[Person, Place], Any]
DOORS: dict[str, Ask] = {
    "page of a model": lambda who, at: who.browser.get(f"/models/{at.model}"),
    "page of a version": lambda who, at: who.browser.get(
        f"/models/{at.model}/versions/{at.number}"
    ),
    "page of a review": lambda who, at: who.browser.get(f"/reviews/{at.review}"),
    "page of a deployment": lambda who, at: who.browser.get(f"/deployments/{at.deployment}"),
    "page of a project": lambda who, at: who.browser.get(f"/projects/{at.project}"),
    "why, on a version": lambda who, at: who.browser.get(
        "/access/why", {"action": "view", "object": f"version:{at.version}"}
    ),
    "REST: a model": lambda who, at: who.program.get(f"/api/v1/models/{at.model}"),
    "REST: a review": lambda who, at: who.program.get(f"/api/v1/reviews/{at.review}"),
    "MLflow: a model": lambda who, at: who.program.get(
        "/api/2.0/mlflow/registered-models/get", {"name": at.model}
    ),
    "an endpoint": lambda who, at: who.program.get(
        f"/endpoints/{at.project}/{at.endpoint}/invocations"
    ),
}


def timed(ask: Ask, who: Person, foreign: Place) -> tuple[list[float], list[float]]:
    """Milliseconds of the calls for the foreign object, and for the missing one."""
    turns = [foreign, MISSING] * CALLS
    random.Random(11).shuffle(turns)
    found: dict[str, list[float]] = {foreign.model: [], MISSING.model: []}
    for place in (foreign, MISSING, foreign, MISSING):
        ask(who, place)
    for place in turns:
        began = time.perf_counter()
        response = ask(who, place)
        found[place.model].append((time.perf_counter() - began) * 1000)
        assert response.status_code == 404, response.status_code
    return found[foreign.model], found[MISSING.model]


def probability(one: list[float], other: list[float]) -> float:
    """Of ranks as far apart as these where both come from the same: Mann-Whitney, both sides."""
    ranked = sorted([*((value, True) for value in one), *((value, False) for value in other)])
    ranks = sum(rank for rank, (_, is_one) in enumerate(ranked, start=1) if is_one)
    n, m = len(one), len(other)
    expected, spread = n * (n + m + 1) / 2, (n * m * (n + m + 1) / 12) ** 0.5
    return 2 * statistics.NormalDist().cdf(-abs(ranks - expected) / spread)


def rows() -> Iterator[tuple[str, float, float, float]]:
    with transaction.atomic():
        world = make_world()
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    for door, ask in DOORS.items():
        one, other = timed(ask, world.people["owner"], world.foreign)
        yield door, statistics.median(one), statistics.median(other), probability(one, other)


def run() -> None:
    table = Table("", "foreign: ms", "missing: ms", "difference: ms", "p")
    with on_postgres.tables():
        measured = list(rows())
    for door, one, other, p in measured:
        mark = " *" if p < UNUSUAL else ""
        figures = (f"{one:.2f}", f"{other:.2f}", f"{one - other:+.2f}", f"{p:.3f}{mark}")
        table.add_row(door, *figures)
    console = Console(width=120)
    console.print(table)
    console.print(f"{CALLS} calls each; * marks p below {UNUSUAL}.")


if __name__ == "__main__":
    sys.exit(on_postgres.main("refusals", run))
