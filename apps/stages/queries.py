"""Reads about stages: what a stage asks of a project, and who stands where."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from django.db.models import Q, QuerySet

from apps.core.digests import digest_of
from apps.core.prepared import Prepared, object_of, with_related
from apps.projects.models import Project
from apps.registry.models import ModelVersion, RegisteredModel
from apps.stages.models import MlflowStage, Placement, Stage, StageOverride


@dataclass(frozen=True)
class RoleAsked:
    id: int
    slug: str
    name: str


@dataclass(frozen=True)
class StagePolicy:
    """What a stage asks before a version of a project may enter it.

    `source` says for each value whether it is the stage's own or the project's.
    """

    stage_id: int
    stage_name: str
    approvals_required: int
    roles: tuple[RoleAsked, ...]
    source: dict[str, str]

    @property
    def needs_review(self) -> bool:
        return self.approvals_required > 0 or bool(self.roles)

    @property
    def approvals_needed(self) -> int:
        """At least the number asked for; a role that must approve needs somebody, too."""
        return max(self.approvals_required, 1 if self.roles else 0)

    def snapshot(self) -> dict[str, Any]:
        return {**asdict(self), "roles": [asdict(role) for role in self.roles]}

    @classmethod
    def from_snapshot(cls, snapshot: dict[str, Any]) -> "StagePolicy":
        return cls(**{**snapshot, "roles": tuple(RoleAsked(**r) for r in snapshot["roles"])})

    @property
    def digest(self) -> str:
        return digest_of(self.snapshot())


def stages_of(project: Project) -> list[Stage]:
    """The stages of a project in order: the global ones and its own."""
    return list(
        Stage.objects.filter(Q(project=None) | Q(project=project)).select_related("environment")
    )


def stage_named(project: Project, name: str) -> Stage | None:
    """A stage of the project by its slug, its name, or MLflow's name for it, in any case."""
    wanted = name.casefold()
    stages = stages_of(project)
    for key in ("slug", "name", "mlflow_stage"):
        for stage in stages:
            if getattr(stage, key).casefold() == wanted:
                return stage
    return None


def policy_for(stage: Stage, project: Project) -> StagePolicy:
    override = (
        StageOverride.objects.filter(stage=stage, project=project)
        .prefetch_related("extra_roles")
        .first()
    )
    own = "project" if stage.project_id else "global"
    approvals, source = stage.approvals_required, {"approvals_required": own, "roles": own}
    roles = {role.pk: role for role in stage.required_roles.all()}
    if override is not None:
        # Never weaker, also where the global stage became stricter after the override.
        if (override.approvals_required or 0) > approvals:
            approvals = override.approvals_required or 0
            source["approvals_required"] = "project"
        extra = {role.pk: role for role in override.extra_roles.all()}
        if extra.keys() - roles.keys():
            source["roles"] = "project"
        roles |= extra
    return StagePolicy(
        stage_id=stage.pk,
        stage_name=stage.name,
        approvals_required=approvals,
        roles=tuple(
            RoleAsked(role.pk, role.slug, role.name)
            for role in sorted(roles.values(), key=lambda role: role.name)
        ),
        source=source,
    )


def current_stage(version: ModelVersion) -> Stage | None:
    """The stage in which a version stands. No query where `placement` was selected along."""
    try:
        return version.placement.stage
    except Placement.DoesNotExist:
        return None


def current_move(version: ModelVersion) -> int | None:
    """The move by which a version entered the stage in which it stands."""
    stage = current_stage(version)
    if stage is None:
        return None
    return version.moves.filter(to_stage=stage).values_list("pk", flat=True).first()


def mlflow_stage_of(version: ModelVersion) -> str:
    stage = current_stage(version)
    return stage.mlflow_stage if stage else MlflowStage.NONE.value


def name_for_clients(stage: Stage | None) -> str:
    """MLflow's name of a stage, and its own where it is none of MLflow's three."""
    if stage is None:
        return MlflowStage.NONE.value
    return stage.name if stage.mlflow_stage == MlflowStage.NONE else stage.mlflow_stage


def with_stage(versions: QuerySet[ModelVersion]) -> QuerySet[ModelVersion]:
    """The same versions, with what `current_stage` reads."""
    return versions.select_related("placement__stage")


def versions_in(stage: Stage, project: Project) -> QuerySet[ModelVersion]:
    return ModelVersion.objects.filter(
        placement__stage=stage, model__project=project, deleted_at=None
    ).select_related("model")


def standing_in(stage: Stage, model: RegisteredModel) -> ModelVersion | None:
    """The version of a model that entered a stage last, of those that stand there."""
    newest = (
        Placement.objects.filter(stage=stage, version__model=model.pk, version__deleted_at=None)
        .select_related("version__model__project")
        .order_by("-since", "-version_id")
        .first()
    )
    return newest.version if newest else None


def stage_with_alias(project: Project, alias: str) -> Stage | None:
    """The stage of the project whose alias this is, in any case of letters."""
    wanted = alias.casefold()
    stages = (object_of(row, Stage) for row in _STAGES_OF.rows(project=project.pk))
    return next((stage for stage in stages if stage.alias.casefold() == wanted), None)


_STAGES_OF = Prepared(
    lambda project: with_related(Stage.objects.filter(Q(project=None) | Q(project=project)))
)


def is_promoted(version: ModelVersion) -> bool:
    """Whether the version stands in a stage that deploys."""
    return Placement.objects.filter(version=version.pk, stage__environment__isnull=False).exists()


def archive_stage() -> Stage | None:
    """Where versions go that are replaced: the global stage that MLflow calls Archived."""
    return Stage.objects.filter(project=None, mlflow_stage=MlflowStage.ARCHIVED).first()


def holders_of(stages: Iterable[Stage], version: ModelVersion) -> dict[int, ModelVersion]:
    """Stage id -> the version of the same model that stands there now."""
    placements = Placement.objects.filter(
        stage__in=list(stages), version__model=version.model_id
    ).select_related("version__model")
    return {placement.stage_id: placement.version for placement in placements}
