"""Cards that come and go as files, and what is measured for them."""

import json
from pathlib import Path

import pytest

from apps.accounts.models import User
from apps.evaluations.sandboxes.base import Written
from apps.registry.models import ModelVersion, RegisteredModel
from apps.stages.models import Environment
from mlgov_client import CardFile, Client, cli
from tests import factories
from tests.evaluations.conftest import CSV
from tests.evaluations.parts import REPORT, MemorySandbox

pytestmark = pytest.mark.django_db(transaction=True)
README = """---
license: mit
---
# Scoring

## Uses

### Direct Use

Sorting applications for people who decide.
"""


@pytest.fixture
def environment(db: None) -> Environment:
    return factories.make_environment("live")


@pytest.fixture
def stored(model: RegisteredModel, data_scientist: User, environment: Environment) -> ModelVersion:
    return factories.make_stored_version(
        model,
        by=data_scientist,
        signature={"inputs": [{"name": "a", "type": "double", "required": True}]},
    )


def test_a_card_comes_as_a_file_and_goes_as_another(
    signed_in: str, version: ModelVersion, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    card = tmp_path / "README.md"
    card.write_text(README)
    assert cli.run(["missing", "scoring/1"]) == 8
    assert "Intended use (/use/intended_use): " in capsys.readouterr().out

    assert cli.run(["import-card", "scoring/1", str(card)]) == 0
    out = capsys.readouterr().out
    assert "Revision 2 of the card" in out
    assert "  /use/intended_use, from Markdown with Hugging Face front matter" in out
    # It waits for a yes: so it is missing still.
    assert cli.run(["missing", "scoring/1", "--json"]) == 8
    reasons = {row["pointer"]: row["reason"] for row in json.loads(capsys.readouterr().out)}
    assert "confirm that it holds here" in reasons["/use/intended_use"]

    bill = tmp_path / "bill.json"
    assert cli.run(["card", "scoring/1", "--format", "cyclonedx", "-o", str(bill)]) == 0
    assert "Sorting applications" in bill.read_text()
    assert cli.run(["import-card", "scoring/1", str(bill)]) == 0
    assert cli.run(["card", "scoring/1", "--format", "mct"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out[out.index("{") :])["model_details"]["name"] == "scoring"
    assert "The format has no place for: " in err


def test_a_file_says_what_is_not_in_it_and_is_no_path():
    headers = {
        "Content-Disposition": 'attachment; filename="../../card.md"',
        "X-Card-Lost": "overview.task,overview.tags",
        "X-Card-Withheld": "security",
    }
    file = CardFile.of(b"", headers)

    assert (file.name, file.lost, file.withheld) == (
        "card.md",
        ("overview.task", "overview.tags"),
        ("security",),
    )
    assert CardFile.of(b"", {}) == CardFile(b"", "card")


@pytest.mark.pdf
def test_a_pdf_is_waited_for(client: Client, version: ModelVersion, working: None, tmp_path: Path):
    file = client.version("scoring", 1).export_card("pdf", timeout="60s")

    assert (file.content[:5], file.name) == (b"%PDF-", "scoring-v1-r1.pdf")
    assert file.save(tmp_path / "card.pdf").read_bytes() == file.content
    assert client.version("scoring", 1).export_card("pdf").name == file.name


def test_what_is_wrong_is_said_with_what_to_do(
    signed_in: str, version: ModelVersion, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    def said(*arguments: str) -> tuple[int, str]:
        return cli.run(arguments), capsys.readouterr().err

    odd, none, binary = tmp_path / "odd.json", tmp_path / "none.md", tmp_path / "picture.md"
    odd.write_text('{"a": 1}')
    binary.write_bytes(b"\xff\xfe")
    code, err = said("import-card", "scoring/1", str(odd))
    assert (code, "Say it: json, huggingface, cyclonedx" in err) == (2, True)
    code, err = said("import-card", "scoring/1", str(odd), "--format", "json")
    assert (code, "is missing" in err) == (1, True)
    code, err = said("import-card", "scoring/1", str(none))
    assert (code, "cannot be read" in err) == (2, True)
    code, err = said("import-card", "scoring/1", str(binary))
    assert (code, "Save it as UTF-8" in err) == (2, True)
    code, err = said("card", "scoring/1", "--format", "word")
    assert (code, "The formats: json, huggingface" in err) == (2, True)
    asked = ("evaluate", "scoring/1", "--kind", "binary", "--target", "y", "--data-set")
    code, err = said(*asked, "none")
    assert (code, "has no data set “none”. Its data sets: none." in err) == (2, True)
    code, err = said(*asked, "none", "-o", "report.json")
    assert (code, "add --wait" in err) == (2, True)


def test_a_data_set_is_uploaded_and_a_version_measured_on_it(
    signed_in: str,
    stored: ModelVersion,
    working: None,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
):
    rows, report = tmp_path / "holdout.csv", tmp_path / "report.json"
    rows.write_bytes(CSV)
    assert cli.run(["data-set", "upload", "credit", str(rows)]) == 0
    assert cli.run(["data-set", "list", "credit"]) == 0
    out = capsys.readouterr().out.splitlines()
    assert (out[0], out[0].endswith("columns a, region, sex, label")) == (out[1], True)

    ask = ["evaluate", "scoring/1", "--data-set", "holdout", "--kind", "binary"]
    ask += ["--target", "label", "--sensitive", "sex"]
    assert cli.run([*ask, "--wait", "--timeout", "25s", "-o", str(report)]) == 0
    out, err = capsys.readouterr()
    assert "of scoring/1 on holdout: succeeded" in out
    assert json.loads(report.read_text()) == REPORT
    assert "/evaluations/" in err

    MemorySandbox.answer = Written(report=b"no report", status=0)
    try:
        assert cli.run([*ask, "--wait", "--timeout", "25s"]) == 7
    finally:
        MemorySandbox.answer = None
    assert ": failed." in capsys.readouterr().err
