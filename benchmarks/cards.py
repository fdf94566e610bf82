"""A large card: its page, the difference of two revisions, and its file formats.

On PostgreSQL: 200 revisions, 500 metrics, 200 parameters and 100 comments. Beside the difference by
field stands what a user would take instead: a difference of the two JSON texts by lines.
"""

import benchmarks.with_django  # noqa: F401  isort: skip

import difflib
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from rich.console import Console
from rich.table import Table

from apps.accounts.models import User
from apps.cards import comments, diffs, exchange, queries, services
from apps.cards.models import CardRevision
from apps.registry.models import Lineage, ModelVersion
from benchmarks import on_postgres
from tests import factories

REVISIONS, METRICS, PARAMETERS, COMMENTS = 200, 500, 200, 100
TIMES = 15
WORDS = "The model ranks applications for a manual review by people who know the customer. " * 12


def large_card() -> tuple[User, ModelVersion]:
    owner = factories.make_user("owner")
    model = factories.make_model(factories.make_project("credit", owner=owner), "large", by=owner)
    version = factories.make_version(model, by=owner)
    version.card_revisions.all().delete()
    names = [f"metric_{number:03}" for number in range(METRICS)]
    Lineage.objects.create(
        version=version,
        document={
            "metrics": [{"name": n, "value": i / METRICS, "step": 0} for i, n in enumerate(names)],
            "parameters": {f"parameter_{n}": str(n) for n in range(PARAMETERS)},
        },
    )
    for number in range(1, REVISIONS):
        services.edit_card(
            version,
            by=owner,
            base_revision=number,
            changes={
                "/use/intended_use": f"{WORDS}\n\nWording {number}. {WORDS}",
                "/limitations/limitations": [f"Limit {n} of wording {number}" for n in range(20)],
            },
        )
    for number in range(COMMENTS):
        comments.add_comment(
            version, text=f"Remark {number}.", by=owner, pointer="/use/intended_use"
        )
    return owner, version


def measured() -> Iterator[tuple[str, float, str]]:
    """What was timed, the median in milliseconds, and a note."""
    owner, version = large_card()
    client = Client()
    client.force_login(owner)
    card = f"/models/large/versions/{version.number}"
    pages = {
        "page of the card": card,
        "page of its discussion": f"{card}/comments",
        "list of its revisions": f"{card}/card/revisions",
        "difference to the first": f"{card}/card/revisions/{REVISIONS}?from=1",
        "form of a section": f"{card}/card/sections/evaluation",
    }
    for title, url in pages.items():
        with CaptureQueriesContext(connection) as asked:
            size = len(client.get(url).content)
        note = f"{len(asked)} queries, {size:,} bytes"  # now: the next request clears the log
        yield title, timed(lambda url=url: client.get(url)), note
    newest = queries.current_card(version)
    first = CardRevision.objects.get(version=version, number=1)
    before, after = first.content, newest.content
    yield "difference by field, alone", timed(lambda: diffs.between(before, after)), ""
    yield "the two JSON texts by lines", timed(lambda: by_lines(before, after)), "difflib"
    for key in ("json", "huggingface", "cyclonedx", "html"):
        yield f"as {key}", timed(lambda key=key: exchange.export(newest, key)), ""
    written = exchange.written(newest, "pdf")
    pdf = timed(lambda: exchange.written(newest, "pdf"), times=3)
    yield "as pdf, in a worker", pdf, f"{len(written.content):,} bytes"


def by_lines(before: object, after: object) -> list[str]:
    old, new = (json.dumps(value, indent=1).splitlines() for value in (before, after))
    return list(difflib.unified_diff(old, new))


def timed(work: Callable[[], object], times: int = TIMES) -> float:
    work()
    found = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        found.append((time.perf_counter() - began) * 1000)
    return statistics.median(found)


def run() -> None:
    table = Table("", "ms", "")
    with on_postgres.tables():
        for title, milliseconds, note in measured():
            table.add_row(title, f"{milliseconds:,.1f}", note)
    Console(width=100).print(table)


if __name__ == "__main__":
    sys.exit(on_postgres.main("cards", run))
