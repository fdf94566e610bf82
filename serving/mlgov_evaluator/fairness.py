"""Fairness by sensitive attribute, as fairlearn's MetricFrame computes it."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from fairlearn import metrics as fair
from sklearn import metrics as sk

from mlgov_evaluator.job import BINARY, REGRESSION, Job
from mlgov_evaluator.predictions import Outcome
from mlgov_evaluator.slices import groups_of

Measure = Callable[..., float]

OF_BINARY: dict[str, Measure] = {
    "selection_rate": fair.selection_rate,
    "true_positive_rate": fair.true_positive_rate,
    "false_positive_rate": fair.false_positive_rate,
    "false_negative_rate": fair.false_negative_rate,
    "accuracy": sk.accuracy_score,
}
OF_SEVERAL: dict[str, Measure] = {
    "accuracy": sk.accuracy_score,
    "balanced_accuracy": sk.balanced_accuracy_score,
}
OF_NUMBERS: dict[str, Measure] = {
    "mean_prediction": fair.mean_prediction,
    "mae": sk.mean_absolute_error,
    "rmse": sk.root_mean_squared_error,
}
SUMMARIES: dict[str, Measure] = {
    "demographic_parity_difference": fair.demographic_parity_difference,
    "demographic_parity_ratio": fair.demographic_parity_ratio,
    "equalized_odds_difference": fair.equalized_odds_difference,
    "equalized_odds_ratio": fair.equalized_odds_ratio,
    "equal_opportunity_difference": fair.equal_opportunity_difference,
}


def of(frame: pd.DataFrame, outcome: Outcome, job: Job) -> list[dict[str, Any]]:
    return [_of_column(frame[column], column, outcome, job) for column in job.sensitive]


def _of_column(column: pd.Series, name: str, outcome: Outcome, job: Job) -> dict[str, Any]:
    groups = groups_of(column)
    counts = groups.value_counts()
    large = sorted(str(group) for group, rows in counts.items() if rows >= job.min_rows)
    # A rate of five people says nothing, and would set the differences.
    rows = groups.isin(large).to_numpy()
    entry: dict[str, Any] = {"column": name, "summaries": [], "measures": []}
    values: dict[str, dict[str, float | None]] = {}
    if large:
        frame = _frame(outcome.take(np.flatnonzero(rows)), groups[rows])
        by_group = frame.by_group
        values = {
            str(group): {measure: _number(by_group.loc[group, measure]) for measure in by_group}
            for group in by_group.index
        }
        differences, ratios = frame.difference(), frame.ratio()
        entry["measures"] = [
            {
                "name": measure,
                "overall": _number(frame.overall[measure]),
                "difference": _number(differences[measure]) if len(large) > 1 else None,
                "ratio": _number(ratios[measure]) if len(large) > 1 else None,
            }
            for measure in by_group
        ]
        if outcome.kind == BINARY and len(large) > 1:
            entry["summaries"] = _summaries(outcome.take(np.flatnonzero(rows)), groups[rows])
    entry["groups"] = [
        {
            "name": str(group),
            "rows": int(counts[group]),
            "too_small": str(group) not in values,
            "values": values.get(str(group), {}),
        }
        for group in sorted(counts.index, key=str)
    ]
    return entry


def _frame(outcome: Outcome, groups: pd.Series) -> fair.MetricFrame:
    measures = (
        OF_BINARY
        if outcome.kind == BINARY
        else OF_NUMBERS
        if outcome.kind == REGRESSION
        else OF_SEVERAL
    )
    return fair.MetricFrame(
        metrics=measures,
        y_true=outcome.truth,
        y_pred=outcome.predicted,
        sensitive_features=groups.to_numpy(),
    )


def _summaries(outcome: Outcome, groups: pd.Series) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "value": _number(
                measure(outcome.truth, outcome.predicted, sensitive_features=groups.to_numpy())
            ),
        }
        for name, measure in SUMMARIES.items()
    ]


def _number(value: Any) -> float | None:
    found = float(value)
    return found if np.isfinite(found) else None
