"""List pages with 10 and with 1,000 models: the number of queries, and the time of a page."""

import benchmarks.with_django  # noqa: F401  isort: skip

import statistics
import sys
import time

from django.db import connection
from django.test import Client
from django.test.runner import DiscoverRunner
from django.test.utils import CaptureQueriesContext
from rich.console import Console
from rich.table import Table

from apps.accounts.models import User
from apps.projects.models import Project
from apps.reviews import services as reviews
from apps.stages.models import Stage
from tests import factories

PAGES = ("/", "/models", "/projects", "/deployments", "/audit", "/api/v1/models")
ROUNDS = 15


class People:
    """A project with a scientist and two reviewers, and the stage they review for."""

    def __init__(self) -> None:
        self.owner = factories.make_user("owner")
        self.project: Project = factories.make_project("bench", owner=self.owner)
        self.scientist: User = factories.make_user("scientist")
        factories.join(self.project, self.scientist, "data_scientist")
        role = factories.make_reviewer_role("domain")
        self.reviewers = [factories.make_user(f"reviewer-{n}") for n in range(2)]
        for reviewer in self.reviewers:
            factories.join(self.project, reviewer, "reviewer", role)
        self.stage: Stage = factories.make_stage("staging", role, approvals_required=2)

    def add_models(self, number: int) -> None:
        for _ in range(number):
            model = factories.make_model(self.project, by=self.scientist)
            for _ in range(2):
                version = factories.make_version(model, by=self.scientist)
            reviews.request_review(
                version,
                stage=self.stage,
                reviewers=self.reviewers,
                note="Please look at the metrics.",
                by=self.scientist,
            )


def measure(client: Client, path: str) -> tuple[int, float]:
    """Queries of the page, and its median time in milliseconds."""
    client.get(path)
    with CaptureQueriesContext(connection) as queries:
        answer = client.get(path)
    number = len(queries)  # now: the next request clears the log
    assert answer.status_code == 200, (path, answer.status_code)
    times = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        client.get(path)
        times.append((time.perf_counter() - began) * 1000)
    return number, statistics.median(times)


def main() -> int:
    runner = DiscoverRunner(verbosity=0, interactive=False)
    databases = runner.setup_databases()
    try:
        people = People()
        client = Client(headers={"host": "localhost"})
        client.force_login(people.reviewers[0])
        people.add_models(10)
        few = {path: measure(client, path) for path in PAGES}
        people.add_models(990)
        many = {path: measure(client, path) for path in PAGES}
    finally:
        runner.teardown_databases(databases)
    table = Table("page", "queries, 10", "queries, 1,000", "ms, 10", "ms, 1,000")
    for path in PAGES:
        (number, ms), (number_many, ms_many) = few[path], many[path]
        table.add_row(path, str(number), str(number_many), f"{ms:.0f}", f"{ms_many:.0f}")
    Console().print(table)
    return 0 if all(few[path][0] == many[path][0] for path in PAGES) else 1


if __name__ == "__main__":
    sys.exit(main())
