"""How much worse the model is without each column, by scikit-learn's permutation importance."""

import time
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.inspection import permutation_importance

from mlgov_evaluator import metrics
from mlgov_evaluator.job import Job
from mlgov_evaluator.predictions import Outcome, outcome
from mlgov_evaluator.server import Server

REPEATS, MOST_ROWS, FEWEST_ROWS, MOST_COLUMNS = 3, 1_000, 50, 60
SHARE_OF_TIME = 0.3


class _Remote(BaseEstimator):  # type: ignore[misc]
    """The model as something that scikit-learn may ask."""

    def __init__(self, server: Server) -> None:
        self.server = server

    def fit(self, *_: Any) -> "_Remote":
        return self

    def predict(self, features: pd.DataFrame) -> list[Any]:
        return self.server.predict(features)


def of(
    server: Server,
    features: pd.DataFrame,
    truth: pd.Series,
    whole: Outcome,
    job: Job,
    deadline: float,
) -> dict[str, Any]:
    """The columns by importance, or why there is no answer."""
    rows = _affordable(server, features, job, deadline)
    if features.shape[1] > MOST_COLUMNS:
        return _none(f"The model takes more than {MOST_COLUMNS} columns.")
    if rows < min(FEWEST_ROWS, len(features)):
        return _none("The model is too slow for it within the time of an evaluation.")
    chosen = np.random.default_rng(job.seed).choice(len(features), rows, replace=False)
    chosen.sort()
    main = metrics.MAIN[job.kind]
    sign = -1.0 if main in metrics.LOWER_IS_BETTER else 1.0

    def score(model: _Remote, shuffled: pd.DataFrame, true: pd.Series) -> float:
        if time.monotonic() > deadline:
            raise TimeoutError
        made = outcome(true, model.predict(shuffled), job, whole.classes)
        return sign * (metrics.value_of(metrics.that_apply(made)[main], made) or 0.0)

    part, true = features.iloc[chosen], truth.iloc[chosen]
    if job.kind != "regression" and true.nunique() < 2:
        return _none("The sampled rows have one class only.")
    try:
        found = permutation_importance(
            _Remote(server), part, true, scoring=score, n_repeats=REPEATS, random_state=job.seed
        )
    except TimeoutError:
        return _none("The model is too slow for it within the time of an evaluation.")
    entries = [
        {"column": str(name), "mean": float(mean), "deviation": float(deviation)}
        for name, mean, deviation in zip(
            part.columns, found.importances_mean, found.importances_std, strict=True
        )
    ]
    entries.sort(key=lambda each: (-float(each["mean"]), each["column"]))
    return {"metric": main, "rows": rows, "repeats": REPEATS, "columns": entries, "why_not": ""}


def _affordable(server: Server, features: pd.DataFrame, job: Job, deadline: float) -> int:
    """Rows for which there is time, by how fast the model has been."""
    most = min(len(features), MOST_ROWS)
    seconds = min(job.seconds * SHARE_OF_TIME, deadline - time.monotonic())
    if not server.rows or server.seconds <= 0:
        return most
    rounds = features.shape[1] * REPEATS + 1
    return int(min(most, max(0.0, seconds) * (server.rows / server.seconds) / rounds))


def _none(why: str) -> dict[str, Any]:
    return {"metric": "", "rows": 0, "repeats": 0, "columns": [], "why_not": why}
