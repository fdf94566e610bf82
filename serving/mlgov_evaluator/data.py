"""The data set as a table. CSV, JSON and Parquet: nothing that runs code when it is read."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from mlgov_evaluator.failures import Failure, listed
from mlgov_evaluator.job import REGRESSION, Feature, Job

TEXT = ("string", "datetime")
WHOLE = ("integer", "long")


def read(path: Path, job: Job) -> pd.DataFrame:
    """The rows that have a value of the target, with every column that was asked for."""
    # A post code is text although it looks like a number: the signature knows.
    as_text = {each.name: str for each in job.features if each.type in TEXT}
    try:
        frame = _table(path, job, as_text)
    except (ValueError, RecursionError, OverflowError, OSError, pa.ArrowException) as error:
        raise Failure(
            "project.data-unreadable",
            f"The data set cannot be read as {job.format.upper()}: {str(error)[:200]}",
            "Upload it again: CSV with a header line, a JSON list of objects, or Parquet.",
        ) from error
    if len(frame) > job.max_rows:
        raise Failure(
            "project.too-many-rows",
            f"The data set has {len(frame):,} rows, and an evaluation takes {job.max_rows:,}.",
            "Upload a sample of it.",
        )
    _require_columns(frame, job)
    frame = frame[frame[job.target].notna()].reset_index(drop=True)
    if frame.empty:
        raise Failure(
            "project.no-labels",
            f"No row of the data set has a value in “{job.target}”.",
            "Upload a data set with the true values, or choose another column as target.",
        )
    if job.kind == REGRESSION and not _is_number(frame[job.target]):
        raise Failure(
            "project.target-not-numeric",
            f"“{job.target}” has values that are no numbers, and a regression predicts numbers.",
            "Choose another target, or evaluate it as a classification.",
        )
    return frame


def features_of(frame: pd.DataFrame, job: Job) -> pd.DataFrame:
    """What is sent to the model: the columns of its signature, or all but the target."""
    if not job.features:
        return frame.drop(columns=[job.target])
    there = [each for each in job.features if each.name in frame.columns]
    made = frame[[each.name for each in there]].copy()
    for each in there:
        made[each.name] = _of_type(made[each.name], each)
    return made


def records(frame: pd.DataFrame) -> dict[str, Any]:
    """Rows as the model server takes them. What is missing is null."""
    plain = frame.astype(object).where(frame.notna(), None)
    rows = [[_plain(value) for value in row] for row in plain.itertuples(index=False, name=None)]
    return {"dataframe_split": {"columns": [str(name) for name in frame.columns], "data": rows}}


def _table(path: Path, job: Job, as_text: dict[str, type]) -> pd.DataFrame:
    if job.format == "csv":
        return _csv(path, as_text)
    return _parquet(path, job) if job.format == "parquet" else _records(path)


def _parquet(path: Path, job: Job) -> pd.DataFrame:
    with pq.ParquetFile(path) as file:
        if file.metadata.num_rows > job.max_rows:
            raise ValueError(f"it has {file.metadata.num_rows:,} rows")
        table = file.read(use_threads=False)
    # What pandas wrote beside the columns says how to make objects again: only values are wanted.
    frame: pd.DataFrame = table.replace_schema_metadata(None).to_pandas(
        strings_to_categorical=False, date_as_object=False
    )
    for name in frame.columns:
        if isinstance(frame[name].dtype, pd.CategoricalDtype):
            frame[name] = frame[name].astype(object)
    return frame


def _csv(path: Path, as_text: dict[str, type]) -> pd.DataFrame:
    # The C parser: the other one may take minutes for a line with a million quotes.
    frame: pd.DataFrame = pd.read_csv(
        path, dtype=as_text, encoding="utf-8-sig", low_memory=False, engine="c"
    )
    return frame


def _records(path: Path) -> pd.DataFrame:
    rows = json.loads(path.read_text(encoding="utf-8-sig"))
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ValueError("it is not a list of objects")
    if not rows:
        raise ValueError("it has no records")
    # The first record names the columns: those were looked at when the file was uploaded.
    return pd.DataFrame.from_records(rows, columns=list(rows[0]))


def _require_columns(frame: pd.DataFrame, job: Job) -> None:
    columns = [str(name) for name in frame.columns]
    if job.target not in columns:
        raise Failure(
            "project.no-target",
            f"The data set has no column “{job.target}”, which holds the true values. "
            f"Its columns are {listed(columns)}.",
            "Choose one of them as target.",
        )
    asked = [*job.cohorts, *job.sensitive]
    if absent := [name for name in dict.fromkeys(asked) if name not in columns]:
        raise Failure(
            "project.column-missing",
            f"The data set has no column {listed(absent)}. Its columns are {listed(columns)}.",
            "Choose groups among them.",
        )
    needed = [each.name for each in job.features if each.required]
    if absent := [name for name in needed if name not in columns]:
        raise Failure(
            "project.column-missing",
            f"The model takes {listed(absent)}, which the data set does not have.",
            "Upload a data set with every column of the model's signature, and the target.",
        )


def _is_number(column: pd.Series) -> bool:
    return bool(pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column))


def _of_type(column: pd.Series, feature: Feature) -> pd.Series:
    if feature.type in WHOLE and pd.api.types.is_float_dtype(column):
        values = column.dropna()
        if len(values) == len(column) and bool((values == np.floor(values)).all()):
            return column.astype("int64")
    if feature.type in ("double", "float") and pd.api.types.is_integer_dtype(column):
        return column.astype("float64")
    return column


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not np.isfinite(value):
        return None
    if value is None or isinstance(value, bool | int | float | str | list | dict):
        return value
    return str(value)
