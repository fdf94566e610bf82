"""A data set as it comes in: looked at before it is stored."""

import codecs
import csv
import io
import json
from collections.abc import Iterator
from typing import BinaryIO

from apps.core.digests import CHUNK
from apps.core.doors import MB
from apps.core.errors import Invalid, TooLarge
from apps.evaluations import parquet
from apps.evaluations.models import Format

MOST_BYTES = 50 * MB
MOST_COLUMNS = 500
MOST_ROWS = 200_000
LONGEST_NAME = 200
# The header of a CSV file, or the first record of a list, lies within.
HEAD = 1 * MB


def require_size(size: int) -> None:
    if size > MOST_BYTES:
        raise TooLarge(
            f"The data set has {size // MB:,} MB, and an evaluation takes {MOST_BYTES // MB}. "
            "Upload a sample of it.",
            details={"file": f"The file may have {MOST_BYTES // MB} MB."},
        )
    if not size:
        raise _invalid(
            "The file is empty. Upload CSV with a header line, JSON records, or Parquet."
        )


def format_of(filename: str) -> Format:
    name = filename.lower()
    if name.endswith((".csv", ".csv.txt")):
        return Format.CSV
    if name.endswith(".json"):
        return Format.JSON
    if name.endswith((".parquet", ".pq")):
        return Format.PARQUET
    raise _invalid(
        "The name of the file ends in neither .csv nor .json nor .parquet, which is what is read."
    )


def columns_of(file: BinaryIO, kind: str) -> list[str]:
    """The names of the columns, and the file at its beginning again."""
    if kind == Format.PARQUET:
        return _checked(_parquet(file))
    file.seek(0)
    head = file.read(HEAD)
    file.seek(0)
    try:
        # A character may be cut in two at the end of what was read.
        text = codecs.getincrementaldecoder("utf-8-sig")().decode(head)
    except UnicodeDecodeError as error:
        raise _invalid("The file is no UTF-8 text. Save it as UTF-8 and upload it again.") from (
            error
        )
    columns = _csv(text) if kind == Format.CSV else _json(text, is_whole=len(head) < HEAD)
    return _checked(columns)


def chunks(file: BinaryIO) -> Iterator[bytes]:
    while chunk := file.read(CHUNK):
        yield chunk


def _csv(text: str) -> list[str]:
    try:
        rows = csv.reader(io.StringIO(text), strict=True)
        columns = next(rows, [])
        second = next(rows, None)
    except csv.Error as error:
        raise _invalid(f"The file cannot be read as CSV: {error}.") from error
    if second is None:
        raise _invalid("The file has a header line and no rows below it.")
    return columns


def _json(text: str, *, is_whole: bool) -> list[str]:
    start = text.lstrip()
    if not start.startswith("["):
        raise _invalid("The file is no list: upload JSON like [{“age”: 41, “label”: 1}, …].")
    try:
        first, _ = json.JSONDecoder().raw_decode(start[1:].lstrip())
    except (ValueError, RecursionError) as error:
        said = "its first record is no JSON" if is_whole else "its first record is too long"
        raise _invalid(f"The file cannot be read as a list of records: {said}.") from error
    if not isinstance(first, dict):
        raise _invalid("The records of the file are no objects, which would name their columns.")
    return list(first)


def _parquet(file: BinaryIO) -> list[str]:
    try:
        columns, rows = parquet.columns_and_rows(file)
    except Invalid as refusal:
        raise _invalid(refusal.message) from refusal
    file.seek(0)
    if not rows:
        raise _invalid("The file has no rows.")
    if rows > MOST_ROWS:
        raise _invalid(f"The file has {rows:,} rows, and may have {MOST_ROWS:,}.")
    return columns


def _checked(columns: list[str]) -> list[str]:
    names = [name.strip() for name in columns]
    if len(names) < 2:
        raise _invalid(
            "The file has fewer than two columns, and an evaluation needs inputs and true values. "
            "Columns of CSV are separated by commas."
        )
    if len(names) > MOST_COLUMNS:
        raise _invalid(f"The file has {len(names)} columns, and may have {MOST_COLUMNS}.")
    for place, name in enumerate(names, start=1):
        if not name:
            raise _invalid(f"Column {place} of the file has no name.")
        if len(name) > LONGEST_NAME or not name.isprintable():
            raise _invalid(
                f"The name of column {place} is too long or not printable. Is the first line the "
                "header?"
            )
    # Inputs are found by name, with all the spaces that the model knows them by.
    if len(set(columns)) < len(columns) or len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise _invalid(f"The file has two columns of the name “{twice}”.")
    return columns


def _invalid(sentence: str) -> Invalid:
    return Invalid(sentence, details={"file": sentence})
