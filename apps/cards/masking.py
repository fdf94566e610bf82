"""Input examples are shown without what may be about a person."""

import re
from typing import Any

from django.conf import settings

HIDDEN = "•••"


def masked(example: Any) -> Any:
    """The example with the values of sensitive columns hidden, in each form that MLflow writes.

    Which columns are sensitive: a part of their name is listed in MLGOV_MASKED_COLUMNS.
    """
    if not isinstance(example, dict):
        return example
    split = example.get("dataframe_split")
    if isinstance(split, dict) and isinstance(split.get("columns"), list):
        hidden = [_is_sensitive(name) for name in split["columns"]]
        rows = [
            [HIDDEN if hide else value for value, hide in zip(row, hidden, strict=False)]
            for row in split.get("data") or []
            if isinstance(row, list)
        ]
        return {**example, "dataframe_split": {**split, "data": rows}}
    return {
        key: value if key == "params" else _hidden_below(value) for key, value in example.items()
    }


def _hidden_below(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: HIDDEN if _is_sensitive(key) else _hidden_below(inner)
            for key, inner in value.items()
        }
    if isinstance(value, list):
        return [_hidden_below(inner) for inner in value]
    return value


def _is_sensitive(name: Any) -> bool:
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", str(name)).lower()
    spelled = re.sub(r"[^a-z0-9]+", "_", words).strip("_")
    return any(
        re.search(rf"(^|_){re.escape(part)}($|_)", spelled)
        for part in settings.MLGOV_MASKED_COLUMNS
    )
