"""What is likely, and stands on a card only when a person says so."""

import re
from collections.abc import Mapping
from typing import Any

from apps.registry.models import ModelVersion

SPLITS = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
    "eval": "evaluation",
}
# Words in the names of estimators, flavours and parameters; the first that fits decides.
TASKS = (
    ("text-generation", ("llm", "causallm", "openai", "langchain", "chat")),
    ("clustering", ("kmeans", "dbscan", "cluster", "mixture")),
    ("anomaly-detection", ("isolationforest", "oneclass", "outlier", "anomaly")),
    ("forecasting", ("prophet", "arima", "forecast", "pmdarima")),
    ("ranking", ("ranker", "lambdarank")),
    (
        "classification",
        (
            "classifier",
            "classification",
            "logisticregression",
            "svc",
            "gaussiannb",
            "multinomialnb",
        ),
    ),
    ("regression", ("regressor", "regression", "ridge", "lasso", "svr", "elasticnet")),
)
OF_CLASSIFICATION = ("roc_auc", "accuracy", "f1", "precision", "recall", "log_loss")
OF_REGRESSION = ("rmse", "mse", "mae", "r2", "mean_squared_error", "mean_absolute_error")


def of(version: ModelVersion, lineage: Mapping[str, Any]) -> dict[str, Any]:
    """Values by pointer that a person may take over with one click."""
    found: dict[str, Any] = {}
    estimator = _estimator(version, lineage)
    if estimator:
        found["/overview/model_type"] = _spoken(estimator)
    task = _task(version, lineage, estimator)
    if task:
        found["/overview/task"] = task
    return found


def split_of(metric: str) -> str:
    """The part of the data that the name of a metric tells, such as `val_loss`."""
    words = re.split(r"[^a-z]+", metric.lower())
    return next((SPLITS[word] for word in (*words[:1], *words[-1:]) if word in SPLITS), "")


def _estimator(version: ModelVersion, lineage: Mapping[str, Any]) -> str:
    tags = lineage.get("tags") or {}
    parameters = lineage.get("parameters") or {}
    named = tags.get("estimator_name") or parameters.get("estimator_name")
    if named:
        return str(named)[:200]
    for _, details in sorted(version.flavors.items()):
        if isinstance(details, dict):
            for key in ("model_class", "model_type", "pipeline_type"):
                if details.get(key):
                    return str(details[key]).rpartition(".")[2][:200]
    return ""


def _spoken(estimator: str) -> str:
    """`GradientBoostingClassifier` as `gradient boosting classifier`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|_", " ", estimator).lower()


def _task(version: ModelVersion, lineage: Mapping[str, Any], estimator: str) -> str:
    names = " ".join([estimator, *version.flavors]).lower().replace("_", "")
    for task, words in TASKS:
        if any(word in names for word in words):
            return _two_or_more(task, lineage)
    metrics = " ".join(str(row.get("name")) for row in lineage.get("metrics") or []).lower()
    if any(word in metrics for word in OF_CLASSIFICATION):
        return _two_or_more("classification", lineage)
    if any(word in metrics for word in OF_REGRESSION):
        return "regression"
    return ""


def _two_or_more(task: str, lineage: Mapping[str, Any]) -> str:
    metrics = " ".join(str(row.get("name")) for row in lineage.get("metrics") or []).lower()
    if task == "classification" and "roc_auc" in metrics and "macro" not in metrics:
        return "binary-classification"
    return task
