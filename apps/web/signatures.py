"""The input example of a model as a request."""

import json
from typing import Any

LONGEST_EXAMPLE = 200_000


def example_text(example: Any) -> str:
    """The input example as a request that a person can read and change."""
    if example is None:
        return '{"dataframe_records": [{}]}'
    if isinstance(example, dict) and isinstance(example.get("dataframe_split"), dict):
        split = example["dataframe_split"]
        columns, rows = split.get("columns"), split.get("data")
        if isinstance(columns, list) and isinstance(rows, list) and rows:
            record = [dict(zip(map(str, columns), row, strict=False)) for row in rows[:1]]
            example = {"dataframe_records": record}
    text = json.dumps(example, indent=2, ensure_ascii=False)
    return text if len(text) <= LONGEST_EXAMPLE else '{"dataframe_records": [{}]}'


def compact(text: str) -> str:
    """JSON on one line, for a command line; other text as it is."""
    try:
        return json.dumps(json.loads(text), ensure_ascii=False)
    except ValueError:
        return text
