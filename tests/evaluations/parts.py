"""A sandbox that measures nothing, installed as a plug-in for the in-memory builder."""

import json
from typing import Any, ClassVar

from apps.builds.builders.base import BuildContext
from apps.evaluations.sandboxes.base import Measuring, Sandbox, Written


class MemorySandbox(Sandbox):
    """Answers what a test put there, and notes what it was asked."""

    answer: ClassVar[Written | Exception | None] = None
    seen: ClassVar[list[tuple[Measuring, dict[str, Any], bytes]]] = []

    def check(self) -> None:
        pass

    def has(self, image: str, registry_auth: tuple[str, str] | None = None) -> bool:
        return True

    def run(self, measuring: Measuring, ctx: BuildContext) -> Written:
        ctx.check()
        job = json.loads(measuring.files["job.json"].read_text())
        self.seen.append((measuring, job, measuring.files["data"].read_bytes()))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer or Written(report=json.dumps(REPORT).encode(), status=0)

    def sweep(self, living: set[str]) -> None:
        pass


# A small report as the evaluator writes them; tests/evaluator holds the real ones to the schema.
REPORT: dict[str, Any] = {
    "format": 1,
    "kind": "binary",
    "target": "label",
    "positive": "1",
    "classes": ["0", "1"],
    "threshold": 0.5,
    "has_scores": True,
    "rows": 200,
    "seed": 0,
    "min_rows": 30,
    "confidence": 0.95,
    "resamples": 200,
    "metrics": [
        {
            "name": "accuracy", "value": 0.8, "ci_low": 0.75, "ci_high": 0.85,
            "higher_is_better": True,
        },
        {
            "name": "log_loss", "value": 0.4, "ci_low": None, "ci_high": None,
            "higher_is_better": False,
        },
    ],
    "pictures": {
        "confusion": {"labels": ["0", "1"], "matrix": [[80, 20], [20, 80]]},
        "roc": {"fpr": [0.0, 0.2, 1.0], "tpr": [0.0, 0.8, 1.0]},
        "precision_recall": {
            "recall": [1.0, 0.8, 0.0], "precision": [0.5, 0.8, 1.0], "prevalence": 0.5,
        },
        "calibration": [{"predicted": 0.2, "observed": 0.25, "rows": 100}],
        "thresholds": [
            {
                "threshold": 0.5, "precision": 0.8, "recall": 0.8, "f1": 0.8, "selected": 0.5,
                "tp": 80, "fp": 20, "fn": 20, "tn": 80,
            }
        ],
    },
    "cohorts": [
        {
            "column": "region",
            "groups": [
                {"name": "north", "rows": 190, "too_small": False, "metrics": {"accuracy": 0.81}},
                {"name": "<b>south</b>", "rows": 10, "too_small": True, "metrics": {}},
            ],
        }
    ],
    "found": [
        {
            "column": "a", "standard_errors": 4.2, "name": "1 to 2", "rows": 40,
            "too_small": False, "metrics": {"accuracy": 0.6},
        }
    ],
    "fairness": [
        {
            "column": "sex",
            "groups": [
                {
                    "name": "f", "rows": 100, "too_small": False,
                    "values": {"selection_rate": 0.4, "true_positive_rate": 0.7},
                },
                {
                    "name": "m", "rows": 100, "too_small": False,
                    "values": {"selection_rate": 0.6, "true_positive_rate": 0.9},
                },
            ],
            "measures": [
                {"name": "selection_rate", "overall": 0.5, "difference": 0.2, "ratio": 0.667},
                {"name": "true_positive_rate", "overall": 0.8, "difference": 0.2, "ratio": 0.778},
            ],
            "summaries": [{"name": "demographic_parity_difference", "value": 0.2}],
        }
    ],
    "importance": {
        "metric": "accuracy", "rows": 200, "repeats": 3, "why_not": "",
        "columns": [{"column": "a", "mean": 0.2, "deviation": 0.01}],
    },
    "latency": {"requests": 20, "p50_ms": 3.0, "p95_ms": 5.0, "rows_per_second": 10_000.0},
    "notes": [],
    "facts": {"model": "credit", "version": 1},
    "libraries": {"scikit-learn": "1.9.1"},
}  # fmt: skip
