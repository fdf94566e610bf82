"""From a job, a table and a model that answers to one report."""

import time
import warnings
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import fairlearn
import numpy as np
import pandas as pd
import sklearn

from mlgov_evaluator import data, fairness, importance, metrics, pictures, shapley, slices
from mlgov_evaluator.failures import Failure
from mlgov_evaluator.job import REGRESSION, Job
from mlgov_evaluator.predictions import Outcome, outcome
from mlgov_evaluator.server import Server

FORMAT = 1
SINGLE_ROWS = 20
Say = Callable[[str], None]


def make(job: Job, path: Path, server: Server, say: Say) -> dict[str, Any]:
    with warnings.catch_warnings():
        # Of metrics that are not defined for a slice: the report says so where it is.
        warnings.simplefilter("ignore")
        return _made(job, path, server, say)


def _made(job: Job, path: Path, server: Server, say: Say) -> dict[str, Any]:
    started = time.monotonic()
    frame = data.read(path, job)
    features = data.features_of(frame, job)
    say(f"The data set has {len(frame):,} rows with a label and {frame.shape[1]} columns.")
    server.wait(job.start_seconds)
    say("The model answers. Predicting.")
    answers = server.predict(features)
    made = outcome(frame[job.target], answers, job)
    notes = _notes(made)
    throughput = server.rows / server.seconds if server.seconds else None
    say("Computing metrics.")
    resamples = metrics.resamples_for(len(frame), job.resamples)
    found, looked_at = slices.found(frame, made, job)
    report: dict[str, Any] = {
        "format": FORMAT,
        "kind": job.kind,
        "target": job.target,
        "positive": made.classes[1] if job.kind == "binary" else "",
        "classes": list(made.classes),
        "threshold": job.threshold if made.scores is not None and job.kind == "binary" else None,
        "has_scores": made.scores is not None,
        "rows": len(frame),
        "seed": job.seed,
        "min_rows": job.min_rows,
        "confidence": metrics.CONFIDENCE,
        "resamples": resamples,
        "metrics": metrics.measured(made, job.seed, resamples),
        "pictures": pictures.of(made, job.seed),
        "cohorts": slices.of(frame, made, job),
        "found": found,
        "looked_at": looked_at,
        "fairness": fairness.of(frame, made, job),
        "notes": notes,
        "facts": job.facts,
        "libraries": {
            "numpy": np.__version__,
            "pandas": pd.__version__,
            "scikit-learn": sklearn.__version__,
            "fairlearn": fairlearn.__version__,
        },
    }
    report["latency"] = {"rows_per_second": throughput, **_latency(server, features)}
    say("Shuffling one column after the other.")
    report["importance"] = importance.of(
        server, features, frame[job.target], made, job, started + job.seconds
    )
    if job.explains:
        say("Mixing rows for SHAP values.")
        report["shap"] = shapley.of(
            server, features, frame[job.target], made, job, started + job.seconds
        )
        report["libraries"]["shap"] = version("shap")
    return report


def _notes(made: Outcome) -> list[str]:
    if made.kind == REGRESSION:
        return []
    predicted = set(made.predicted.tolist())
    names = dict(enumerate(made.classes)) if made.kind == "binary" else {}
    never = [
        names.get(label, label)
        for label in (range(2) if made.kind == "binary" else made.classes)
        if label not in predicted
    ]
    return [f"The model never predicts “{name}” on this data set." for name in never[:20]]


def _latency(server: Server, features: pd.DataFrame) -> dict[str, float | int]:
    """How long single rows take, from the request to the answer on the same machine."""
    seconds = []
    for row in range(min(SINGLE_ROWS, len(features))):
        started = time.perf_counter()
        server.predict(features.iloc[row : row + 1])
        seconds.append(time.perf_counter() - started)
    if not seconds:
        raise Failure("project.no-rows", "The data set has no rows.", "Upload one with rows.")
    return {
        "requests": len(seconds),
        "p50_ms": float(np.quantile(seconds, 0.5) * 1000),
        "p95_ms": float(np.quantile(seconds, 0.95) * 1000),
    }
