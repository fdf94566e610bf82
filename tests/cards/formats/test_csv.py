import csv
import io
from typing import Any

import pytest

from apps.cards.formats import registry
from tests.cards.documents import example, full


def _rows(document: dict[str, Any]) -> list[dict[str, str]]:
    text = registry.export("csv", document).content.decode()
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_each_metric_is_a_row() -> None:
    rows = _rows(example())

    assert [(r["field"], r["name"], r["value"], r["slice"], r["ci_low"]) for r in rows] == [
        ("evaluation.metrics", "roc_auc", "0.91", "overall", "0.9"),
        ("evaluation.metrics", "loss", "0.2", "", ""),
    ]


def test_thresholds_and_metrics_of_groups_are_rows_too() -> None:
    rows = _rows(full())

    assert [(row["field"], row["group"]) for row in rows] == [
        ("evaluation.metrics", ""),
        ("interface.decision_thresholds", ""),
        ("fairness.assessments", "Said in fairness.assessments"),
    ]


def test_all_that_is_no_metric_is_said_to_be_lost() -> None:
    exported = registry.export("csv", full())

    assert "overview.name" in exported.lost
    assert not {"evaluation.metrics", "interface.decision_thresholds"} & set(exported.lost)
    assert exported.altered == ("fairness.assessments",)


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\n=1",
        " =1",
        "＝1",
        "\ufeff=1",
        "=cmd|'/C'!A0",
    ],
)
def test_no_text_is_a_formula(text: str) -> None:
    document = example()
    document["evaluation"]["metrics"] = [
        {"name": text, "value": text, "notes": text, "slice": text},
        {"name": "change", "value": -0.5},
    ]
    first, second = _rows(document)

    assert [first[name] for name in ("name", "value", "notes", "slice")] == [f"'{text}"] * 4
    assert second["value"] == "-0.5"


def test_text_with_quotes_and_lines_stays_in_its_cell() -> None:
    document = example()
    said = 'a "b", c\r\nd,e\n'
    document["evaluation"]["metrics"] = [{"name": said, "value": "x"}]

    assert [row["name"] for row in _rows(document)] == [said]
