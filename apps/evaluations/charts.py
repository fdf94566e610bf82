"""Drawings of a report, made here so that pages need no script for them.

Each has a sentence for whoever does not see it, and its numbers stand in a table beside it.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

WIDTH, HEIGHT = 400, 300
ROW, GAP = 22, 6
LABELS = 130


@dataclass(frozen=True)
class Bar:
    x: float
    y: float
    width: float
    height: float
    label: str = ""
    value: str = ""

    @property
    def middle(self) -> float:
        return self.y + self.height / 2

    @property
    def end(self) -> float:
        return self.x + self.width


@dataclass(frozen=True)
class Plot:
    """A drawing that is `width` by `height`, with what its axes mean."""

    title: str
    told: str
    across: str = ""
    up: str = ""
    left: str = "0"
    right: str = "1"
    bottom: str = "0"
    top: str = "1"
    lines: list[str] = field(default_factory=list)
    reference: str = ""
    dots: list[tuple[str, str]] = field(default_factory=list)
    bars: list[Bar] = field(default_factory=list)
    width: int = WIDTH
    height: int = HEIGHT


def roc(report: Mapping[str, Any]) -> Plot | None:
    found = report["pictures"].get("roc")
    if not found:
        return None
    return Plot(
        title="ROC",
        told=f"True positives against false positives. The area is {_metric(report, 'roc_auc')}.",
        across="False positive rate",
        up="True positive rate",
        lines=[_line(found["fpr"], found["tpr"])],
        reference=f"M0 {HEIGHT}L{WIDTH} 0",
    )


def precision_recall(report: Mapping[str, Any]) -> Plot | None:
    found = report["pictures"].get("precision_recall")
    if not found:
        return None
    level = HEIGHT - found["prevalence"] * HEIGHT
    return Plot(
        title="Precision and recall",
        told=f"Precision against recall. {_percent(found['prevalence'])} of the rows are positive; "
        f"average precision is {_metric(report, 'average_precision')}.",
        across="Recall",
        up="Precision",
        lines=[_line(found["recall"], found["precision"])],
        reference=f"M0 {level:.1f}H{WIDTH}",
    )


def calibration(report: Mapping[str, Any]) -> Plot | None:
    found = report["pictures"].get("calibration")
    if not found:
        return None
    predicted = [each["predicted"] for each in found]
    observed = [each["observed"] for each in found]
    return Plot(
        title="Calibration",
        told="Share of positive rows against the probability that the model gave them, in bands. "
        f"The Brier score is {_metric(report, 'brier_score')}.",
        across="Predicted probability",
        up="Share that is positive",
        lines=[_line(predicted, observed)],
        dots=[_place(x, y) for x, y in zip(predicted, observed, strict=True)],
        reference=f"M0 {HEIGHT}L{WIDTH} 0",
    )


def residual_histogram(report: Mapping[str, Any]) -> Plot | None:
    found = report["pictures"].get("residuals")
    if not found:
        return None
    counts, edges = found["histogram"]["counts"], found["histogram"]["edges"]
    most, step = max([*counts, 1]), WIDTH / max(len(counts), 1)
    return Plot(
        title="Residuals",
        told=f"How often the true value is how far from the prediction. On average it is "
        f"{figure(found['mean'])} above it.",
        across="True value less prediction",
        up="Rows",
        left=figure(edges[0]),
        right=figure(edges[-1]),
        top=f"{most:,}",
        bars=[
            Bar(i * step + 0.5, HEIGHT - n / most * HEIGHT, step - 1, n / most * HEIGHT)
            for i, n in enumerate(counts)
        ],
    )


def residual_dots(report: Mapping[str, Any]) -> Plot | None:
    found = report["pictures"].get("residuals")
    if not found or not found["dots"]:
        return None
    values = [value for dot in found["dots"] for value in (dot["predicted"], dot["true"])]
    low, high = min(values), max(values)
    span = (high - low) or 1.0
    return Plot(
        title="True values and predictions",
        told=f"{len(found['dots'])} rows by prediction and true value, from {figure(low)} to "
        f"{figure(high)}. On the line both are equal.",
        across="Prediction",
        up="True value",
        left=figure(low),
        right=figure(high),
        bottom=figure(low),
        top=figure(high),
        dots=[
            _place((dot["predicted"] - low) / span, (dot["true"] - low) / span)
            for dot in found["dots"]
        ],
        reference=f"M0 {HEIGHT}L{WIDTH} 0",
    )


def importance(report: Mapping[str, Any], most: int = 15) -> Plot | None:
    columns = report["importance"]["columns"][:most]
    if not columns:
        return None
    named = [(each["column"], max(each["mean"], 0.0), each["mean"]) for each in columns]
    return _bars(
        "Importance",
        f"How much {words(report['importance']['metric'])} worsens when a column is shuffled. "
        f"{columns[0]['column']} matters most.",
        named,
    )


def shap(report: Mapping[str, Any], most: int = 15) -> Plot | None:
    columns = (report.get("shap") or {}).get("columns", [])[:most]
    if not columns:
        return None
    named = [(each["column"], each["mean"], each["mean"]) for each in columns]
    return _bars(
        "Mean absolute SHAP value",
        f"How far each column moves a prediction. {columns[0]['column']} moves it most.",
        named,
    )


def rates(entry: Mapping[str, Any], measure: str) -> Plot | None:
    """One measure for the groups of a sensitive attribute."""
    named = [
        (group["name"], max(group["values"][measure] or 0.0, 0.0), group["values"][measure])
        for group in entry["groups"]
        if group["values"].get(measure) is not None
    ]
    if not named:
        return None
    told = "; ".join(f"{name} {figure(value)}" for name, _, value in named)
    return _bars(words(measure), f"By {entry['column']}: {told}.", named, whole=1.0)


def _bars(
    title: str, told: str, named: Sequence[tuple[str, float, float]], whole: float = 0.0
) -> Plot:
    most = max([whole, *(length for _, length, _ in named)]) or 1.0
    room = WIDTH - LABELS - 60
    return Plot(
        title=title,
        told=told,
        bars=[
            Bar(LABELS, i * (ROW + GAP), length / most * room, ROW, _short(name), figure(value))
            for i, (name, length, value) in enumerate(named)
        ],
        height=len(named) * (ROW + GAP),
    )


def shades(matrix: Sequence[Sequence[int]]) -> list[list[tuple[int, int]]]:
    """The counts of a confusion matrix, each with its share of the row in tenths."""
    return [
        [(count, math.ceil(count / sum(row) * 9) if sum(row) else 0) for count in row]
        for row in matrix
    ]


def words(name: str) -> str:
    """The name of a metric as people say it."""
    return SPELLED.get(name) or name.replace("_", " ").capitalize()


SPELLED = {
    "roc_auc": "ROC AUC",
    "roc_auc_ovr": "ROC AUC, one against the rest",
    "f1": "F1",
    "f1_macro": "F1, mean of classes",
    "precision_macro": "Precision, mean of classes",
    "recall_macro": "Recall, mean of classes",
    "matthews": "Matthews correlation",
    "mae": "Mean absolute error",
    "rmse": "Root mean squared error",
    "r2": "R²",
    "median_ae": "Median absolute error",
    "mape": "Mean absolute percentage error",
}


def figure(value: float | None) -> str:
    if value is None:
        return "–"
    if abs(value) < 1e-9:
        return "0"
    if value == int(value) and abs(value) < 1e9:
        return f"{int(value):,}"
    return f"{value:.3f}" if 0.001 <= abs(value) < 10 else f"{value:,.4g}"


def _metric(report: Mapping[str, Any], name: str) -> str:
    return next((figure(each["value"]) for each in report["metrics"] if each["name"] == name), "–")


def _percent(share: float) -> str:
    return f"{share * 100:.0f} %"


def _line(across: Sequence[float], up: Sequence[float]) -> str:
    points = (
        f"{x * WIDTH:.1f} {HEIGHT - y * HEIGHT:.1f}" for x, y in zip(across, up, strict=False)
    )
    return "M" + "L".join(points)


def _place(x: float, y: float) -> tuple[str, str]:
    return f"{x * WIDTH:.1f}", f"{HEIGHT - y * HEIGHT:.1f}"


def _short(name: str) -> str:
    return name if len(name) <= 22 else f"{name[:21]}…"
