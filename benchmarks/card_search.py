"""Searching 10,000 cards on PostgreSQL: the page, the REST call, and how the index is made.

Beside the search stands what a user would take instead: `ILIKE` over the documents as text, which
knows neither words nor sections.
"""

import benchmarks.with_django  # noqa: F401  isort: skip

import logging
import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from django.db import connection
from django.db.models import TextField
from django.db.models.functions import Cast
from django.test import Client
from django.test.runner import DiscoverRunner
from rich.console import Console
from rich.table import Table

from apps.accounts.models import User
from apps.cards.models import CardRevision
from apps.cards.search import finding, index
from apps.cards.search.asking import question
from apps.cards.search.finding import Hidden
from apps.registry.models import ModelVersion, RegisteredModel
from apps.registry.states import VersionState
from tests import factories, servers

MODELS = int(os.environ.get("MLGOV_BENCH_CARDS", "10000"))
PROJECTS = 100
TIMES = 7
TIERS = ("minimal", "low", "medium", "high")
QUESTIONS: dict[str, dict[str, str]] = {
    "no question": {},
    "a rare word": {"q": "zebra77"},
    "a word on half of the cards": {"q": "review"},
    "two words and a phrase": {"q": 'review customer "out of scope"'},
    "a beginning, without a word": {"q": "zebra* -review"},
    "a word, two filters, a metric": {
        "q": "review", "risk_tier": "medium", "task": "ranking", "metric": "auc", "at_least": "0.8",
    },
}  # fmt: skip


def many_cards() -> User:
    """Cards of some 300 words each, made at once: what is measured is the search."""
    chance = random.Random(34)
    words = [f"word{number}" for number in range(5000)]
    owner = factories.make_user("owner")
    projects = [factories.make_project(f"p{n}", owner=owner) for n in range(PROJECTS)]
    models = RegisteredModel.objects.bulk_create(
        RegisteredModel(project=projects[n % PROJECTS], name=f"model-{n}", created_by=owner)
        for n in range(MODELS)
    )
    versions = ModelVersion.objects.bulk_create(
        ModelVersion(
            model=model, number=1, state=VersionState.READY, registered_by=owner,
            artifact_digest=f"sha256:{model.pk:064}",
        )
        for model in models
    )  # fmt: skip
    CardRevision.objects.bulk_create(
        (
            CardRevision(
                version=version, number=1, content=_content(n, chance, words), author=owner
            )
            for n, version in enumerate(versions)
        ),
        batch_size=500,
    )
    return owner


def _content(number: int, chance: random.Random, words: list[str]) -> dict[str, Any]:
    text = " ".join(chance.choices(words, k=80))
    half = "A review by a person who knows the customer. Companies are out of scope."
    return {
        "schema_version": "1",
        "overview": {
            "summary": f"Model {number} for zebra{number % 1000}.",
            "task": ("ranking", "forecasting")[number % 2],
            "owner": {"name": f"Team {number % 50}"},
            "description": text,
        },
        "classification": {"risk_tier": TIERS[number % 4]},
        "use": {"intended_use": half if number % 2 == 0 else text[::-1], "out_of_scope": text},
        "data": {"datasets": [{"name": f"set-{number % 200}"}], "summary": text},
        "evaluation": {
            "metrics": [{"name": "auc", "value": chance.random()},
                        {"name": "loss", "value": chance.random()}]
        },
    }  # fmt: skip


def measured() -> Iterator[tuple[str, float, str]]:
    """What was timed, the median in milliseconds, and a note."""
    owner = many_cards()
    began = time.perf_counter()
    count = index.catch_up()
    took = (time.perf_counter() - began) * 1000
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    yield "indexing one card", took / count, f"{count:,} cards one after the other"
    yield from searched(owner)


def searched(owner: User) -> Iterator[tuple[str, float, str]]:
    client = Client()
    client.force_login(owner)
    for title, asked in QUESTIONS.items():
        number = f"{_count(owner, asked):,} cards"
        for what, address in (("page", "/cards/search"), ("REST", "/api/v1/cards/search")):
            yield timed(f"{what}: {title}", lambda a=address, g=asked: client.get(a, g), number)
    for title, texts in {
        "a rare word": ["zebra77"],
        "a word on half of the cards": ["review"],
        "two words and a phrase": ["review", "customer", "out of scope"],
    }.items():
        yield timed(f"ILIKE: {title}", lambda t=texts: _ilike(t), f"{len(_ilike(texts)):,} cards")


def timed(title: str, work: Callable[[], object], note: str) -> tuple[str, float, str]:
    """Median of what passed, and beside it what the processors did: others may keep us waiting."""
    work()
    passed, before = [], _processor_time()
    for _ in range(TIMES):
        began = time.perf_counter()
        work()
        passed.append((time.perf_counter() - began) * 1000)
    spent = (_processor_time() - before) / TIMES
    return title, statistics.median(passed), f"{spent:,.0f} ms of processors, {note}"


def _processor_time() -> float:
    """Milliseconds of this process and of the one that serves it in the database."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()
    _, _, numbers = Path(f"/proc/{pid}/stat").read_text().rpartition(")")
    ticks = sum(map(int, numbers.split()[11:13]))
    return (time.process_time() + ticks / os.sysconf("SC_CLK_TCK")) * 1000


def _count(user: User, given: dict[str, str]) -> int:
    asked = question(given)
    return len(finding.Answer(finding.versions_of(user, asked), asked, Hidden()))


def _ilike(texts: list[str]) -> list[int]:
    """The newest revisions whose JSON has all of the texts somewhere."""
    cards = CardRevision.objects.annotate(text=Cast("content", TextField()))
    for text in texts:
        cards = cards.filter(text__icontains=text)
    return list(cards.order_by("-version").values_list("version", flat=True))


def run() -> int:
    logging.disable(logging.CRITICAL)
    runner = DiscoverRunner(verbosity=0, interactive=False)
    runner.setup_test_environment()
    databases = runner.setup_databases()
    table = Table("", "ms", "")
    try:
        for title, milliseconds, note in measured():
            table.add_row(title, f"{milliseconds:,.1f}", note)
    finally:
        runner.teardown_databases(databases)
    Console(width=100).print(table)
    return 0


def main() -> int:
    if os.environ.get("MLGOV_TEST_DATABASE") == "postgres":
        return run()
    with servers.postgres() as database:
        environment = {
            **os.environ,
            "MLGOV_TEST_DATABASE": "postgres",
            "MLGOV_TEST_POSTGRES_URL": database,
        }
        command = [sys.executable, "-m", "benchmarks.card_search"]
        return subprocess.run(command, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
