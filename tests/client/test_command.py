"""The command: what it prints, and how it ends."""

import json
import signal

import pytest

from apps.accounts.models import User
from apps.registry.models import ModelVersion
from apps.reviews import services as reviews
from apps.reviews.models import ReviewRequest
from apps.stages.models import Stage
from mlgov_client import cli
from tests import factories
from tests.client.conftest import Start, ended, token_of, until
from tests.client.test_reviews import approve, request_changes

pytestmark = pytest.mark.django_db(transaction=True)
ASK = ("review", "request", "scoring/1", "--stage", "Staging", "--note", "Retrained on June.")


@pytest.fixture
def people(reviewer: User, risk_reviewer: User) -> list[User]:
    return [reviewer, risk_reviewer]


def test_asked_waited_for_and_approved(
    start: Start, signed_in: str, version: ModelVersion, staging: Stage, people: list[User]
):
    process = start(*ASK, "--wait", "--timeout", "25s")
    until(ReviewRequest.objects.exists)
    review = ReviewRequest.objects.get()
    approve(review.pk, people)
    code, out, err = ended(process)

    assert (code, out.splitlines()[0]) == (
        0,
        f"Review {review.pk} of scoring/1 for staging: approved",
    )
    # A log, line by line: the output is no terminal.
    assert f"Review {review.pk}: http" in err
    assert "[00:00:00] Review" in err
    assert "of 2 approvals" in err
    assert "\x1b" not in out + err
    assert signed_in not in out + err


def test_changes_end_with_3_and_what_has_to_change(
    start: Start, signed_in: str, version: ModelVersion, staging: Stage, people: list[User]
):
    process = start(*ASK, "--wait", "--timeout", "25s")
    until(ReviewRequest.objects.exists)
    request_changes(ReviewRequest.objects.get().pk, people[0])
    code, out, err = ended(process)

    assert (code, out) == (3, "")
    assert "reviewer: Say for whom." in err


def test_ctrl_c_ends_cleanly_and_leaves_the_review(
    start: Start, signed_in: str, version: ModelVersion, staging: Stage, people: list[User]
):
    process = start(*ASK, "--wait")
    assert process.stderr is not None
    while "0 of 2 approvals" not in process.stderr.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    code, out, err = ended(process)

    assert (code, out) == (130, "")
    assert "Interrupted" in err
    assert "Traceback" not in err
    assert ReviewRequest.objects.get().state == "open"


def test_withdrawn_ends_with_3_and_late_with_4(
    signed_in: str, review: ReviewRequest, data_scientist: User, capsys
):
    assert cli.run(["review", "wait", "scoring/1", "--timeout", "0.2"]) == 4
    reviews.withdraw(review, by=data_scientist)
    assert cli.run(["review", "wait", "scoring/1", "--stage", "staging"]) == 3

    err = capsys.readouterr().err
    assert "took longer than 0.2" in err
    assert "was withdrawn" in err


def test_refusals_end_with_1_and_mlgovs_sentence(
    signed_in: str, version: ModelVersion, staging: Stage, people: list[User], capsys
):
    assert cli.run([*ASK, "--reviewer", "nobody"]) == 1
    assert cli.run(["status", "scoring/7"]) == 1
    assert cli.run(["deploy", "nothing/1"]) == 1

    assert capsys.readouterr().err.splitlines() == [
        "mlgov: Nobody here is called nobody.",
        "mlgov: There is no such version.",
        "mlgov: There is no such version.",
    ]


@pytest.mark.parametrize(
    "arguments",
    [
        ["frobnicate"],
        ["status"],
        ["status", "scoring"],
        ["review", "request", "scoring/1", "--note", "x"],
        ["review", "wait", "scoring/1", "--timeout", "soon"],
        ["--progress", "loud", "whoami"],
        ["--url", "sqlite:///x", "whoami"],
        ["card", "scoring/1", "-o", "/nowhere/at/all.md"],
        ["deploy", "scoring/1"],
    ],
)
def test_wrong_usage_ends_with_2(
    signed_in: str, version: ModelVersion, arguments: list[str], capsys
):
    assert cli.run(arguments) == 2
    assert capsys.readouterr().err


def test_nothing_configured_ends_with_2_and_nobody_there_with_5(start: Start):
    unconfigured = ended(start("whoami"))
    nobody = ended(start("whoami", MLGOV_URL="http://127.0.0.1:1", MLGOV_TOKEN="t0ken"))

    assert (unconfigured[0], nobody[0]) == (2, 5)
    assert "Set MLGOV_URL" in unconfigured[2]
    assert (
        nobody[2] == "mlgov: No answer from http://127.0.0.1:1: [Errno 111] Connection refused.\n"
    )


def test_help_needs_no_configuration(capsys):
    for command in ([], ["status"], ["review", "request"], ["deploy"], ["card"]):
        assert cli.run([*command, "--help"]) == 0
    assert cli.run(["--version"]) == 0
    assert "Usage: mlgov" in capsys.readouterr().out


def test_a_failed_deployment_ends_with_6_and_a_serving_one_with_0(
    served: str, owner: User, version: ModelVersion, working: None, monkeypatch, capsys
):
    environment = factories.make_environment("live", options={"conflict": True})
    factories.make_stage("production", environment=environment, approvals_required=0, order=2)
    factories.make_stored_version(version.model, by=owner)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", served)
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", token_of(owner))
    deploy = ["deploy", "models:/scoring/2", "--stage", "Production", "--wait", "--timeout", "30s"]

    assert cli.run(deploy) == 6
    assert "cannot be installed together" in capsys.readouterr().err
    environment.options = {}
    environment.save(update_fields=["options"])
    assert cli.run(deploy) == 0
    assert "serving with 100% of the traffic" in capsys.readouterr().out
    assert cli.run(["status", "scoring/2"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("scoring/2 of credit: ready, in production\n")
    assert "in live: serving" in said


def test_results_can_be_read_by_programs(
    signed_in: str, review: ReviewRequest, served: str, tmp_path, capsys
):
    def said(*arguments: str) -> object:
        assert cli.run([*arguments, "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    assert said("whoami")["username"] == "scientist"
    assert said("status", "scoring/1")["reviews"][0]["state"] == "open"
    assert said(*ASK)["id"] == review.pk
    assert said("card", "scoring/1")["version"]["number"] == 1
    assert cli.run(["card", "scoring/1", "-o", str(tmp_path / "card.md")]) == 0
    assert (tmp_path / "card.md").read_text().startswith("# scoring, version 1\n")
    assert cli.run(["whoami"]) == 0
    assert capsys.readouterr().out == f"Scientist (scientist) at {served}\n"
