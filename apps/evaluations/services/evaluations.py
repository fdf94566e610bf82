"""Evaluations started, kept and ended."""

import hashlib
from typing import Any

from django.db import transaction

from apps.accounts.models import User
from apps.audit.queries import activity_of
from apps.audit.services import record
from apps.builds.builders.base import BuildContext
from apps.core.digests import canonical_json
from apps.core.errors import Conflict, DomainError, Invalid
from apps.evaluations import card_parts, policies, queries
from apps.evaluations.events import EvaluationFailed, EvaluationFinished
from apps.evaluations.models import (
    Evaluation,
    EvaluationDataSet,
    EvaluationRule,
    Kind,
    Settings,
)
from apps.outbox.services import publish
from apps.registry import policies as registry_policies
from apps.registry.models import ModelVersion
from apps.registry.services.locks import living_version
from apps.runs import services as runs
from apps.runs.failures import WORKER_LOST
from apps.runs.models import Run
from apps.runs.states import UNFINISHED, RunState

EVALUATE = "evaluations.evaluate"
ATTEMPTS = 3
# Waiting or running for one version: each takes minutes of a worker.
MOST_AT_ONCE = 5
MOST_GROUPINGS = 10


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
    _require_permitted(version, data_set, by=by)
    version = living_version(version)
    waiting = Evaluation.objects.filter(version=version, run__state__in=UNFINISHED).count()
    if waiting >= MOST_AT_ONCE:
        raise Conflict(
            f"{waiting} evaluations of {version} wait or run already. Start this one when they "
            "have ended."
        )
    wanted = Evaluation(
        kind=kind,
        target=target,
        positive=positive,
        prediction_column=prediction_column,
        threshold=threshold,
        cohorts=cohorts or [],
        sensitive=sensitive or [],
        seed=seed,
        min_rows=min_rows,
    )
    return _queued(wanted, version, data_set, by=by)


@transaction.atomic
def start_for_rule(
    rule: EvaluationRule, version: ModelVersion, data_set: EvaluationDataSet
) -> Evaluation | None:
    """Queue what a rule asks for, once for each version and content of a data set."""
    if rule.acts_for is not None:
        _require_permitted(version, data_set, by=rule.acts_for)
    version = living_version(version)
    if rule.evaluations.filter(version=version, data_set__sha256=data_set.sha256).exists():
        return None
    wanted = Evaluation(
        rule=rule, rule_name=rule.name, puts_on_card=rule.puts_on_card, **rule.settings
    )
    return _queued(wanted, version, data_set, by=rule.acts_for)


def _require_permitted(version: ModelVersion, data_set: EvaluationDataSet, *, by: User) -> None:
    registry_policies.versions.require(by, "evaluate", version)
    policies.data_sets.require(by, "evaluate", data_set)


def _queued(
    wanted: Evaluation, version: ModelVersion, data_set: EvaluationDataSet, *, by: User | None
) -> Evaluation:
    _require_measurable(version, data_set)
    require_columns(wanted, data_set)
    environment = queries.environment_for_evaluations()
    if environment is None:
        raise Conflict(
            "No environment makes images that can be evaluated. Ask the platform's people to set "
            "one up with the builder docker or venv."
        )
    wanted.version, wanted.data_set, wanted.environment = version, data_set, environment
    wanted.artifact_digest = version.artifact_digest
    wanted.run = _run_for(version, data_set, by=by)
    if wanted.kind != Kind.BINARY:
        wanted.positive = ""
    wanted.save()
    asked_by = {"rule": wanted.rule_name} if wanted.rule_name else {}
    note(wanted, "evaluation.request", actor=by, **asked_by)
    return wanted


def _require_measurable(version: ModelVersion, data_set: EvaluationDataSet) -> None:
    if not version.is_ready:
        raise Conflict(f"{version} is not registered completely, so there is nothing to evaluate.")
    if data_set.project_id != version.model.project_id:
        raise Invalid("The data set belongs to another project. Upload it to this one.")


def require_columns(asked: Settings, data_set: EvaluationDataSet) -> None:
    """Raise `Invalid`, with the field, for what cannot be measured on such a data set."""
    kind, target, cohorts, sensitive = asked.kind, asked.target, asked.cohorts, asked.sensitive
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
    note(evaluation, "evaluation.cancel", actor=by)
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
        note(evaluation, "evaluation.finish", report=evaluation.report_sha256)
        if evaluation.puts_on_card:
            _put_on_card(evaluation)
        publish(EvaluationFinished(evaluation.pk, evaluation.version_id, evaluation.report_sha256))
    elif run.state == RunState.FAILED and run.error_code == WORKER_LOST:
        if evaluation.lost_its_rule:
            note(evaluation, "evaluation.end")
        elif evaluation.attempt < ATTEMPTS:
            evaluation.run = _run_for(evaluation.version, evaluation.data_set, by=run.requested_by)
            evaluation.attempt += 1
            evaluation.save(update_fields=["run", "attempt"])
        else:
            _fail(evaluation)
    elif run.state == RunState.FAILED:
        _fail(evaluation)
    elif run.state == RunState.CANCELLED:
        note(evaluation, "evaluation.end")


def _put_on_card(evaluation: Evaluation) -> None:
    """As the rule wants it. What stands against it is said with the report, which is there."""
    try:
        with transaction.atomic():
            card_parts.put_on_card(evaluation, by=evaluation.run.requested_by)
    except DomainError as refusal:
        evaluation.card_refusal = refusal.message
        evaluation.save(update_fields=["card_refusal"])


def _fail(evaluation: Evaluation) -> None:
    run = evaluation.run
    note(evaluation, "evaluation.fail", code=run.error_code, text=run.error_text)
    publish(EvaluationFailed(evaluation.pk, evaluation.version_id))


def _run_for(version: ModelVersion, data_set: EvaluationDataSet, *, by: User | None) -> Run:
    return runs.start(
        kind=EVALUATE,
        title=f"Evaluate {version} on {data_set}",
        requested_by=by,
        asked_for="evaluate",
    )


def _is_settled(evaluation: Evaluation) -> bool:
    ends = ("evaluation.finish", "evaluation.end", "evaluation.fail")
    return activity_of(evaluation).filter(action__in=ends).exists()


def note(evaluation: Evaluation, action: str, *, actor: User | None = None, **more: Any) -> None:
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
