"""Data sets taken in, evaluations started, kept and ended."""

import hashlib
from typing import Any, BinaryIO

from django.db import IntegrityError, transaction
from django.utils import timezone

from apps.accounts.models import User
from apps.audit.queries import activity_of
from apps.audit.services import record
from apps.builds.builders.base import BuildContext
from apps.core.digests import canonical_json
from apps.core.errors import AlreadyExists, Conflict, Invalid
from apps.evaluations import intake, policies, queries
from apps.evaluations.events import EvaluationFailed, EvaluationFinished
from apps.evaluations.models import Evaluation, EvaluationDataSet, Kind
from apps.outbox.services import publish
from apps.projects import policies as project_policies
from apps.projects.models import Project
from apps.registry import policies as registry_policies
from apps.registry import storage
from apps.registry.models import ModelVersion
from apps.registry.services.locks import living_version
from apps.runs import services as runs
from apps.runs.models import Run
from apps.runs.states import UNFINISHED, RunState

EVALUATE = "evaluations.evaluate"
WORKER_LOST = "runs.platform.worker-lost"
ATTEMPTS = 3
# Waiting or running for one version: each takes minutes of a worker.
MOST_AT_ONCE = 5
MOST_GROUPINGS = 10


def upload_data_set(
    project: Project,
    *,
    name: str,
    file: BinaryIO,
    filename: str,
    size: int,
    by: User,
    description: str = "",
) -> EvaluationDataSet:
    """Take a file in, after it was looked at. The same name twice is refused."""
    project_policies.projects.require(by, "evaluate", project)
    intake.require_size(size)
    kind = intake.format_of(filename)
    columns = intake.columns_of(file, kind)
    name = name.strip()
    if not name or not name.isprintable():
        raise Invalid("Give the data set a name.", details={"name": "Give the data set a name."})
    if _has(project, name):
        raise _taken(name)
    # Outside the transaction: what is stored under its digest may stay without a row.
    blob = storage.save(intake.chunks(file), limit=intake.MOST_BYTES)
    try:
        return _note_upload(
            project,
            by=by,
            name=name,
            format=kind,
            sha256=blob.sha256,
            size=blob.size,
            columns=columns,
            description=description,
        )
    except IntegrityError:
        raise _taken(name) from None


@transaction.atomic
def _note_upload(project: Project, *, by: User, **facts: Any) -> EvaluationDataSet:
    made = EvaluationDataSet.objects.create(project=project, uploaded_by=by, **facts)
    record(
        actor=by,
        action="data_set.upload",
        obj=made,
        project=project,
        data={"sha256": made.sha256, "bytes": made.size, "columns": len(made.columns)},
    )
    return made


def _has(project: Project, name: str) -> bool:
    return EvaluationDataSet.objects.filter(
        project=project, name__iexact=name, withdrawn_at=None
    ).exists()


def _taken(name: str) -> AlreadyExists:
    sentence = f"The project has an evaluation data set “{name}” already. Choose another name."
    return AlreadyExists(sentence, details={"name": sentence})


@transaction.atomic
def withdraw_data_set(data_set: EvaluationDataSet, *, by: User, reason: str) -> EvaluationDataSet:
    """Nothing is evaluated on it any more. Reports that were made keep its name and digest."""
    policies.data_sets.require(by, "evaluate", data_set)
    data_set = EvaluationDataSet.objects.select_for_update().get(pk=data_set.pk)
    if data_set.withdrawn_at is None:
        data_set.withdrawn_at = timezone.now()
        data_set.save(update_fields=["withdrawn_at"])
        record(
            actor=by,
            action="data_set.withdraw",
            obj=data_set,
            project=data_set.project,
            reason=reason,
        )
    return data_set


@transaction.atomic
def start_evaluation(
    version: ModelVersion,
    data_set: EvaluationDataSet,
    *,
    by: User,
    kind: str,
    target: str,
    positive: str = "",
    prediction_column: str = "",
    threshold: float = 0.5,
    cohorts: list[str] | None = None,
    sensitive: list[str] | None = None,
    seed: int = 0,
    min_rows: int = 30,
) -> Evaluation:
    """Queue an evaluation of the version on the data set."""
    registry_policies.versions.require(by, "evaluate", version)
    policies.data_sets.require(by, "evaluate", data_set)
    version = living_version(version)
    _require_measurable(version, data_set)
    cohorts, sensitive = cohorts or [], sensitive or []
    _require_columns(data_set, kind, target, cohorts, sensitive)
    environment = queries.environment_for_evaluations()
    if environment is None:
        raise Conflict(
            "No environment makes images that can be evaluated. Ask the platform's people to set "
            "one up with the builder docker or venv."
        )
    evaluation = Evaluation.objects.create(
        version=version,
        data_set=data_set,
        environment=environment,
        run=_queue(version, data_set, by=by),
        artifact_digest=version.artifact_digest,
        kind=kind,
        target=target,
        positive=positive if kind == Kind.BINARY else "",
        prediction_column=prediction_column,
        threshold=threshold,
        cohorts=cohorts,
        sensitive=sensitive,
        seed=seed,
        min_rows=min_rows,
    )
    _record(evaluation, "evaluation.request", actor=by)
    return evaluation


