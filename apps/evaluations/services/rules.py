"""Rules that have versions evaluated: made, taken back, and heeded.

A rule acts as mlgov itself, or where a person is named on his right: it asks for nothing that he
might not ask for himself, and stops when he loses the right.
"""

from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from django.db import IntegrityError, transaction

from apps.accounts.models import User
from apps.audit.services import record
from apps.core.errors import AlreadyExists, Conflict, DomainError, Invalid, NotFound
from apps.core.validation import require_valid
from apps.evaluations import queries
from apps.evaluations.models import EvaluationRule, Occasion
from apps.evaluations.services.evaluations import note, require_columns, start_for_rule
from apps.projects import policies as project_policies
from apps.projects.models import Project
from apps.registry.models import ModelVersion
from apps.runs import services as runs
from apps.runs.states import UNFINISHED
from apps.stages.models import Stage

MOST_RULES = 20
MOST_PATTERNS = 50


@transaction.atomic
def add_rule(
    project: Project,
    *,
    by: User,
    name: str,
    occasion: str,
    data_set_name: str,
    kind: str,
    target: str,
    stage: Stage | None = None,
    model_patterns: Iterable[str] = (),
    puts_on_card: bool = False,
    on_my_right: bool = False,
    **settings: Any,
) -> EvaluationRule:
    """Have versions of the project evaluated; `settings` are those of an evaluation."""
    project_policies.projects.require(by, "manage_project", project)
    if project.evaluation_rules.count() >= MOST_RULES:
        raise Conflict(f"The project has {MOST_RULES} rules already. Remove one first.")
    data_set = queries.newest_data_set(project, data_set_name)
    if data_set is None:
        raise Invalid.at("data_set_name", _no_data_set(data_set_name, project))
    rule = EvaluationRule(
        project=project,
        name=name.strip(),
        occasion=occasion,
        stage=stage,
        model_patterns=patterns_of(model_patterns),
        data_set_name=data_set.name,
        puts_on_card=puts_on_card,
        acts_for=by if on_my_right else None,
        created_by=by,
        kind=kind,
        target=target,
        **settings,
    )
    require_columns(rule, data_set)
    require_valid(rule, "name", "occasion", "positive", "prediction_column")
    if stage is not None and occasion != Occasion.REVIEW:
        raise Invalid.at("stage", "Only reviews are requested for a stage.")
    try:
        with transaction.atomic():
            rule.save()
    except IntegrityError:
        sentence = f"The project has a rule “{rule.name}” already. Choose another name."
        raise AlreadyExists(sentence, details={"name": sentence}) from None
    record(actor=by, action="evaluation_rule.create", obj=rule, project=project, data=_told(rule))
    return rule


def patterns_of(names: Iterable[str]) -> list[str]:
    """As they are kept: each once, without what is around them."""
    found = list(dict.fromkeys(name.strip() for name in names if name.strip()))
    if len(found) > MOST_PATTERNS or any(len(name) > 256 for name in found):
        raise Invalid.at(
            "model_patterns", f"Name at most {MOST_PATTERNS} models, each with 256 characters."
        )
    return found


@transaction.atomic
def remove_rule(rule: EvaluationRule, *, by: User) -> None:
    """Take a rule of a project back, and what it asked for and has not ended yet."""
    if rule.project is None:
        raise Conflict("This rule holds in all projects; an administrator changes it.")
    project_policies.projects.require(by, "manage_project", rule.project)
    end_evaluations(rule, by=by)
    record(
        actor=by,
        action="evaluation_rule.delete",
        obj=rule,
        project=rule.project,
        data=_told(rule),
    )
    rule.delete()


@transaction.atomic
def end_evaluations(rule: EvaluationRule, *, by: User) -> None:
    """Cancel what the rule asked for and what has not ended yet."""
    waiting = rule.evaluations.filter(run__state__in=UNFINISHED)
    for evaluation in waiting.select_related("run", "version__model__project", "data_set"):
        with suppress(Conflict):  # it ends at this moment
            runs.request_cancel(evaluation.run)
            note(evaluation, "evaluation.cancel", actor=by, rule=rule.name)


@transaction.atomic
def heed(version: ModelVersion, occasion: str, stage: Stage | None = None) -> None:
    """Start what rules ask for on such an occasion. Safe to repeat.

    What a rule asks for and cannot have is written down with the version, for people to read.
    """
    if not version.is_ready:
        return
    for rule in queries.rules_for(version):
        if rule.occasion != occasion or rule.stage not in (None, stage):
            continue
        try:
            with transaction.atomic():
                data_set = queries.newest_data_set(version.model.project, rule.data_set_name)
                if data_set is None:
                    raise NotFound(_no_data_set(rule.data_set_name, version.model.project))
                start_for_rule(rule, version, data_set)
        except DomainError as refusal:
            _note_refusal(rule, version, refusal)


def _note_refusal(rule: EvaluationRule, version: ModelVersion, refusal: DomainError) -> None:
    reason = f"{rule.name}: {refusal.message}"
    if queries.refusals_of(version).filter(reason=reason).exists():
        return
    record(
        actor=None,
        action="evaluation_rule.refuse",
        obj=version,
        also=[version.model],
        project=version.model.project,
        reason=reason,
        data={"rule": rule.name},
    )


def _no_data_set(name: str, project: Project) -> str:
    return (
        f"The project {project} has no evaluation data set “{name[:100]}”. Upload one under this "
        "name."
    )


def _told(rule: EvaluationRule) -> dict[str, object]:
    return {
        "occasion": rule.occasion,
        "stage": str(rule.stage or ""),
        "models": rule.model_patterns,
        "data_set": rule.data_set_name,
        "puts_on_card": rule.puts_on_card,
        "on_the_right_of": str(rule.acts_for or ""),
        **rule.settings,
    }
