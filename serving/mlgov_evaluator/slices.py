"""Groups of rows: by columns that were asked for, and where the model is worst."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from mlgov_evaluator import metrics
from mlgov_evaluator.job import REGRESSION, Job
from mlgov_evaluator.predictions import Outcome, name_of

MOST_GROUPS, BANDS, MOST_COLUMNS, MOST_FOUND = 12, 4, 60, 5
# How many standard errors worse than the other rows a found slice is at least.
NOTABLE = 3.0
MISSING, OTHERS = "(missing)", "(others)"


def groups_of(column: pd.Series) -> pd.Series:
    """A name for each row: its value, a band of numbers, or “(others)” for what is rare."""
    is_number = pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)
    if is_number and column.nunique() > MOST_GROUPS:
        bands = pd.qcut(column, BANDS, duplicates="drop")
        return bands.astype(object).map(_band, na_action="ignore").fillna(MISSING)
    names = pd.Series(
        [MISSING if missing else name_of(value)[:80] for value, missing in
         zip(column.tolist(), column.isna().tolist(), strict=True)],
        index=column.index, dtype=object,
    )  # fmt: skip
    common = names.value_counts()
    if len(common) > MOST_GROUPS:
        kept = set(common.index[: MOST_GROUPS - 1])
        names = names.where(names.isin(kept), OTHERS)
    return names


def of(frame: pd.DataFrame, outcome: Outcome, job: Job) -> list[dict[str, Any]]:
    """One entry for each column that was asked for."""
    return [
        {
            "column": column,
            "groups": [_measured(name, rows, outcome, job) for name, rows in _each(frame[column])],
        }
        for column in job.cohorts
    ]


def found(frame: pd.DataFrame, outcome: Outcome, job: Job) -> list[dict[str, Any]]:
    """Where the model errs notably more than elsewhere, worst first; columns asked for left out."""
    errors = _errors(outcome)
    asked = {*job.cohorts, job.target}
    worst: list[tuple[float, str, str, np.ndarray]] = []
    for column in [name for name in frame.columns if name not in asked][:MOST_COLUMNS]:
        for name, rows in _each(frame[column]):
            inside, outside = errors[rows], errors[~rows]
            if len(inside) < job.min_rows or len(outside) < job.min_rows or name == OTHERS:
                continue
            spread = np.sqrt(inside.var() / len(inside) + outside.var() / len(outside))
            gap = inside.mean() - outside.mean()
            if spread > 0 and gap / spread >= NOTABLE:
                worst.append((float(gap / spread), str(column), name, rows))
    worst.sort(key=lambda each: (-each[0], each[1], each[2]))
    return [
        {"column": column, "standard_errors": round(score, 2),
         **_measured(name, rows, outcome, job)}
        for score, column, name, rows in worst[:MOST_FOUND]
    ]  # fmt: skip


def _each(column: pd.Series) -> Iterator[tuple[str, np.ndarray]]:
    names = groups_of(column)
    for name in sorted(names.unique(), key=lambda each: (each in (OTHERS, MISSING), _key(each))):
        yield str(name), (names == name).to_numpy()


def _key(name: str) -> tuple[int, float, str]:
    try:
        return (0, float(name.split(" to ")[0]), name)
    except ValueError:
        return (1, 0.0, name)


def _measured(name: str, rows: np.ndarray, outcome: Outcome, job: Job) -> dict[str, Any]:
    count = int(rows.sum())
    is_small = count < job.min_rows
    return {
        "name": name,
        "rows": count,
        "too_small": is_small,
        "metrics": {} if is_small else metrics.of_slice(outcome.take(np.flatnonzero(rows))),
    }


def _errors(outcome: Outcome) -> np.ndarray:
    if outcome.kind == REGRESSION:
        return np.abs(outcome.truth - outcome.predicted)
    wrong: np.ndarray = (outcome.truth != outcome.predicted).astype(float)
    return wrong


def _band(interval: Any) -> str:
    return f"{interval.left:g} to {interval.right:g}"
