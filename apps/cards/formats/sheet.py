"""The metrics of a card as CSV, for spreadsheets."""

import csv
import io
from collections.abc import Iterator
from typing import Any

from apps.cards.formats.base import Context, Document, Exported
from apps.cards.formats.fields import SCHEMA, filled, get

KEY = "csv"
MEDIA_TYPE = "text/csv; charset=utf-8"
SUFFIX = ".metrics.csv"
COLUMNS = list(SCHEMA["$defs"]["metric"]["properties"])
HELD = ("evaluation.metrics", "interface.decision_thresholds")
# What a spreadsheet takes for the beginning of a formula, also in its wide forms.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def export(document: Document, context: Context) -> Exported:
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\r\n")
    writer.writerow(["field", "group", *COLUMNS])
    for field, group, metric in _metrics(document):
        writer.writerow([field, cell(group), *(cell(metric.get(name)) for name in COLUMNS)])
    lost = tuple(f for f, _ in filled(document) if f not in (*HELD, "fairness.assessments"))
    partly = ("fairness.assessments",) if get(document, "fairness.assessments") else ()
    return Exported(file.getvalue().encode(), MEDIA_TYPE, SUFFIX, lost=lost, altered=partly)


def cell(value: Any) -> Any:
    """The value as a cell that no spreadsheet computes. Numbers stay numbers."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str) and value.lstrip(" \u00a0\ufeff").startswith(FORMULA):
        return f"'{value}"
    return value


def _metrics(document: Document) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for field in HELD:
        for metric in get(document, field) or []:
            yield field, "", metric
    for assessment in get(document, "fairness.assessments") or []:
        for metric in assessment.get("metrics") or []:
            yield "fairness.assessments", assessment["group_at_risk"], metric
