"""The whole way of a model on this machine, then the servers until Ctrl-C."""

import json
import os
import secrets
import shlex
from pathlib import Path
from typing import Any

import requests
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console
from rich.table import Table

from apps.accounts.models import User
from mlgov import embedded
from mlgov.beginnings import choose_engine
from mlgov.demo.clients import Refused
from mlgov.demo.people import PEOPLE, new_token, prepare
from mlgov.demo.steps import Script, Step, StepFailed
from mlgov.demo.story import MODEL, NOTES, Story
from mlgov.endings import end_models
from mlgov.supervisor import NotStarted

SECOND_NOTE = "Stronger regularisation. Please compare the metrics with version 1."
KEY_NAME = "demo"


class Command(BaseCommand):
    help = "Show the whole way of a model, with real people, servers and predictions."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="End after the loop.")

    def handle(self, *args: Any, **options: Any) -> None:
        console = Console(highlight=False, soft_wrap=True)
        try:
            Demo(console, settings.MLGOV_DATA_DIR).run(once=options["once"])
        except KeyboardInterrupt:
            console.print("Ended before the demo was through. `make demo` takes it up again.")
            raise CommandError("interrupted", returncode=130) from None
        except (embedded.NotServable, NotStarted) as refusal:
            raise CommandError(str(refusal), returncode=2) from None
        except (StepFailed, Refused, requests.RequestException) as failure:
            raise CommandError(str(failure), returncode=1) from None


