"""The numbers behind each drawing."""

from typing import Any

import numpy as np
from sklearn import metrics as sk
from sklearn.calibration import calibration_curve

from mlgov_evaluator.job import BINARY, REGRESSION
from mlgov_evaluator.predictions import Outcome

POINTS, BINS, DOTS, MOST_CLASSES_SHOWN = 101, 10, 300, 20
REST = "(others)"


def of(outcome: Outcome, seed: int) -> dict[str, Any]:
    if outcome.kind == REGRESSION:
        return {"residuals": _residuals(outcome, seed)}
    found: dict[str, Any] = {"confusion": _confusion(outcome)}
    if outcome.kind == BINARY and outcome.scores is not None:
        found["roc"] = _roc(outcome)
        found["precision_recall"] = _precision_recall(outcome)
        found["calibration"] = _calibration(outcome)
        found["thresholds"] = _thresholds(outcome)
    return found


def _confusion(outcome: Outcome) -> dict[str, Any]:
    if outcome.kind == BINARY:
        matrix = sk.confusion_matrix(outcome.truth, outcome.predicted, labels=[0, 1])
        return {"labels": list(outcome.classes), "matrix": matrix.tolist()}
    names = list(outcome.classes)
    truth, predicted = outcome.truth, outcome.predicted
    if len(names) > MOST_CLASSES_SHOWN:
        counts = {name: int((truth == name).sum()) for name in names}
        kept = set(sorted(names, key=lambda name: -counts[name])[: MOST_CLASSES_SHOWN - 1])
        truth = np.array([name if name in kept else REST for name in truth], dtype=object)
        predicted = np.array([name if name in kept else REST for name in predicted], dtype=object)
        names = [name for name in names if name in kept] + [REST]
    matrix = sk.confusion_matrix(truth, predicted, labels=names)
    return {"labels": names, "matrix": matrix.tolist()}


def _roc(outcome: Outcome) -> dict[str, Any]:
    across, up, _ = sk.roc_curve(outcome.truth, outcome.scores)
    chosen = _spread(len(across))
    return {"fpr": across[chosen].tolist(), "tpr": up[chosen].tolist()}


def _precision_recall(outcome: Outcome) -> dict[str, Any]:
    precision, recall, _ = sk.precision_recall_curve(outcome.truth, outcome.scores)
    chosen = _spread(len(precision))
    return {
        "recall": recall[chosen].tolist(),
        "precision": precision[chosen].tolist(),
        "prevalence": float(outcome.truth.mean()),
    }


def _calibration(outcome: Outcome) -> list[dict[str, Any]]:
    observed, predicted = calibration_curve(outcome.truth, outcome.scores, n_bins=BINS)
    edges = np.linspace(0.0, 1.0, BINS + 1)
    places = np.searchsorted(edges[1:-1], outcome.scores)
    counts = np.bincount(places, minlength=BINS)
    return [
        {"predicted": float(p), "observed": float(o), "rows": int(c)}
        for p, o, c in zip(predicted, observed, counts[counts > 0], strict=True)
    ]


def _thresholds(outcome: Outcome) -> list[dict[str, Any]]:
    assert outcome.scores is not None  # nosec B101
    rows = []
    for threshold in np.round(np.arange(0.05, 1.0, 0.05), 2):
        chosen = (outcome.scores >= threshold).astype(int)
        (tn, fp), (fn, tp) = sk.confusion_matrix(outcome.truth, chosen, labels=[0, 1]).tolist()
        rows.append(
            {
                "threshold": float(threshold),
                "precision": float(sk.precision_score(outcome.truth, chosen, zero_division=0)),
                "recall": float(sk.recall_score(outcome.truth, chosen, zero_division=0)),
                "f1": float(sk.f1_score(outcome.truth, chosen, zero_division=0)),
                "selected": float(chosen.mean()),
                "tp": tp,
                "fp": fp,
                "fn": fn,
                "tn": tn,
            }
        )
    return rows


def _residuals(outcome: Outcome, seed: int) -> dict[str, Any]:
    residuals = outcome.truth - outcome.predicted
    counts, edges = np.histogram(residuals, bins=30)
    rows = len(residuals)
    shown = np.random.default_rng(seed).choice(rows, min(rows, DOTS), replace=False)
    quantiles = (0.05, 0.25, 0.5, 0.75, 0.95)
    return {
        "mean": float(residuals.mean()),
        "quantiles": [
            {"share": share, "value": float(np.quantile(residuals, share))} for share in quantiles
        ],
        "histogram": {"edges": edges.tolist(), "counts": counts.tolist()},
        "dots": [
            {"predicted": float(outcome.predicted[row]), "true": float(outcome.truth[row])}
            for row in sorted(shown.tolist())
        ],
    }


def _spread(points: int) -> np.ndarray:
    """At most 101 of the points, the first and the last among them."""
    return np.unique(np.linspace(0, points - 1, min(points, POINTS)).round().astype(int))
