"""How much each column moves single predictions: mean absolute SHAP values, by the package shap.

The model is asked through its socket like for everything else, so these are shap's explainers for
models of any kind. For a model that adds up its columns, and wherever all combinations of columns
can be asked for, the values are exactly those of shap's explainers for linear models and trees.
"""

import os
import time
from importlib import import_module
from typing import Any

import numpy as np
import pandas as pd

from mlgov_evaluator.job import REGRESSION, Job
from mlgov_evaluator.predictions import Outcome, outcome
from mlgov_evaluator.server import Server

EXACT, PERMUTATION = "exact", "permutation"
BACKGROUND, EXPLAINED, FEWEST_EXPLAINED = 20, 50, 10
MOST_COLUMNS, MOST_PERMUTATIONS = 60, 5
# Rows that the model is asked for in all, and the part of the time that it may take.
MOST_ASKED, SHARE_OF_TIME = 150_000, 0.2
TOO_SLOW = "The model is too slow for it within the time of an evaluation."


def of(
    server: Server,
    features: pd.DataFrame,
    truth: pd.Series,
    whole: Outcome,
    job: Job,
    deadline: float,
) -> dict[str, Any]:
    """The columns by their mean absolute SHAP value, or why there is no answer."""
    columns = features.shape[1]
    if job.kind != REGRESSION and whole.scores is None:
        return _none("The model answers labels; SHAP values are of probabilities and numbers.")
    if columns > MOST_COLUMNS:
        return _none(f"The model takes more than {MOST_COLUMNS} columns.")
    background, explained = samples(len(features), job.seed)
    room = _affordable(server, job, deadline)
    per_row = len(background) * (2 * columns + 1)
    explained = explained[: max(room // per_row, 0)]
    if len(explained) < min(FEWEST_EXPLAINED, len(features)):
        return _none(TOO_SLOW)
    is_exact = len(background) * 2**columns * len(explained) <= room
    coded = _Coded(features)

    def answer(rows: np.ndarray) -> np.ndarray:
        if time.monotonic() > deadline:
            raise TimeoutError
        said = server.predict(coded.frame(rows))
        # Only what is predicted counts here: any true value does.
        made = outcome(pd.Series([truth.iloc[0]] * len(rows)), said, job, whole.classes)
        values = made.predicted if made.scores is None else made.scores
        return np.asarray(values, dtype=float)

    try:
        values = _values(
            answer,
            coded.codes[background],
            coded.codes[explained],
            rounds=0 if is_exact else min(MOST_PERMUTATIONS, room // (per_row * len(explained))),
            seed=job.seed,
        )
    except TimeoutError:
        return _none(TOO_SLOW)
    # Over rows and, of several classes, over their probabilities.
    means = np.abs(values).mean(axis=(0, *range(2, values.ndim)))
    entries = [
        {"column": str(name), "mean": float(mean)}
        for name, mean in zip(features.columns, means, strict=True)
    ]
    entries.sort(key=lambda each: (-float(each["mean"]), each["column"]))
    return {
        "algorithm": EXACT if is_exact else PERMUTATION,
        "rows": len(explained),
        "background": len(background),
        "columns": entries,
        "why_not": "",
    }


def samples(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Which rows stand for what is usual, and which are explained."""
    generator = np.random.default_rng(seed)
    background = generator.choice(rows, min(rows, BACKGROUND), replace=False)
    explained = generator.choice(rows, min(rows, EXPLAINED), replace=False)
    return np.sort(background), np.sort(explained)


class _Coded:
    """Rows as numbers, each standing for a value of its column: shap mixes rows as numbers only."""

    def __init__(self, features: pd.DataFrame) -> None:
        self._names = features.columns
        self._values = []
        codes = []
        for name in features.columns:
            of_column, values = pd.factorize(features[name], use_na_sentinel=False)
            codes.append(of_column)
            self._values.append(pd.Series(values).astype(features[name].dtype))
        self.codes = np.column_stack(codes).astype(float)

    def frame(self, codes: np.ndarray) -> pd.DataFrame:
        found = {
            name: values.take(codes[:, place].astype(int)).reset_index(drop=True)
            for place, (name, values) in enumerate(zip(self._names, self._values, strict=True))
        }
        return pd.DataFrame(found)


def _values(
    answer: Any, background: np.ndarray, explained: np.ndarray, *, rounds: int, seed: int
) -> np.ndarray:
    shap = _library()
    masker = shap.maskers.Independent(background, max_samples=len(background))
    if rounds:
        explainer = shap.explainers.Permutation(answer, masker, seed=seed)
        most = rounds * (2 * background.shape[1] + 1)
    else:
        explainer = shap.explainers.Exact(answer, masker)
        most = 2 ** background.shape[1]
    # Nothing moves the prediction of a row that is like every other, and shap has no answer for it.
    varied = (background[None, :, :] != explained[:, None, :]).any(axis=(1, 2))
    if not varied.any():
        return np.zeros(explained.shape)
    found: np.ndarray = explainer(explained[varied], max_evals=most, silent=True).values
    values = np.zeros((len(explained), *found.shape[1:]))
    values[varied] = found
    return values


def _library() -> Any:
    # Loaded only where it is used: it takes seconds. Its compiler would take some more for each
    # process, and writes beside the package, which nobody may here.
    os.environ.setdefault("NUMBA_DISABLE_JIT", "1")
    return import_module("shap")


def _affordable(server: Server, job: Job, deadline: float) -> int:
    """Rows for which there is time, by how fast the model has been."""
    seconds = min(job.seconds * SHARE_OF_TIME, deadline - time.monotonic())
    if not server.rows or server.seconds <= 0:
        return MOST_ASKED
    return int(min(MOST_ASKED, max(0.0, seconds) * (server.rows / server.seconds)))


def _none(why: str) -> dict[str, Any]:
    return {"algorithm": "", "rows": 0, "background": 0, "columns": [], "why_not": why}
