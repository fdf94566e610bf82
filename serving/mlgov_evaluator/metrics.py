"""Metrics by scikit-learn, with the bootstrap's bounds."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import sklearn
from sklearn import metrics as sk

from mlgov_evaluator.job import BINARY, MULTICLASS, REGRESSION
from mlgov_evaluator.predictions import Outcome

CONFIDENCE = 0.95
# Fewer rounds for many rows, whose bounds are narrow anyway.
FEWEST_RESAMPLES, MOST_WORK = 20, 10_000_000

Metric = Callable[[Outcome], float]
LOWER_IS_BETTER = {"log_loss", "brier_score", "mae", "rmse", "median_ae", "mape", "max_error"}


def _of_labels(function: Callable[..., float], **options: Any) -> Metric:
    return lambda o: float(function(o.truth, o.predicted, **options))


def _of_scores(function: Callable[..., float], **options: Any) -> Metric:
    return lambda o: float(function(o.truth, o.scores, **options))


def _places(outcome: Outcome) -> list[int]:
    """Classes by number: scikit-learn would sort their names otherwise than their columns are."""
    return [outcome.classes.index(name) for name in outcome.truth]


BINARY_LABELS: dict[str, Metric] = {
    "accuracy": _of_labels(sk.accuracy_score),
    "balanced_accuracy": _of_labels(sk.balanced_accuracy_score),
    "precision": _of_labels(sk.precision_score, zero_division=0),
    "recall": _of_labels(sk.recall_score, zero_division=0),
    "f1": _of_labels(sk.f1_score, zero_division=0),
    "matthews": _of_labels(sk.matthews_corrcoef),
}
BINARY_SCORES: dict[str, Metric] = {
    "roc_auc": _of_scores(sk.roc_auc_score),
    "average_precision": _of_scores(sk.average_precision_score),
    "log_loss": _of_scores(sk.log_loss, labels=[0, 1]),
    "brier_score": _of_scores(sk.brier_score_loss),
}
SEVERAL_LABELS: dict[str, Metric] = {
    "accuracy": _of_labels(sk.accuracy_score),
    "balanced_accuracy": _of_labels(sk.balanced_accuracy_score),
    "precision_macro": _of_labels(sk.precision_score, average="macro", zero_division=0),
    "recall_macro": _of_labels(sk.recall_score, average="macro", zero_division=0),
    "f1_macro": _of_labels(sk.f1_score, average="macro", zero_division=0),
}
SEVERAL_SCORES: dict[str, Metric] = {
    "roc_auc_ovr": lambda o: float(
        sk.roc_auc_score(_places(o), o.scores, multi_class="ovr", labels=range(len(o.classes)))
    ),
    "log_loss": lambda o: float(sk.log_loss(_places(o), o.scores, labels=range(len(o.classes)))),
}
NUMBERS: dict[str, Metric] = {
    "mae": _of_labels(sk.mean_absolute_error),
    "rmse": _of_labels(sk.root_mean_squared_error),
    "r2": _of_labels(sk.r2_score),
    "median_ae": _of_labels(sk.median_absolute_error),
    "mape": _of_labels(sk.mean_absolute_percentage_error),
    "max_error": _of_labels(sk.max_error),
}
# What is shown for a slice, where twenty numbers would hide the one that matters.
OF_SLICES = {
    BINARY: ("accuracy", "precision", "recall", "f1", "roc_auc"),
    MULTICLASS: ("accuracy", "balanced_accuracy", "f1_macro"),
    REGRESSION: ("mae", "rmse", "r2"),
}
MAIN = {BINARY: "accuracy", MULTICLASS: "accuracy", REGRESSION: "mae"}


def that_apply(outcome: Outcome) -> dict[str, Metric]:
    if outcome.kind == REGRESSION:
        # The share of an error in a true value of nothing says nothing.
        without = {"mape"} if bool((outcome.truth == 0).any()) else set()
        return {name: each for name, each in NUMBERS.items() if name not in without}
    labels, scores = (
        (BINARY_LABELS, BINARY_SCORES)
        if outcome.kind == BINARY
        else (SEVERAL_LABELS, SEVERAL_SCORES)
    )
    return {**labels, **(scores if outcome.scores is not None else {})}


def measured(outcome: Outcome, seed: int, resamples: int) -> list[dict[str, Any]]:
    """Each metric with the bounds in which 95 of 100 resamples of the rows have it."""
    wanted = that_apply(outcome)
    bounds = _bounds(outcome, wanted, seed, resamples)
    return [
        {
            "name": name,
            "value": value_of(metric, outcome),
            "ci_low": bounds[name][0],
            "ci_high": bounds[name][1],
            "higher_is_better": name not in LOWER_IS_BETTER,
        }
        for name, metric in wanted.items()
    ]


def of_slice(outcome: Outcome) -> dict[str, float | None]:
    wanted = that_apply(outcome)
    return {
        name: value_of(wanted[name], outcome) for name in OF_SLICES[outcome.kind] if name in wanted
    }


def value_of(metric: Metric, outcome: Outcome) -> float | None:
    """None where it is not defined, as the area under a curve of one class is."""
    try:
        value = metric(outcome)
    except ValueError:
        return None
    return value if np.isfinite(value) else None


def resamples_for(rows: int, wanted: int) -> int:
    return max(FEWEST_RESAMPLES, min(wanted, MOST_WORK // max(rows, 1)))


def _bounds(
    outcome: Outcome, wanted: Mapping[str, Metric], seed: int, resamples: int
) -> dict[str, tuple[float | None, float | None]]:
    rows = len(outcome.truth)
    generator = np.random.default_rng(seed)
    found: dict[str, list[float]] = {name: [] for name in wanted}
    # The first round has shown that the numbers are numbers.
    with sklearn.config_context(assume_finite=True, skip_parameter_validation=True):
        for _ in range(resamples):
            again = outcome.take(generator.integers(0, rows, rows))
            for name, metric in wanted.items():
                value = value_of(metric, again)
                if value is not None:
                    found[name].append(value)
    outside = (1 - CONFIDENCE) / 2
    return {
        name: (float(np.quantile(values, outside)), float(np.quantile(values, 1 - outside)))
        if len(values) > resamples // 2
        else (None, None)
        for name, values in found.items()
    }
