"""The main job, as its people do it: log, register, review, build, deploy, predict."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import requests

from mlgov.demo.clients import TIMEOUT, Browser, Mail, Refused, Script, mails_in
from mlgov.demo.people import PROJECT
from mlgov.demo.steps import Step, StepFailed
from mlgov.demo.words import CARD

MODEL = "release-on-summons"
REVIEWERS = ("dora", "rafael")
TRAINING = Path(__file__).with_name("train.py")
OURS_OR_MLFLOWS = ("MLGOV_", "MLFLOW_")
BUILD_PATIENCE = 1200  # seconds; the first environment downloads its packages
NOTES = {
    "Staging": "First model on this data. Please look at the features and at the metrics.",
    "Production": "A week in staging without surprises. Please let it serve.",
}


@dataclass
class Story:
    """The demo's clients and what they remember from step to step."""

    base_url: str
    data_dir: Path
    tokens: Mapping[str, str]
    passwords: Mapping[str, str]

    def script(self, username: str) -> Script:
        return Script(self.base_url, self.tokens[username])

    # ---- the data scientist ------------------------------------------------------------------

    def train(self, step: Step, *, strength: float) -> dict[str, Any]:
        """Train and register with the unmodified client. Returns requests and local answers."""
        step.progress("training, logging and registering with the mlflow client")
        with tempfile.TemporaryDirectory() as directory:
            result = Path(directory) / "result.json"
            training = subprocess.run(
                [sys.executable, str(TRAINING), MODEL, str(strength), str(result)],
                env={
                    # Whoever uses MLflow may have its variables set, for another server.
                    **{k: v for k, v in os.environ.items() if not k.startswith(OURS_OR_MLFLOWS)},
                    "MLFLOW_TRACKING_URI": self.base_url,
                    "MLFLOW_TRACKING_TOKEN": self.tokens["ada"],
                    "PYTHONWARNINGS": "ignore",
                },
                capture_output=True,
                text=True,
                timeout=600,
                check=False,
            )
            if training.returncode:
                raise StepFailed(f"The training failed:\n{training.stderr[-3000:]}")
            trained: dict[str, Any] = json.loads(result.read_text())
        return trained

    def version(self, number: int) -> dict[str, Any]:
        found: dict[str, Any] = self.script("ada").get(f"/models/{MODEL}/versions/{number}")
        return found

    def describe(self, number: int) -> None:
        """Write the card, unless somebody has."""
        path = f"/models/{MODEL}/versions/{number}/card"
        card = self.script("ada").get(path)
        if not card["description"]:
            self.script("ada").put(
                path, changes=CARD, base_revision=card["revision"], reason="First words"
            )

    def card_url(self, number: int) -> str:
        return f"{self.base_url}/models/{quote(MODEL, safe='')}/versions/{number}"

    def request_review(self, number: int, stage: str, note: str) -> int:
        review = self.script("ada").post(
            f"/models/{MODEL}/versions/{number}/reviews",
            stage=stage.lower(),
            reviewers=list(REVIEWERS),
            note=note,
        )
        return int(review["id"])

    # ---- the reviewers -----------------------------------------------------------------------

    def mails_about(self, number: int, stage: str) -> list[Mail]:
        subject = f"[{PROJECT}] {MODEL} v{number} for {stage}: please review"
        return [mail for mail in mails_in(self.data_dir / "mail") if mail.subject == subject]

    def review(self, step: Step, number: int, stage: str, review: int) -> None:
        """Each reviewer gets a mail, follows its link to the card, and approves."""
        step.wait_for(
            lambda: len(self.mails_about(number, stage)) == len(REVIEWERS),
            what=f"the mails to {' and '.join(REVIEWERS)}",
            seconds=60,
        )
        mails = {mail.to: mail for mail in self.mails_about(number, stage)}
        for username in REVIEWERS:
            mail = mails[f"{username}@example.org"]
            step.require(mail.link == self.card_url(number), f"the mail links to {mail.link}")
            browser = Browser(self.base_url)
            browser.sign_in(username, self.passwords[username])
            page = browser.open(mail.link)
            step.require(MODEL in page, f"the card does not show {MODEL}")
            reader = self.script(username)
            read = reader.get(f"/reviews/{review}")
            reader.post(
                f"/reviews/{review}/approve",
                read_digest=read["read_digest"],
                comment=f"Read as {username}; fine by me.",
            )
            step.note(f"{username} got a mail, read the card and approved")
        state = self.script("ada").get(f"/reviews/{review}")["state"]
        step.require(state == "approved", f"the review is {state}")
        stage_now = self.version(number)["stage"]
        step.require(stage_now == stage.lower(), f"the version stands in {stage_now}")
        step.note(f"version {number} moved to {stage} by itself")

    # ---- the platform ------------------------------------------------------------------------

    def wait_until_serving(self, step: Step, number: int, environment: str) -> dict[str, Any]:
        reader = self.script("ada")
        seen: dict[str, Any] = {}

        def serves() -> bool:
            found = reader.get("/deployments", model=MODEL, environment=environment)["results"]
            ours = [deployment for deployment in found if deployment["version"] == number]
            if not ours:
                return False
            seen.update(reader.get(f"/deployments/{ours[0]['id']}"))
            run = _newest_run(seen)
            if seen["state"] == "failed":
                raise StepFailed(f"{run['error_text']} {run['error_remedy']}")
            step.progress(run["title"] if run else seen["state"])
            return bool(seen["state"] == "serving")

        step.wait_for(serves, what="the deployment", seconds=BUILD_PATIENCE, every=1)
        return seen

    # ---- the product engineer ----------------------------------------------------------------

    def url(self, deployment: Mapping[str, Any]) -> str:
        """Where the endpoint of a deployment takes predictions."""
        project, slug = deployment["project"], deployment["endpoint"]
        return f"{self.base_url}/endpoints/{project}/{slug}/invocations"

    def new_key(self, deployment: Mapping[str, Any], name: str) -> str:
        """A key of the endpoint, made by the project's owner in place of an earlier one."""
        owner = self.script("olga")
        path = f"/endpoints/{deployment['project']}/{deployment['endpoint']}/keys"
        for key in owner.get(path)["results"]:
            if key["name"] == name and key["revoked_at"] is None:
                owner.delete(f"{path}/{key['id']}")
        return str(owner.post(path, name=name)["secret"])

    def answers(self, url: str, key: str, request: Mapping[str, Any]) -> bool:
        """Whether the endpoint takes predictions; after a start its replicas come back first."""
        headers = {"Authorization": f"Bearer {key}"}
        return requests.post(url, json=request, headers=headers, timeout=TIMEOUT).ok

    def predict(self, url: str, key: str, request: Mapping[str, Any]) -> list[Any]:
        answer = requests.post(
            url, json=request, headers={"Authorization": f"Bearer {key}"}, timeout=TIMEOUT
        )
        if not answer.ok:
            raise Refused(f"{url} answered {answer.status_code}: {answer.text[:500]}")
        predictions: list[Any] = answer.json()["predictions"]
        return predictions


def _newest_run(deployment: Mapping[str, Any]) -> dict[str, Any]:
    """The rollout that is on its way, else the build."""
    runs = [rollout["run"] for rollout in deployment["rollouts"]]
    runs += [deployment["build"]] if deployment["build"] else []
    return max(runs, key=lambda run: int(run["id"]), default={})