def _require_measurable(version: ModelVersion, data_set: EvaluationDataSet) -> None:
    if not version.is_ready:
        raise Conflict(f"{version} is not registered completely, so there is nothing to evaluate.")
    if data_set.project_id != version.model.project_id:
        raise Invalid("The data set belongs to another project. Upload it to this one.")
    waiting = Evaluation.objects.filter(version=version, run__state__in=UNFINISHED).count()
    if waiting >= MOST_AT_ONCE:
        raise Conflict(
            f"{waiting} evaluations of {version} wait or run already. Start this one when they "
            "have ended."
        )


def _require_columns(
    data_set: EvaluationDataSet,
    kind: str,
    target: str,
    cohorts: list[str],
    sensitive: list[str],
) -> None:
    if kind not in Kind.values:
        raise Invalid(
            f"“{kind}” is no kind of prediction. Choose {', '.join(Kind.values)}.",
            details={"kind": f"Choose one of {', '.join(Kind.values)}."},
        )
    for field, names in (("target", [target]), ("cohorts", cohorts), ("sensitive", sensitive)):
        if absent := [name for name in names if name not in data_set.columns]:
            sentence = f"The data set has no column “{absent[0][:100]}”."
            raise Invalid(sentence, details={field: sentence})
        if len(names) > MOST_GROUPINGS:
            sentence = f"Choose at most {MOST_GROUPINGS} columns."
            raise Invalid(sentence, details={field: sentence})
    if target in (*cohorts, *sensitive):
        sentence = "The target cannot be what rows are grouped by: it is what is predicted."
        raise Invalid(sentence, details={"target": sentence})


@transaction.atomic
def cancel(evaluation: Evaluation, *, by: User) -> Evaluation:
    policies.evaluations.require(by, "evaluate", evaluation)
    evaluation = Evaluation.objects.select_related("run", "version__model__project").get(
        pk=evaluation.pk
    )
    runs.request_cancel(evaluation.run)
    _record(evaluation, "evaluation.cancel", actor=by)
    return evaluation


@transaction.atomic
def keep_report(evaluation: Evaluation, report: dict[str, Any], ctx: BuildContext) -> Evaluation:
    """Store the report of a running evaluation, under its digest."""
    evaluation = Evaluation.objects.select_for_update(of=("self",)).get(pk=evaluation.pk)
    ctx.check()  # with the lock held, so that a run which was given up keeps nothing
    evaluation.report = report
    evaluation.report_sha256 = digest_of_report(report)
    evaluation.save(update_fields=["report", "report_sha256"])
    return evaluation


def digest_of_report(report: dict[str, Any]) -> str:
    return hashlib.sha256(canonical_json(report)).hexdigest()


@transaction.atomic
def settle(run_id: int) -> None:
    """Draw the consequences of the end of an evaluation's run. Twice is as good as once."""
    evaluation = (
        Evaluation.objects.select_for_update(of=("self",))
        .select_related("run__requested_by", "version__model__project", "data_set")
        .filter(run=run_id)
        .first()
    )
    if evaluation is None or _is_settled(evaluation):
        return
    run: Run = evaluation.run
    if run.state == RunState.SUCCEEDED:
        _record(evaluation, "evaluation.finish", report=evaluation.report_sha256)
        publish(EvaluationFinished(evaluation.pk, evaluation.version_id, evaluation.report_sha256))
    elif run.state == RunState.FAILED and run.error_code == WORKER_LOST:
        if evaluation.attempt < ATTEMPTS:
            evaluation.run = _queue(evaluation.version, evaluation.data_set, by=run.requested_by)
            evaluation.attempt += 1
            evaluation.save(update_fields=["run", "attempt"])
        else:
            _fail(evaluation)
    elif run.state == RunState.FAILED:
        _fail(evaluation)
    elif run.state == RunState.CANCELLED:
        _record(evaluation, "evaluation.end")


def _fail(evaluation: Evaluation) -> None:
    run = evaluation.run
    _record(evaluation, "evaluation.fail", code=run.error_code, text=run.error_text)
    publish(EvaluationFailed(evaluation.pk, evaluation.version_id))


def _queue(version: ModelVersion, data_set: EvaluationDataSet, *, by: User | None) -> Run:
    return runs.start(
        kind=EVALUATE,
        title=f"Evaluate {version} on {data_set}",
        requested_by=by,
        asked_for="evaluate",
    )


def _is_settled(evaluation: Evaluation) -> bool:
    ends = ("evaluation.finish", "evaluation.end", "evaluation.fail")
    return activity_of(evaluation).filter(action__in=ends).exists()


def _record(evaluation: Evaluation, action: str, *, actor: User | None = None, **more: Any) -> None:
    version = evaluation.version
    record(
        actor=actor,
        action=action,
        obj=evaluation,
        also=[version, version.model, evaluation.data_set],
        project=version.model.project,
        data={
            "artifact_digest": evaluation.artifact_digest,
            "data_set": evaluation.data_set.sha256,
            "attempt": evaluation.attempt,
            **more,
        },
    )
