"""Moving versions between stages, and changing what stages ask of a project."""

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from apps.accounts.models import User
from apps.audit.services import record
from apps.core.errors import Conflict, Invalid, NotFound, NotPermitted
from apps.outbox.services import publish
from apps.projects import policies as project_policies
from apps.projects.models import Project, ReviewerRole
from apps.registry import guards
from apps.registry import policies as registry_policies
from apps.registry.models import ModelVersion, RegisteredModel
from apps.registry.services.locks import living_version, lock_model
from apps.stages import aliases, gates, queries
from apps.stages.events import StageEntered, StageLeft, StagePolicyChanged
from apps.stages.models import Placement, Stage, StageMove, StageOverride


@transaction.atomic
def enter_stage(
    version: ModelVersion,
    stage: Stage,
    *,
    by: User | None,
    reason: str = "",
    review_id: int | None = None,
    content_digest: str = "",
) -> StageMove:
    """Let a version into a stage whose gates it passes; `by` is None for mlgov itself.

    Rights were checked by whoever calls: a review that was approved, or `move`.
    """
    version = living_version(version)
    # A stage for one has room for one version of each model: that is decided under its lock.
    lock_model(version.model_id)
    _require_stage_of(stage, version)
    told = gates.results_at_entry(version, stage, reader=by)
    refused = [result for result in told if not result.ok]
    if refused:
        raise Conflict(" ".join(result.text for result in refused), code="gate_closed")
    before = queries.current_stage(version)
    if before == stage:
        raise Conflict(f"{version} is in {stage} already.")
    move = _place(
        version,
        stage,
        before=before,
        by=by,
        reason=reason,
        review_id=review_id,
        content_digest=content_digest,
    )
    archive = queries.archive_stage()
    if stage.single_occupancy and stage != archive:
        _make_room(stage, version, archive, by=by)
    # Once and at the end: the alias passes from one version to the next without a gap. The record
    # of the move says from where to where.
    for changed in dict.fromkeys((stage, before, archive)):
        if changed is not None:
            aliases.keep(changed, version.model, by=by, in_trail=False)
    return move


def _place(
    version: ModelVersion,
    stage: Stage,
    *,
    before: Stage | None,
    by: User | None,
    reason: str,
    review_id: int | None = None,
    content_digest: str = "",
) -> StageMove:
    now = timezone.now()
    _touch(version, now)
    Placement.objects.update_or_create(version=version, defaults={"stage": stage, "since": now})
    move = StageMove.objects.create(
        version=version,
        from_stage=before,
        to_stage=stage,
        at=now,
        by=by,
        review_id=review_id,
        artifact_digest=version.artifact_digest,
        content_digest=content_digest,
        reason=reason,
    )
    record(
        actor=by,
        action="version.move",
        obj=version,
        also=[version.model, stage],
        project=version.model.project,
        reason=reason,
        data={
            "from": before.name if before else None,
            "to": stage.name,
            "alias": stage.alias,
            "review": review_id,
            "artifact_digest": version.artifact_digest,
        },
    )
    if before is not None:
        publish(StageLeft(version.pk, before.pk))
    publish(StageEntered(version.pk, stage.pk, move.pk))
    return move


@transaction.atomic
def place_imported(version: ModelVersion, stage: Stage, *, by: User, reason: str) -> Placement:
    """Note the stage in which an imported version stood. Nothing is deployed because of it.

    No gate is asked: the decision was taken elsewhere, and the record says so.
    """
    if not by.is_superuser:
        raise NotPermitted("Only an administrator imports versions: no review has seen them.")
    version = living_version(version)
    lock_model(version.model_id)
    _require_stage_of(stage, version)
    placement = Placement.objects.create(version=version, stage=stage)
    aliases.keep(stage, version.model, by=by, in_trail=False)
    record(
        actor=by,
        action="version.place",
        obj=version,
        also=[version.model, stage],
        project=version.model.project,
        reason=reason,
        data={"to": stage.name, "artifact_digest": version.artifact_digest},
    )
    return placement


