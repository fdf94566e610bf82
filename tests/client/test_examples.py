"""The examples for CI systems are what those read, and what they do goes through here."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from apps.accounts.models import User
from apps.registry.models import ModelVersion
from apps.reviews.models import ReviewRequest
from apps.stages.models import Stage
from mlgov_client import Misused, cli
from mlgov_client.waiting import seconds_of
from tests import factories
from tests.client.conftest import token_of, until
from tests.client.test_reviews import approve
from tests.tracking import Tracking

EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples"
PAGE = EXAMPLES.parent / "client.md"
TRAINING = 200.0


def github() -> dict[str, Any]:
    # The safe loader takes the key `on` for a yes.
    return yaml.load((EXAMPLES / "github-actions.yml").read_text(), Loader=yaml.BaseLoader)


def gitlab() -> dict[str, Any]:
    return yaml.safe_load((EXAMPLES / "gitlab-ci.yml").read_text())


def scripts() -> dict[str, str]:
    """Every shell script of the examples and of the page."""
    found = {}
    for name, job in github()["jobs"].items():
        found |= {
            f"github {name} {number}": step["run"]
            for number, step in enumerate(job["steps"])
            if "run" in step
        }
    for name, job in gitlab().items():
        if name not in ("stages", "default"):
            for part in ("before_script", "script", "after_script"):
                found[f"gitlab {name} {part}"] = "\n".join(job.get(part, []))
    for number, text in enumerate(re.findall(r"```sh\n(.*?)```", PAGE.read_text(), re.DOTALL)):
        found[f"page {number}"] = text
    return found


def commands() -> list[str]:
    lines = [line for text in scripts().values() for line in text.splitlines()]
    return sorted({line for line in lines if line.startswith("mlgov ")})


def test_githubs_workflow_has_what_github_asks_for():
    workflow = github()

    assert set(workflow) == {"name", "on", "permissions", "env", "jobs"}
    for job in workflow["jobs"].values():
        assert job["runs-on"]
        assert int(job.get("timeout-minutes", 360)) <= 360
        assert set(job.get("needs", "").split()) <= set(workflow["jobs"])
        for step in job["steps"]:
            assert ("uses" in step) != ("run" in step)
            assert set(step) <= {"name", "id", "uses", "with", "run", "env", "if"}
            # What others wrote must not become a part of a script.
            assert "${{" not in step.get("run", "")


def test_gitlabs_pipeline_has_what_gitlab_asks_for():
    pipeline = gitlab()
    stages = pipeline.pop("stages")
    assert set(pipeline.pop("default")) == {"image"}
    known = {"stage", "before_script", "script", "after_script", "artifacts", "timeout", "retry"}

    assert [job["stage"] for job in pipeline.values()] == stages
    for job in pipeline.values():
        assert set(job) <= known
        assert all(isinstance(line, str) for line in [*job["before_script"], *job["script"]])


@pytest.mark.parametrize("name", sorted(scripts()))
def test_a_shell_can_read_each_script(name: str):
    done = subprocess.run(
        ["bash", "-n"], input=scripts()[name], text=True, capture_output=True, check=False
    )

    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("line", commands())
def test_each_command_exists_with_its_options(line: str):
    words = shlex.split(line.partition(">>")[0])[1:]

    # What is wrong before --help is refused, and nothing is asked of mlgov.
    assert cli.run([*words, "--help"]) == 0
    assert cli.run([*words, "--no-such-option", "--help"]) == Misused.exit_code
    for given in re.findall(r"--timeout (\S+)", line):
        assert seconds_of(given) > 0


def test_each_exit_code_is_on_the_page():
    listed = set(map(int, re.findall(r"^\| (\d+) \|", PAGE.read_text(), re.MULTILINE)))

    assert listed == {0, 1, 2, 3, 4, 5, 6, 7, 8, cli.INTERRUPTED}


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.django_db(transaction=True)
def test_the_pipeline_trains_registers_asks_waits_and_deploys(
    served: str,
    tracking: Tracking,
    working: None,
    data_scientist: User,
    reviewer: User,
    tmp_path: Path,
):
    staging = factories.make_stage(
        "staging", environment=factories.make_environment("live"), approvals_required=1, order=1
    )
    shutil.copy(EXAMPLES / "train.py", tmp_path)
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "MLFLOW_TRACKING_URI": served,
        "MLFLOW_TRACKING_TOKEN": token_of(data_scientist),
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
        "CI": "true",
        "CI_COMMIT_TITLE": 'Retrained; "quoted" $(echo not-run)',
        "CI_PIPELINE_URL": "https://gitlab.example.com/p/1",
    }

    def job(name: str, part: str = "script") -> subprocess.Popen[str]:
        return subprocess.Popen(
            ["bash", "-e", "-c", "\n".join(gitlab()[name][part])],
            env=environment,
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def ends_well(process: subprocess.Popen[str]) -> str:
        said, _ = process.communicate(timeout=TRAINING)
        assert process.returncode == 0, said
        return said

    ends_well(job("train"))
    assert (tmp_path / "version.txt").read_text() == "iris/1\n"

    waiting = job("review")
    until(ReviewRequest.objects.exists)
    review = ReviewRequest.objects.get()
    assert review.note == 'Retrained; "quoted" $(echo not-run) (https://gitlab.example.com/p/1)'
    approve(review.pk, [reviewer])
    assert "approved" in ends_well(waiting)
    ends_well(job("review", "after_script"))
    assert "| accuracy |" in (tmp_path / "card.md").read_text()
    assert "serving with 100% of the traffic" in ends_well(job("deploy"))
    assert ModelVersion.objects.get().placement.stage == Stage.objects.get(pk=staging.pk)
