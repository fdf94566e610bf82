"""Reads about evaluations that need a name."""

from typing import Any

from django.db.models import QuerySet

from apps.evaluations import policies
from apps.evaluations.models import Evaluation, EvaluationDataSet, Kind
from apps.evaluations.sandboxes import registry as sandboxes
from apps.registry.models import ModelVersion
from apps.runs.states import RunState
from apps.stages.models import Environment


def evaluations_of(version: ModelVersion, user: Any) -> QuerySet[Evaluation]:
    """What the person may see of them, newest first."""
    return (
        policies.evaluations.visible_to(user)
        .filter(version=version)
        .select_related("data_set", "run__requested_by")
    )


def reports_of(version: ModelVersion, user: Any) -> QuerySet[Evaluation]:
    """Those that came to a report."""
    return evaluations_of(version, user).filter(run__state=RunState.SUCCEEDED, report__isnull=False)


def data_sets_for(version: ModelVersion, user: Any) -> QuerySet[EvaluationDataSet]:
    """On which the person may evaluate the version."""
    return (
        policies.data_sets.visible_to(user, "evaluate")
        .filter(project=version.model.project_id)
        .select_related("uploaded_by")
    )


def environment_for_evaluations() -> Environment | None:
    """The first environment whose images can be started apart from all others."""
    known = sandboxes.names()
    found = Environment.objects.filter(builder__in=known).order_by("order", "pk")
    return found.filter(stages__isnull=False).first() or found.first()


def inputs_of(version: ModelVersion) -> list[dict[str, Any]]:
    """The named inputs of the signature, as the evaluator is told of them."""
    listed = (version.signature or {}).get("inputs")
    return [
        {
            "name": str(entry["name"]),
            "type": str(entry.get("type") or ""),
            "required": bool(entry.get("required", True)),
        }
        for entry in (listed if isinstance(listed, list) else [])
        if isinstance(entry, dict) and entry.get("name")
    ]


def likely_kind(version: ModelVersion) -> str:
    """What the version seems to predict, to be offered first."""
    outputs = (version.signature or {}).get("outputs")
    first = outputs[0] if isinstance(outputs, list) and outputs else {}
    kind = str(first.get("type") or (first.get("tensor-spec") or {}).get("dtype") or "")
    if kind in ("double", "float", "float32", "float64"):
        return Kind.REGRESSION
    return Kind.BINARY


def likely_target(data_set: EvaluationDataSet, version: ModelVersion) -> str:
    """The column that the model does not take, where there is one such."""
    taken = {entry["name"] for entry in inputs_of(version)}
    left = [name for name in data_set.columns if name not in taken]
    return left[-1] if left else str(data_set.columns[-1])
