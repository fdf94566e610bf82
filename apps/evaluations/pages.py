"""What the page of an evaluation shows of its report."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from apps.evaluations import charts
from apps.evaluations.charts import Plot, figure, words

RATES = ("selection_rate", "true_positive_rate", "false_positive_rate")


@dataclass(frozen=True)
class Table:
    """Rows of cells that are text already; the first of each names the row."""

    head: list[str]
    rows: list[list[str]]


def sections_of(report: Mapping[str, Any]) -> dict[str, Any]:
    """The report as tables and drawings."""
    pictures = report["pictures"]
    drawn = (charts.roc, charts.precision_recall, charts.calibration,
             charts.residual_dots, charts.residual_histogram)  # fmt: skip
    plots = [plot for plot in (draw(report) for draw in drawn) if plot is not None]
    confusion = pictures.get("confusion")
    return {
        "report": report,
        "metrics": [_metric(each) for each in report["metrics"]],
        "plots": plots,
        "confusion": confusion
        and {
            "labels": confusion["labels"],
            "rows": list(zip(confusion["labels"], charts.shades(confusion["matrix"]), strict=True)),
        },
        "thresholds": _thresholds(pictures.get("thresholds")),
        "calibration": _calibration(pictures.get("calibration")),
        "curves": _curves(pictures),
        "residuals": _residuals(pictures.get("residuals")),
        "cohorts": [(each["column"], _groups(each["groups"])) for each in report["cohorts"]],
        "found": _found(report["found"]),
        "looked_at": report.get("looked_at"),
        "fairness": [_fairness(each) for each in report["fairness"]],
        "importance": charts.importance(report),
        "shap": charts.shap(report),
        "shap_told": report.get("shap"),
        "shap_table": Table(
            ["Column", "Moves a prediction by"],
            [
                [each["column"], figure(each["mean"])]
                for each in (report.get("shap") or {}).get("columns", [])
            ],
        ),
        "importance_of": words(report["importance"]["metric"]),
        "importance_table": Table(
            ["Column", "Worse by", "Deviation"],
            [
                [each["column"], figure(each["mean"]), figure(each["deviation"])]
                for each in report["importance"]["columns"]
            ],
        ),
    }


def _metric(each: Mapping[str, Any]) -> dict[str, str]:
    low, high = each["ci_low"], each["ci_high"]
    return {
        "name": words(each["name"]),
        "value": figure(each["value"]),
        "bounds": f"{figure(low)} to {figure(high)}" if low is not None else "",
        "better": "higher is better" if each["higher_is_better"] else "lower is better",
    }


def _groups(groups: list[dict[str, Any]]) -> Table:
    names = list(dict.fromkeys(name for group in groups for name in group["metrics"]))
    return Table(
        ["Group", "Rows", *(words(name) for name in names)],
        [
            [group["name"], f"{group['rows']:,}"]
            + (
                ["too small", *[""] * (len(names) - 1)]
                if group["too_small"]
                else [figure(group["metrics"].get(name)) for name in names]
            )
            for group in groups
        ],
    )


def _found(groups: list[dict[str, Any]]) -> Table:
    """With what the model errs there and elsewhere, of reports that say so."""
    named = [{**each, "name": f"{each['column']}: {each['name']}"} for each in groups]
    table = _groups(named)
    if not groups or any("error" not in each for each in groups):
        return table
    return Table(
        [*table.head[:2], "Errs there", "Elsewhere", "Chance", *table.head[2:]],
        [
            [
                *row[:2],
                _error(each["error"]),
                _error(each["error_elsewhere"]),
                "below 0.001" if each["p_value"] < 0.001 else figure(each["p_value"]),
                *row[2:],
            ]
            for each, row in zip(groups, table.rows, strict=True)
        ],
    )


def _error(found: Mapping[str, float]) -> str:
    return f"{figure(found['mean'])} ({figure(found['ci_low'])} to {figure(found['ci_high'])})"


def _fairness(entry: Mapping[str, Any]) -> dict[str, Any]:
    measures = [each["name"] for each in entry["measures"]]
    rows = [
        [group["name"], f"{group['rows']:,}"]
        + (
            ["too small", *[""] * (len(measures) - 1)]
            if group["too_small"]
            else [figure(group["values"].get(name)) for name in measures]
        )
        for group in entry["groups"]
    ]
    for what, label in (
        ("overall", "All of them"),
        ("difference", "Largest difference"),
        ("ratio", "Smallest ratio"),
    ):
        rows.append([label, "", *(figure(each[what]) for each in entry["measures"])])
    plots: list[Plot | None] = [charts.rates(entry, name) for name in RATES]
    return {
        "column": entry["column"],
        "table": Table(["Group", "Rows", *(words(name) for name in measures)], rows),
        "summaries": [(words(each["name"]), figure(each["value"])) for each in entry["summaries"]],
        "plots": [plot for plot in plots if plot is not None],
    }


def _thresholds(rows: list[dict[str, Any]] | None) -> Table | None:
    names = ("precision", "recall", "f1", "selected", "tp", "fp", "fn", "tn")
    head = ["Threshold", "Precision", "Recall", "F1", "Selected",
            "True pos.", "False pos.", "False neg.", "True neg."]  # fmt: skip
    if not rows:
        return None
    return Table(
        head,
        [[f"{row['threshold']:.2f}", *(figure(row[name]) for name in names)] for row in rows],
    )


def _calibration(rows: list[dict[str, Any]] | None) -> Table | None:
    if not rows:
        return None
    return Table(
        ["Predicted, on average", "Positive", "Rows"],
        [[figure(row["predicted"]), figure(row["observed"]), f"{row['rows']:,}"] for row in rows],
    )


def _curves(pictures: Mapping[str, Any]) -> list[tuple[str, Table]]:
    found = []
    for name, title, across, up in (
        ("roc", "ROC", "fpr", "tpr"),
        ("precision_recall", "Precision and recall", "recall", "precision"),
    ):
        if curve := pictures.get(name):
            points = zip(curve[across], curve[up], strict=False)
            heads = {"fpr": "False positive rate", "tpr": "True positive rate"}
            head = [heads.get(each, each.capitalize()) for each in (across, up)]
            found.append((title, Table(head, [[figure(x), figure(y)] for x, y in points])))
    return found


def _residuals(found: Mapping[str, Any] | None) -> Table | None:
    if not found:
        return None
    return Table(
        ["Share of rows", "Residual below"],
        [[f"{each['share'] * 100:.0f} %", figure(each["value"])] for each in found["quantiles"]],
    )