def _make_room(
    stage: Stage, version: ModelVersion, archive: Stage | None, *, by: User | None
) -> None:
    """Archive the versions of the same model that stand in a stage for one."""
    earlier = (
        Placement.objects.select_for_update(of=("self",))
        .filter(stage=stage, version__model=version.model_id, version__deleted_at=None)
        .exclude(version=version)
        .select_related("version__model__project")
        .order_by("version_id")
    )
    for placement in earlier:
        reason = f"{version} takes its place in {stage}."
        if archive is not None:
            _place(placement.version, archive, before=stage, by=by, reason=reason)
        else:
            record(
                actor=by,
                action="version.leave",
                obj=placement.version,
                also=[placement.version.model, stage],
                project=version.model.project,
                reason=reason,
                data={"from": stage.name},
            )
            publish(StageLeft(placement.version_id, stage.pk))
            placement.delete()


@transaction.atomic
def move(version: ModelVersion, stage: Stage, *, by: User, reason: str = "") -> StageMove:
    """Put a version into a stage that asks for no review."""
    registry_policies.versions.require(by, "move", version, {"stage": stage.slug})
    _require_stage_of(stage, version)
    if queries.policy_for(stage, version.model.project).needs_review:
        raise NotPermitted(
            f"{stage} asks for a review. Request one on the model card.", code="review_required"
        )
    _require_leaving(version, stage)
    return enter_stage(version, stage, by=by, reason=reason)


def _require_leaving(version: ModelVersion, stage: Stage) -> None:
    """What serves goes where it is deployed as well, or to the archive, which ends the serving."""
    if stage.environment_id is None and stage != queries.archive_stage():
        guards.require(guards.Action.LEAVE_STAGE, version)


@transaction.atomic
def override_stage(
    project: Project,
    stage: Stage,
    *,
    approvals_required: int | None,
    extra_roles: Iterable[ReviewerRole],
    by: User,
) -> StageOverride:
    """Ask more of the versions of a project than the stage does everywhere."""
    project_policies.projects.require(by, "override_stages", project)
    stage = Stage.objects.select_for_update().get(pk=stage.pk)
    if stage.project_id is not None:
        raise Conflict(f"{stage} belongs to a project itself; change it there.")
    if approvals_required is not None and approvals_required < stage.approvals_required:
        sentence = (
            f"{stage} asks for {stage.approvals_required} approvals everywhere; "
            "a project may ask for more, not for fewer."
        )
        raise Invalid(sentence, code="weaker", details={"approvals_required": sentence})
    extra_roles = list(extra_roles)
    override, is_new = StageOverride.objects.get_or_create(stage=stage, project=project)
    before = {
        "approvals_required": override.approvals_required,
        "extra_roles": sorted(role.slug for role in override.extra_roles.all()),
    }
    override.approvals_required = approvals_required
    override.save(update_fields=["approvals_required"])
    override.extra_roles.set(extra_roles)
    record(
        actor=by,
        action="stage.override",
        obj=override,
        also=[stage],
        project=project,
        data={
            "before": None if is_new else before,
            "approvals_required": approvals_required,
            "extra_roles": sorted(role.slug for role in extra_roles),
        },
    )
    publish(StagePolicyChanged(stage.pk, project.pk))
    return override


@transaction.atomic
def remove_override(override: StageOverride, *, by: User) -> None:
    project_policies.projects.require(by, "override_stages", override.project)
    record(
        actor=by,
        action="stage.reset",
        obj=override,
        also=[override.stage],
        project=override.project,
    )
    publish(StagePolicyChanged(override.stage_id, override.project_id))
    override.delete()


def _touch(version: ModelVersion, now: datetime) -> None:
    """MLflow's clients read from the times that a version stands elsewhere now."""
    ModelVersion.objects.filter(pk=version.pk).update(updated_at=now)
    RegisteredModel.objects.filter(pk=version.model_id).update(updated_at=now)


def _require_stage_of(stage: Stage, version: ModelVersion) -> None:
    if stage.project_id not in (None, version.model.project_id):
        raise NotFound("There is no such stage in this project.")
