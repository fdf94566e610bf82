"""Groups of rows: by columns that were asked for, and where the model is worst."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats
from sklearn.tree import DecisionTreeRegressor

from mlgov_evaluator import metrics
from mlgov_evaluator.job import REGRESSION, Job
from mlgov_evaluator.predictions import Outcome, name_of

MOST_GROUPS, BANDS, MOST_COLUMNS, MOST_FOUND = 12, 4, 60, 5
# How many standard errors worse than the other rows a found slice is at least.
NOTABLE = 3.0
# Two groups that share so much of their rows are one.
ALIKE = 0.8
Z95 = 1.96
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


@dataclass(frozen=True)
class _Group:
    """Rows under a name, and on which of all rows it is compared with the others."""

    column: str
    name: str
    rows: np.ndarray
    judged: np.ndarray


def found(frame: pd.DataFrame, outcome: Outcome, job: Job) -> tuple[list[dict[str, Any]], int]:
    """Where the model errs notably more than elsewhere, worst first, and how many groups were
    looked at: values and bands of columns that were not asked for, and leaves of a small tree that
    splits rows by where the errors are."""
    errors = _errors(outcome)
    asked = {*job.cohorts, job.target}
    columns = [str(name) for name in frame.columns if name not in asked][:MOST_COLUMNS]
    looked_at = 0
    worst: list[tuple[float, _Group]] = []
    for group in [*_of_columns(frame, columns), *_leaves(frame, columns, errors, job)]:
        inside, outside = errors[group.rows & group.judged], errors[~group.rows & group.judged]
        if min(len(inside), len(outside)) < max(job.min_rows, 2) or group.name == OTHERS:
            continue
        looked_at += 1
        spread = np.sqrt(inside.var() / len(inside) + outside.var() / len(outside))
        gap = inside.mean() - outside.mean()
        if spread > 0 and gap / spread >= NOTABLE:
            worst.append((float(gap / spread), group))
    worst.sort(key=lambda each: (-each[0], each[1].column, each[1].name))
    return [
        {
            "column": group.column,
            "standard_errors": round(score, 2),
            "error": _with_bounds(errors[group.rows & group.judged]),
            "error_elsewhere": _with_bounds(errors[~group.rows & group.judged]),
            # Of so many groups, one has such a gap by chance with at most this probability.
            "p_value": float(min(1.0, stats.norm.sf(score) * looked_at)),
            **_measured(group.name, group.rows, outcome, job),
        }
        for score, group in _apart(worst)
    ], looked_at


def _of_columns(frame: pd.DataFrame, columns: list[str]) -> Iterator[_Group]:
    every = np.ones(len(frame), dtype=bool)
    for column in columns:
        for name, rows in _each(frame[column]):
            yield _Group(column, name, rows, every)


def _leaves(
    frame: pd.DataFrame, columns: list[str], errors: np.ndarray, job: Job
) -> Iterator[_Group]:
    """Groups by two columns, as a tree of two levels finds them in one half of the rows. They are
    judged on the other half: in their own they are bad because that is how they were chosen."""
    named = pd.DataFrame({column: groups_of(frame[column]) for column in columns})
    marks = pd.get_dummies(named, prefix_sep="\0", dtype=float)
    if marks.empty or len(errors) < 2 * job.min_rows:
        return
    looked_in = np.random.default_rng(job.seed).permutation(len(errors)) < len(errors) // 2
    tree = DecisionTreeRegressor(
        max_depth=2, min_samples_leaf=job.min_rows, random_state=job.seed
    ).fit(marks[looked_in].to_numpy(), errors[looked_in])
    parts = tree.tree_
    places = tree.apply(marks.to_numpy())
    for leaf in np.flatnonzero(parts.children_left < 0):
        path = _path_to(int(leaf), parts, list(marks.columns))
        if len({column for column, _ in path}) < 2:
            continue  # it is told of one column already
        yield _Group(
            " and ".join(column for column, _ in path),
            " and ".join(name for _, name in path),
            places == leaf,
            ~looked_in,
        )


def _path_to(leaf: int, parts: Any, marks: list[str]) -> list[tuple[str, str]]:
    """The columns and groups on the way to a leaf, from the root on."""
    path: list[tuple[str, str]] = []
    while leaf:
        is_left = leaf in parts.children_left
        children = parts.children_left if is_left else parts.children_right
        parent = int(np.flatnonzero(children == leaf)[0])
        column, _, group = marks[int(parts.feature[parent])].partition("\0")
        path.insert(0, (column, f"not {group}" if is_left else group))
        leaf = parent
    return path


def _apart(worst: list[tuple[float, _Group]]) -> list[tuple[float, _Group]]:
    """The worst ones; of two that hold nearly the same rows, the worse one."""
    kept: list[tuple[float, _Group]] = []
    for score, group in worst:
        rows = group.rows
        others = (other.rows for _, other in kept)
        if all((rows & other).sum() < ALIKE * (rows | other).sum() for other in others):
            kept.append((score, group))
        if len(kept) == MOST_FOUND:
            break
    return kept


def _with_bounds(errors: np.ndarray) -> dict[str, float]:
    mean, half = float(errors.mean()), float(Z95 * errors.std(ddof=1) / np.sqrt(len(errors)))
    return {"mean": mean, "ci_low": mean - half, "ci_high": mean + half}


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
