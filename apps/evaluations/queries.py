"""Reads about evaluations that need a name."""

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from django.db.models import Q, QuerySet

from apps.audit.models import AuditEvent
from apps.audit.queries import activity_of
from apps.evaluations import logged, policies
from apps.evaluations.logged import Logged
from apps.evaluations.models import Evaluation, EvaluationDataSet, EvaluationRule, Intake, Kind
from apps.evaluations.sandboxes import registry as sandboxes
from apps.projects.models import Project
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


@dataclass(frozen=True)
class LoggedDataSet:
    """One that the run of a version logged, and the last attempt to take it in."""

    logged: Logged
    intake: Intake | None

    @property
    def data_set(self) -> EvaluationDataSet | None:
        """What came of it, unless that was withdrawn."""
        found = self.intake.data_set if self.intake is not None else None
        return found if found is not None and found.withdrawn_at is None else None

    @property
    def is_waiting(self) -> bool:
        return self.intake is not None and not self.intake.run.is_finished


def logged_with(version: ModelVersion) -> list[LoggedDataSet]:
    intakes = Intake.objects.filter(version=version).select_related("run", "data_set")
    newest = {each.key: each for each in intakes.order_by("pk")}
    return [LoggedDataSet(each, newest.get(each.key)) for each in logged.data_sets_of(version)]


def newest_report(version: ModelVersion, data_set: EvaluationDataSet) -> Evaluation | None:
    """The last evaluation of the version on these very rows that came to a report.

    It is bound to three digests: of the version, of the data set, and of the report itself.
    """
    return (
        Evaluation.objects.filter(
            version=version,
            artifact_digest=version.artifact_digest,
            data_set__sha256=data_set.sha256,
            run__state=RunState.SUCCEEDED,
            report__isnull=False,
        )
        .select_related("data_set", "run")
        .order_by("-pk")
        .first()
    )


def newest_data_set(project: Project, name: str) -> EvaluationDataSet | None:
    """What there is under a name by now: it may have been withdrawn and uploaded anew."""
    return EvaluationDataSet.objects.filter(
        project=project, name__iexact=name, withdrawn_at=None
    ).first()


def rules_of(project: Project) -> QuerySet[EvaluationRule]:
    """What holds in a project: the rules of all projects, and its own."""
    found = EvaluationRule.objects.filter(Q(project=None) | Q(project=project))
    return found.select_related("project", "stage", "acts_for")


def rules_for(version: ModelVersion) -> list[EvaluationRule]:
    """Those that may ask for evaluations of the version, whatever the occasion."""
    return [rule for rule in rules_of(version.model.project) if _names(rule, version.model.name)]


def _names(rule: EvaluationRule, model: str) -> bool:
    # In any case of letters, as the patterns of labels are.
    patterns = [str(pattern).casefold() for pattern in rule.model_patterns]
    return not patterns or any(fnmatchcase(model.casefold(), each) for each in patterns)


def has_rules(payload: dict[str, Any]) -> bool:
    return EvaluationRule.objects.exists()


def refusals_of(version: ModelVersion) -> QuerySet[AuditEvent]:
    """What rules asked for and could not have, newest first."""
    return activity_of(version).filter(action="evaluation_rule.refuse")


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
