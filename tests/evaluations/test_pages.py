"""Data sets are uploaded, evaluations started and read on pages."""

import hashlib
import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from apps.accounts.models import User
from apps.cards.models import SectionRule
from apps.evaluations import intake, pages
from apps.evaluations.models import Evaluation, EvaluationDataSet
from apps.registry.models import ModelVersion
from tests.builds.parts import drive
from tests.evaluations.conftest import CSV, Start
from tests.evaluations.parts import REPORT, MemorySandbox, Written

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def browser(client: Client, data_scientist: User) -> Client:
    client.force_login(data_scientist)
    return client


def address(version: ModelVersion, rest: str = "") -> str:
    return f"/models/{version.model.name}/versions/{version.number}/evaluations{rest}"


def test_a_data_set_is_uploaded_chosen_and_evaluated_on(
    browser: Client, version: ModelVersion
) -> None:
    sets = f"/projects/{version.model.project.slug}/data-sets"
    assert b"has no evaluation data set" in browser.get(address(version, "/new")).content
    file = SimpleUploadedFile("holdout.csv", CSV)
    assert browser.post(sets, {"name": "holdout", "file": file}).status_code == 302
    data_set = EvaluationDataSet.objects.get()
    assert b"holdout" in browser.get(sets).content

    page = browser.get(address(version, "/new"))
    assert page.context["form"].initial == {"kind": "binary", "target": "label"}
    posted = browser.post(
        address(version, "/new"),
        {
            "data_set": data_set.pk, "kind": "binary", "target": "label", "threshold": "0.4",
            "min_rows": "20", "seed": "3", "cohorts": ["region"], "sensitive": ["sex"],
        },
    )  # fmt: skip
    evaluation = Evaluation.objects.get()
    assert posted["Location"] == f"/evaluations/{evaluation.pk}"
    assert (evaluation.threshold, evaluation.cohorts, evaluation.seed) == (0.4, ["region"], 3)

    waiting = browser.get(posted["Location"])
    assert b"Waits for a worker" in waiting.content
    drive()
    read = browser.get(posted["Location"]).content.decode()
    assert "0.750 to 0.850" in read
    assert "Fairness by sex" in read
    assert "&lt;b&gt;south&lt;/b&gt;" in read
    assert "<b>south" not in read
    assert "too small" in read
    listed = browser.get(address(version)).content.decode()
    assert f"/evaluations/{evaluation.pk}" in listed


def test_the_report_is_given_out_in_the_spelling_of_its_digest(
    browser: Client, start: Start
) -> None:
    evaluation = start()
    assert browser.get(f"/evaluations/{evaluation.pk}/report").status_code == 404
    drive()
    evaluation.refresh_from_db()

    answer = browser.get(f"/evaluations/{evaluation.pk}/report")

    assert json.loads(answer.content) == REPORT
    digest = hashlib.sha256(answer.content).hexdigest()
    assert digest == evaluation.report_sha256


@pytest.mark.parametrize(
    ("posted", "field"),
    [
        ({"file": SimpleUploadedFile("x.csv", b"a,a\n1,2\n")}, "two columns of the name"),
        ({"file": SimpleUploadedFile("x.pkl", b"a,b\n1,2\n")}, "neither .csv nor .json"),
        ({}, "required"),
    ],
)
def test_a_refused_file_is_told_at_its_field(
    browser: Client, version: ModelVersion, posted: dict[str, Any], field: str
) -> None:
    sets = f"/projects/{version.model.project.slug}/data-sets"

    answer = browser.post(sets, {"name": "holdout", **posted})

    assert answer.status_code == 422
    assert field in answer.content.decode()
    assert not EvaluationDataSet.objects.exists()


def test_an_oversized_upload_is_refused_before_it_is_stored(
    browser: Client, version: ModelVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "MOST_BYTES", 10)
    sets = f"/projects/{version.model.project.slug}/data-sets"

    answer = browser.post(sets, {"name": "holdout", "file": SimpleUploadedFile("holdout.csv", CSV)})

    assert answer.status_code == 413
    assert not EvaluationDataSet.objects.exists()


def test_a_running_evaluation_is_cancelled_and_a_data_set_withdrawn(
    browser: Client, start: Start, data_set: EvaluationDataSet
) -> None:
    evaluation = start()

    assert browser.post(f"/evaluations/{evaluation.pk}/cancel").status_code == 302
    evaluation.run.refresh_from_db()
    assert evaluation.run.state == "cancelled"
    sets = f"/projects/{data_set.project.slug}/data-sets"
    assert browser.post(f"{sets}/{data_set.pk}/withdraw").status_code == 302
    assert b"holdout</td>" not in browser.get(sets).content
    assert browser.get(f"/evaluations/{evaluation.pk}").status_code == 200


def test_a_failure_stands_on_the_page_with_its_way_out(browser: Client, start: Start) -> None:
    MemorySandbox.answer = Written(status=3, model_ended=True, model_log="Segmentation fault")
    evaluation = start()
    drive()

    page = browser.get(f"/evaluations/{evaluation.pk}").content.decode()

    assert "Segmentation fault" in page
    assert "evaluations.model.died" in page
    log = browser.get(f"/runs/{evaluation.run_id}/log")
    assert b"Segmentation fault" in log.content


def test_who_may_not_read_fairness_on_the_card_does_not_read_it_in_the_report(
    browser: Client, start: Start, owner: User
) -> None:
    page = f"/evaluations/{start().pk}"
    assert browser.get(page).status_code == 200
    SectionRule.objects.create(section="fairness", right="read", roles=["owner"])
    assert browser.get(page).status_code == 404
    browser.force_login(owner)
    assert browser.get(page).status_code == 200


def test_each_part_of_a_report_may_be_missing() -> None:
    bare = {**REPORT, "pictures": {}, "cohorts": [], "found": [], "fairness": []}
    bare["importance"] = {**REPORT["importance"], "columns": [], "why_not": "Too slow."}

    made = pages.sections_of(bare)

    assert (made["plots"], made["confusion"], made["importance"]) == ([], None, None)


def test_residuals_are_drawn_from_their_lowest_to_their_highest() -> None:
    residuals = {
        "mean": 0.5,
        "quantiles": [{"share": 0.5, "value": 0.1}],
        "histogram": {"edges": [-1.0, 0.0, 1.0], "counts": [3, 1]},
        "dots": [{"predicted": 1.0, "true": 3.0}, {"predicted": 2.0, "true": 1.0}],
    }

    dots, bars = pages.sections_of({**REPORT, "pictures": {"residuals": residuals}})["plots"]

    assert dots.dots == [("0.0", "0.0"), ("200.0", "300.0")]
    assert (bars.left, bars.right, [bar.height for bar in bars.bars]) == ("-1", "1", [300, 100])
