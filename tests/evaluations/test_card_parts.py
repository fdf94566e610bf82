"""A report becomes parts of a card that the card's own schema takes."""

import json
from datetime import date
from pathlib import Path
from typing import Any

from django.test import Client
from jsonschema import Draft202012Validator

import apps.cards
from apps.accounts.models import User
from apps.cards import documents, services
from apps.evaluations.card_parts import parts_of_card, put_on_card
from apps.registry.models import ModelVersion
from tests.evaluations.conftest import Start
from tests.evaluations.parts import REPORT

SCHEMA = Path(apps.cards.__file__).parent / "schema" / "model-card-1.json"


def made(report: dict[str, Any]) -> dict[str, Any]:
    return parts_of_card(
        report, data_set="holdout", sha256="a" * 64, dated=date(2026, 11, 21), split="test"
    )


def test_the_parts_are_as_the_schema_of_cards_says() -> None:
    schema = json.loads(SCHEMA.read_text())
    sections = {**schema, "required": []}

    assert list(Draft202012Validator(sections).iter_errors(made(REPORT))) == []


def test_metrics_carry_bounds_slices_and_where_they_come_from() -> None:
    found = made(REPORT)["evaluation"]

    shared = {"dataset": "holdout", "split": "test", "origin": "evaluation"}
    assert found["metrics"] == [
        {
            "name": "accuracy", "value": 0.8, "ci_low": 0.75, "ci_high": 0.85, "confidence": 0.95,
            "higher_is_better": True, "threshold": 0.5, **shared,
        },
        {"name": "log_loss", "value": 0.4, "higher_is_better": False, "threshold": 0.5, **shared},
        {
            "name": "accuracy", "value": 0.81, "slice": "region = north",
            "higher_is_better": True, **shared,
        },
    ]  # fmt: skip
    assert found["reports"][0]["sha256"] == "a" * 64


def test_fairness_is_left_out_where_no_sensitive_column_was_chosen() -> None:
    found = made(REPORT)["fairness"]["assessments"]

    assert [each["group_at_risk"] for each in found] == ["sex: everybody", "sex: f", "sex: m"]
    assert "fairness" not in made({**REPORT, "fairness": []})


def test_results_land_on_the_card_in_place_of_earlier_ones_and_leave_what_people_wrote(
    version: ModelVersion, start: Start, data_scientist: User
) -> None:
    evaluation = start()
    evaluation.report, evaluation.report_sha256 = REPORT, "a" * 64
    evaluation.save()
    services.edit_card(
        version,
        by=data_scientist,
        base_revision=1,
        changes={"/evaluation/metrics": [{"name": "auc", "value": 0.7, "origin": "manual"}]},
    )
    first = put_on_card(evaluation, by=data_scientist)
    groups = documents.value_at(first.content, "/fairness/assessments")
    words = [{**groups[0], "harms": "They are refused more often."}, *groups[1:]]
    services.edit_card(
        version,
        by=data_scientist,
        base_revision=first.number,
        changes={"/fairness/assessments": words},
    )
    again = put_on_card(evaluation, by=data_scientist)
    metrics = documents.value_at(again.content, "/evaluation/metrics")
    assert metrics[0] == {"name": "auc", "value": 0.7, "origin": "manual"}
    assert metrics == documents.value_at(first.content, "/evaluation/metrics")
    assert documents.value_at(again.content, "/fairness/assessments") == words
    assert documents.value_at(again.content, "/fairness/assessed") == "yes"
    (report,) = documents.value_at(again.content, "/evaluation/reports")
    assert report["sha256"] == "a" * 64


def test_only_who_edits_the_card_puts_results_on_it(
    start: Start, version: ModelVersion, viewer: User, data_scientist: User
) -> None:
    evaluation = start()
    evaluation.report, evaluation.report_sha256 = REPORT, "a" * 64
    evaluation.save()
    client = Client()
    for user, status in ((viewer, 403), (data_scientist, 302)):
        client.force_login(user)
        assert client.post(f"/evaluations/{evaluation.pk}/card").status_code == status
