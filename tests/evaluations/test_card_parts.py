"""A report becomes parts of a card that the card's own schema takes."""

import json
from datetime import date
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

import apps.cards
from apps.evaluations.card_parts import parts_of_card
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
