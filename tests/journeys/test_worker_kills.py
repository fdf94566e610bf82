"""`kill -9` for the worker at every step it is seen at: nothing is lost, nothing happens twice."""

import threading
from typing import Any

import pytest

from mlgov.demo.clients import Script
from mlgov.demo.steps import Step
from mlgov.demo.story import REVIEWERS, Story
from tests.journeys.product import Product, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]
# The supervisor waits longer after each death, so there is a kill for a step at most, and a bound.
MOST_KILLS = 7
RUNNING_STEPS = """
    SELECT r.kind, s.name FROM runs_runstep s JOIN runs_run r ON r.id = s.run_id
    WHERE s.state = 'running' AND r.state = 'running'
"""


class Killer(threading.Thread):
    """Kills the worker the first time that it is seen at a step."""

    def __init__(self, product: Product) -> None:
        super().__init__(daemon=True)
        self.product = product
        self.killed_at: list[tuple[str, str]] = []
        self.stopped = threading.Event()

    def run(self) -> None:
        while not self.stopped.wait(0.02) and len(self.killed_at) < MOST_KILLS:
            for step in self.product.query(RUNNING_STEPS):
                if step not in self.killed_at and self.product.kill_the_worker():
                    self.killed_at.append((step[0], step[1]))


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
        "MLGOV_LEASE_SECONDS": "4",
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

        assert len(set(killer.killed_at)) >= 4, killer.killed_at
        assert {kind for kind, _ in killer.killed_at} >= {"builds.build", "deployments.rollout"}
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
