"""Rows out of the text of a report, as many as a page bears."""

import csv
import io
import json
from dataclasses import dataclass, field
from typing import Any

from apps.cards.reports.kinds import ReportKind

# What is longer is shown as its beginning. As values, JSON takes many times its text in memory.
LONGEST = 512 * 1024
LONGEST_TEXT = 64 * 1024
MOST_ROWS = 200
MOST_COLUMNS = 30
LONGEST_CELL = 300


@dataclass(frozen=True)
class Content:
    """A table, or else text; `is_whole` says whether it is all of the file."""

    heads: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    text: str = ""
    is_whole: bool = True


def read(kind: ReportKind, text: str, *, is_whole: bool) -> Content:
    found = None
    if kind == ReportKind.CSV:
        found = _of_lines(text)
    elif kind == ReportKind.JSON and is_whole:
        found = _of_value(text)
    if found is None:
        return Content(text=text[:LONGEST_TEXT], is_whole=is_whole and len(text) <= LONGEST_TEXT)
    heads, rows = found
    return Content(
        heads=[_cell(head) for head in heads[:MOST_COLUMNS]],
        rows=[[_cell(value) for value in row[:MOST_COLUMNS]] for row in rows[:MOST_ROWS]],
        is_whole=is_whole and len(rows) <= MOST_ROWS and len(heads) <= MOST_COLUMNS,
    )


Rows = tuple[list[Any], list[list[Any]]]


def _of_lines(text: str) -> Rows | None:
    first = text.partition("\n")[0]
    separator = max(",;\t", key=first.count)
    rows: list[list[Any]] = []
    try:
        for row in csv.reader(io.StringIO(text), delimiter=separator):
            rows.append(row)
            # One more than is shown, and the heads: so much tells that there is more.
            if len(rows) > MOST_ROWS + 1:
                break
    except csv.Error:
        return None
    return (rows[0], rows[1:]) if rows else None


def _of_value(text: str) -> Rows | None:
    """What frames, lists of records and reports by class look like as JSON."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if isinstance(value, dict) and set(value) >= {"columns", "data"}:
        heads, rows = value["columns"], value["data"]
        if isinstance(heads, list) and _are(rows, list):
            return heads, rows
    if _are(value, dict):
        return _of_records(value)
    if isinstance(value, dict) and value:
        records = list(value.values())
        if all(not isinstance(inner, dict | list) for inner in records):
            return ["Name", "Value"], [[name, inner] for name, inner in value.items()]
        if _are(records, dict) and not any(
            isinstance(inner, dict | list) for record in records for inner in record.values()
        ):
            heads, rows = _of_records(records)
            named = [[name, *row] for name, row in zip(value, rows, strict=False)]
            return ["", *heads], named
    return None


def _are(values: Any, kind: type) -> bool:
    return isinstance(values, list) and bool(values) and all(isinstance(v, kind) for v in values)


def _of_records(records: list[dict[str, Any]]) -> Rows:
    shown = records[: MOST_ROWS + 1]
    heads = list(dict.fromkeys(key for record in shown for key in record))
    return list(heads), [[record.get(head, "") for head in heads] for record in shown]


def _cell(value: Any) -> str:
    if value is None:
        return ""
    # NaN and half a surrogate pair are usual in what people dump, and no JSON or UTF-8.
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = text.encode(errors="replace").decode()
    return text if len(text) <= LONGEST_CELL else f"{text[:LONGEST_CELL]}…"
