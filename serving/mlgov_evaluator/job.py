"""What is to be measured."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

BINARY, MULTICLASS, REGRESSION = "binary", "multiclass", "regression"


@dataclass(frozen=True)
class Feature:
    """A column that the model takes, as its signature says it."""

    name: str
    type: str = ""
    required: bool = True


@dataclass(frozen=True)
class Job:
    kind: str
    target: str
    format: str
    features: tuple[Feature, ...] = ()
    positive: str = ""
    prediction_column: str = ""
    cohorts: tuple[str, ...] = ()
    sensitive: tuple[str, ...] = ()
    threshold: float = 0.5
    seed: int = 0
    resamples: int = 200
    min_rows: int = 30
    # SHAP values take longer than all the rest.
    explains: bool = False
    max_rows: int = 200_000
    seconds: float = 1_200.0
    start_seconds: float = 120.0
    facts: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> "Job":
        given = json.loads(path.read_text())
        given["features"] = tuple(Feature(**each) for each in given.get("features", ()))
        for name in ("cohorts", "sensitive"):
            given[name] = tuple(given.get(name, ()))
        return cls(**given)
