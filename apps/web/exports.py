"""Tables as files, for spreadsheets."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from django.http import StreamingHttpResponse
from django.utils import timezone

# A spreadsheet takes what begins with one of these for a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv_lines(columns: Sequence[str], rows: Iterable[Iterable[Any]]) -> Iterator[str]:
    writer = csv.writer(_Echo())
    yield writer.writerow(columns)
    for row in rows:
        yield writer.writerow(_harmless(row))


def download(lines: Iterable[str], name: str, *, kind: str = "csv") -> StreamingHttpResponse:
    """A file that carries the time at which it was made in its name."""
    media_type = {"csv": "text/csv; charset=utf-8", "jsonl": "application/x-ndjson"}[kind]
    response = StreamingHttpResponse(lines, content_type=media_type)
    file_name = f"{name}-{timezone.now():%Y%m%d-%H%M}.{kind}"
    response["Content-Disposition"] = f'attachment; filename="{file_name}"'
    return response


def _harmless(values: Iterable[Any]) -> list[Any]:
    return [
        f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value
        for value in values
    ]


class _Echo:
    """A file for the CSV writer that gives back what is written."""

    def write(self, value: str) -> str:
        return value
