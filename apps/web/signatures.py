"""The signature of a model as rows of a table, whatever kind of specification it has."""

import json
from dataclasses import dataclass
from typing import Any

LONGEST_EXAMPLE = 200_000


@dataclass(frozen=True)
class Column:
    name: str
    type: str
    required: bool
    default: str = ""


@dataclass(frozen=True)
class Part:
    """Inputs, outputs or parameters."""

    title: str
    columns: list[Column]

    @property
    def has_defaults(self) -> bool:
        return any(column.default for column in self.columns)


def parts_of(signature: dict[str, Any] | None) -> list[Part]:
    titles = {"inputs": "Inputs", "outputs": "Outputs", "params": "Parameters"}
    parts = []
    for key, title in titles.items():
        columns = (signature or {}).get(key)
        if isinstance(columns, list) and columns:
            parts.append(Part(title, [_column(entry, key) for entry in columns]))
    return parts


def _column(entry: Any, part: str) -> Column:
    if not isinstance(entry, dict):
        return Column("", str(entry), True)
    has_default = part == "params" and "default" in entry
    return Column(
        name=str(entry.get("name") or ""),
        type=_type(entry),
        required=bool(entry.get("required", not has_default)),
        default=json.dumps(entry["default"]) if has_default else "",
    )


def _type(entry: dict[str, Any]) -> str:
    tensor = entry.get("tensor-spec")
    if isinstance(tensor, dict):
        shape = " × ".join("any" if size == -1 else str(size) for size in tensor.get("shape") or [])
        return f"{tensor.get('dtype', 'tensor')} [{shape}]"
    kind = str(entry.get("type") or entry.get("dtype") or "any")
    if kind == "array" and isinstance(entry.get("items"), dict):
        return f"list of {_type(entry['items'])}"
    if kind == "object" and isinstance(entry.get("properties"), dict):
        return f"object with {', '.join(sorted(entry['properties'])[:8])}"
    if entry.get("shape"):
        return f"{kind} {entry['shape']}"
    return kind


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
