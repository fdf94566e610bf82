"""`kill -9` for the worker in each kind of run: nothing is lost, nothing happens twice."""

import threading
from collections import Counter
from typing import Any

import pytest

from mlgov.demo.clients import Script
from mlgov.demo.steps import Step
from mlgov.demo.story import REVIEWERS, Story
from tests.journeys.product import Product, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]
# After each death the supervisor waits twice as long, up to half a minute, before it starts the
# worker again: kills are dealt out to the kinds of runs, so that the last kind gets its own.
KILLS = {"registry.ingest": 1, "builds.build": 3, "deployments.rollout": 3}
# Some kills come between two steps, and do not count there. mlgov starts a build or a rollout five
# times in a row and no more, so that one of five losses is left to a machine that is just slow.
MOST_KILLS = {"registry.ingest": 2, "builds.build": 4, "deployments.rollout": 4}
RUNNING_STEPS = """
    SELECT r.kind, s.name FROM runs_runstep s JOIN runs_run r ON r.id = s.run_id
    WHERE s.state = 'running' AND r.state = 'running'
"""


class Killer(threading.Thread):
    """Kills the worker when it is seen at a step that it has not been killed at yet."""

    def __init__(self, product: Product) -> None:
        super().__init__(daemon=True)
        self.product = product
        self.kills: Counter[str] = Counter()
        self.killed_at: dict[str, list[str]] = {kind: [] for kind in KILLS}
        self.stopped = threading.Event()

    def run(self) -> None:
        while not self.stopped.wait(0.02):
            news = [seen for seen in self._news() if self.kills[seen[0]] < MOST_KILLS[seen[0]]]
            if news and self.product.kill_the_worker():
                self.kills.update({kind for kind, _ in news})
                # Only what the kill left unfinished counts: the step that was seen may have ended
                # before the kill came, and the worker may have been between two steps.
                for kind, step in self._news():
                    self.killed_at[kind].append(step)

    def _news(self) -> list[tuple[str, str]]:
        """The steps that are going on, of kinds that still have kills to come."""
        return [
            (kind, step)
            for kind, step in self.product.query(RUNNING_STEPS)
            if len(self.killed_at[kind]) < KILLS[kind] and step not in self.killed_at[kind]
        ]


class Silent(Step):
    """A step of the demo that nobody watches."""

    def __init__(self) -> None:
        pass

    def note(self, text: str) -> None:
        pass

    def progress(self, text: str) -> None:
        pass


def approve(story: Story, review: int) -> None:
    for username in REVIEWERS:
        reader: Script = story.script(username)
        digest = reader.get(f"/reviews/{review}")["read_digest"]
        reader.post(f"/reviews/{review}/approve", read_digest=digest, comment="")


def test_an_approved_version_ends_up_deployed_once(product_environment: dict[str, str]) -> None:
    environment: dict[str, Any] = {
        **product_environment,
        "MLGOV_DEFAULT_TARGET": "process",
        "MLGOV_LEASE_SECONDS": "8",
    }
    with Product(environment) as product:
        story = product.story()
        killer = Killer(product)
        killer.start()
        trained = story.train(Silent(), strength=1.0)
        wait_for(lambda: story.version(1)["state"] == "READY", what="the version", seconds=120)
        approve(story, story.request_review(1, "Staging", "Please."))

        deployment = story.wait_until_serving(Silent(), 1, "staging")
        killer.stopped.set()
        killer.join()

        assert all(killer.killed_at.values()), killer.killed_at
        print(f"killed {killer.kills.total()} times, at {killer.killed_at}")
        key = story.new_key(deployment, "journey")
        answers = story.predict(story.url(deployment), key, trained["request"])
        assert answers == trained["predictions"]
        once = "SELECT count(*) FROM"
        assert product.query(f"{once} stages_stagemove") == [(1,)]
        assert product.query(f"{once} deployments_deployment WHERE state = 'serving'") == [(1,)]
        assert product.query(f"{once} deployments_replica WHERE state = 'healthy'") == [(1,)]
        assert product.query(f"{once} builds_modelimage") == [(1,)]
        assert product.query(f"{once} registry_modelversion WHERE state = 'READY'") == [(1,)]
        unsettled = "state NOT IN ('succeeded', 'failed', 'cancelled')"
        wait_for(
            lambda: product.query(f"{once} runs_run WHERE {unsettled}") == [(0,)],
            what="the end of all runs",
            seconds=60,
        )
        assert product.query(f"{once} outbox_outboxmessage WHERE state = 'stuck'") == [(0,)]
        assert story.version(1)["stage"] == "staging"