class Demo:
    """One start of the demo. What an earlier start did is not done again."""

    def __init__(self, console: Console, data_dir: Path) -> None:
        self.console = console
        self.data_dir = data_dir
        self.file = data_dir / "demo.json"
        self.remembered: dict[str, Any] = self._read()
        known = {p["username"]: p["password"] for p in self.remembered.get("people", [])}
        self.passwords = {p.username: known.get(p.username) or _password() for p in PEOPLE}
        self.tokens: dict[str, str] = {}

    def run(self, *, once: bool) -> None:
        self.console.print("[bold] 1. Starting the servers and preparing people and stages[/bold]")
        # Containers would outlive the servers, as in production. A demo leaves nothing running; the
        # reconciler brings them back at the next start.
        with embedded.servers(self.console, first=self._prepare, last=end_models) as supervisor:
            self._tell(Script(self.console, after=1))
            self._summary()
            if not once:
                self.console.print("Ctrl-C ends it.")
                supervisor.run_until_signal()

    def _prepare(self, console: Console) -> None:
        if not User.objects.filter(username=PEOPLE[0].username).exists():
            self.remembered = {}  # of a database that is gone
        engine = choose_engine()
        people = prepare(engine, self.passwords)
        self.tokens = {name: new_token(user, "demo") for name, user in people.items()}
        self._remember(people=self._people())
        console.print(f"    ready: people, project, stages. {engine.sentence}", markup=False)

    # ---- the story -----------------------------------------------------------------------------

    def _tell(self, script: Script) -> None:
        story = Story(
            settings.MLGOV_BASE_URL, self.data_dir, tokens=self.tokens, passwords=self.passwords
        )
        done = self.remembered.get("done", [])
        if "first version" not in done:
            with script.step(
                f"Ada trains, logs and registers “{MODEL}” with the mlflow client"
            ) as step:
                self._register(step, story, number=1, strength=1.0)
            self._done("first version")
        for stage in ("Staging", "Production"):
            if stage in done:
                continue
            with script.step(
                f"Ada requests a review for {stage}; two reviewers read and approve"
            ) as step:
                self._review(step, story, stage)
            title = f"The worker builds the version and deploys it to {stage}"
            with script.step(title) as step:
                deployment = story.wait_until_serving(step, 1, stage.lower())
                replicas = (
                    "1 replica answers"
                    if deployment["replicas"] == 1
                    else (f"{deployment['replicas']} replicas answer")
                )
                step.note(f"{replicas} at {story.url(deployment)}")
            with script.step(
                f"A product engineer calls the {stage} endpoint with an API key"
            ) as step:
                self._predict(step, story, deployment)
            self._done(stage)
        if "second version" not in done:
            with script.step("Ada registers a second version and asks for a review") as step:
                self._register(step, story, number=2, strength=0.05)
                self._request(step, story, 2, "Staging", SECOND_NOTE)
                step.note("it waits in the inbox of dora and rafael: sign in and approve it")
            self._done("second version")
        if set(done) >= {"first version", "Staging", "Production", "second version"}:
            with script.step(
                "Everything is there from an earlier start; checking that it serves"
            ) as step:
                deployment = story.wait_until_serving(step, 1, "production")
                self._predict(step, story, deployment)

    def _register(self, step: Step, story: Story, *, number: int, strength: float) -> None:
        if number not in [v["number"] for v in self._versions(story)]:
            trained = story.train(step, strength=strength)
            if number == 1:
                self._remember(trained=trained)
        version = story.version(number)
        step.require(version["state"] == "READY", f"version {number} is {version['state']}")
        story.describe(number)
        step.note(f"version {number}: {version['artifact_digest']}")
        step.note(f"model card: {story.card_url(number)}")

    def _versions(self, story: Story) -> list[dict[str, Any]]:
        models = story.script("ada").get("/models", search=MODEL)["results"]
        if not models:
            return []
        found: list[dict[str, Any]] = story.script("ada").get(f"/models/{MODEL}/versions")[
            "results"
        ]
        return found

    def _request(self, step: Step, story: Story, number: int, stage: str, note: str) -> int:
        opened = story.script("ada").get(
            "/reviews", model=MODEL, version=number, stage=stage.lower()
        )
        undecided = [r for r in opened["results"] if r["state"] in ("open", "changes_requested")]
        if undecided:
            return int(undecided[0]["id"])
        return story.request_review(number, stage, note)

    def _review(self, step: Step, story: Story, stage: str) -> None:
        stage_now = story.version(1)["stage"]
        if stage_now == stage.lower():
            return
        review = self._request(step, story, 1, stage, NOTES[stage])
        story.review(step, 1, stage, review)

    def _predict(self, step: Step, story: Story, deployment: dict[str, Any]) -> None:
        key, url = story.new_key(deployment, KEY_NAME), story.url(deployment)
        trained = self.remembered["trained"]
        step.wait_for(
            lambda: story.answers(url, key, trained["request"]),
            what=f"an answer of {url}",
            seconds=120,
        )
        answers = story.predict(url, key, trained["request"])
        step.require(
            answers == trained["predictions"],
            f"the endpoint says {answers}, the model says {trained['predictions']}",
        )
        step.note(f"{len(answers)} predictions, equal to what the model gives locally")
        self._remember(endpoint={"url": url, "api_key": key})

    # ---- what is kept and shown ----------------------------------------------------------------

    def _people(self) -> list[dict[str, str]]:
        return [
            {
                "username": person.username,
                "name": person.name,
                "does": person.does,
                "password": self.passwords[person.username],
                "token": self.tokens[person.username],
            }
            for person in PEOPLE
        ]

    def _done(self, what: str) -> None:
        self._remember(done=[*self.remembered.get("done", []), what])

    def _read(self) -> dict[str, Any]:
        if not self.file.exists():
            return {}
        read: dict[str, Any] = json.loads(self.file.read_text())
        return read

    def _remember(self, **news: Any) -> None:
        """Write `demo.json` anew, readable for this user only, in one move."""
        self.remembered |= {"base_url": settings.MLGOV_BASE_URL, "model": MODEL, **news}
        draft = self.file.with_suffix(".new")
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
            json.dump(self.remembered, file, indent=2)
        draft.replace(self.file)

    def _summary(self) -> None:
        endpoint = self.remembered["endpoint"]
        example = json.dumps(
            {
                "dataframe_split": {
                    "columns": self.remembered["trained"]["request"]["dataframe_split"]["columns"],
                    "data": self.remembered["trained"]["request"]["dataframe_split"]["data"][:1],
                }
            }
        )
        table = Table(box=None, padding=(0, 2, 0, 0))
        for column in ("sign in as", "password", "who"):
            table.add_column(column)
        for person in self.remembered["people"]:
            table.add_row(
                person["username"], person["password"], f"{person['name']}, {person['does']}"
            )
        self.console.print()
        self.console.print(f"[bold]mlgov:[/bold] {settings.MLGOV_BASE_URL}")
        self.console.print(table)
        self.console.print(f"\n[bold]endpoint:[/bold] {endpoint['url']}")
        self.console.print(
            f"curl -H 'Authorization: Bearer {endpoint['api_key']}' "
            f"-H 'Content-Type: application/json' -d {shlex.quote(example)} {endpoint['url']}",
            markup=False,
        )
        self.console.print(
            "\nNow sign in as dora or rafael: version 2 waits in the inbox. After the second "
            "approval, watch its build and rollout on the card.\n"
            f"All of this is kept in {self.file}."
        )


def _password() -> str:
    """Easy to type from a terminal, and different on each machine."""
    return "-".join(secrets.token_hex(2) for _ in range(4))
