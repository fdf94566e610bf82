"""Reads that pages combine from several apps."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, OuterRef, Prefetch, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce

from apps.accounts.models import User
from apps.builds.models import Build
from apps.deployments.models import Deployment, Rollout
from apps.projects.models import Project
from apps.projects.queries import projects_where
from apps.registry import policies as registry_policies
from apps.registry.models import ModelVersion, RegisteredModel
from apps.reviews.models import ReviewRequest
from apps.runs.models import Run
from apps.stages.models import Placement, Stage, StageMove
from apps.stages.queries import stages_of


def models_for_list(user: Any) -> QuerySet[RegisteredModel]:
    """The models that the person sees, with what a row of the list shows."""
    seen = registry_policies.versions_within(user)
    versions = seen.filter(model=OuterRef("pk"))
    newest = versions.order_by("-number")
    return (
        registry_policies.models.visible_to(user)
        .select_related("project")
        .annotate(
            version_count=number_of(versions),
            newest_number=Subquery(newest.values("number")[:1]),
            newest_at=Subquery(newest.values("created_at")[:1]),
        )
        .prefetch_related(
            Prefetch(
                "versions",
                queryset=seen.filter(placement__isnull=False).select_related("placement__stage"),
                to_attr="placed",
            )
        )
        .order_by("name")
    )


def projects_for_list(user: User) -> QuerySet[Project]:
    found = projects_where(user, may="view").annotate(member_count=Count("memberships"))
    return found.order_by("name")


def models_counted(projects: Iterable[Project], user: Any) -> dict[int, int]:
    """Key of each of the projects that has models which the person sees -> how many."""
    seen = registry_policies.models.visible_to(user).order_by().filter(project__in=list(projects))
    return dict(seen.values_list("project").annotate(Count("pk")))


def number_of(objects: QuerySet[Any]) -> Coalesce:
    """How many there are, as a column of what they belong to."""
    counted = objects.order_by().annotate(one=Value(1)).values("one").annotate(n=Count("pk"))
    return Coalesce(Subquery(counted.values("n")), 0)


def key_metrics(versions: Iterable[ModelVersion], *, most: int = 3) -> list[str]:
    """Names of the metrics that most of the versions have, to compare them by."""
    counts: dict[str, int] = {}
    for version in versions:
        for name in metrics_of(version):
            counts[name] = counts.get(name, 0) + 1
    return sorted(counts, key=lambda name: (-counts[name], name))[:most]


def metrics_of(version: ModelVersion) -> dict[str, Any]:
    """Metric name -> value, as the tracking server had them at registration."""
    found: dict[str, Any] = {}
    for row in lineage_of(version).get("metrics") or []:
        found.setdefault(row["name"], row.get("value"))
    return found


def lineage_of(version: ModelVersion) -> dict[str, Any]:
    """The lineage document; empty until the artifacts were taken over."""
    lineage = getattr(version, "lineage", None)
    return lineage.document if lineage else {}


@dataclass(frozen=True)
class StagePosition:
    """A stage of the bar over a model card: done, current, or later."""

    name: str
    colour: str
    state: str
    note: str
    stage: Stage


def stage_bar(version: ModelVersion) -> list[StagePosition]:
    """The stages of the version's project, with where the version has been and is."""
    placement = Placement.objects.filter(version=version).select_related("stage").first()
    here = placement.stage_id if placement else None
    been = set(StageMove.objects.filter(version=version).values_list("to_stage", flat=True))
    bar = []
    for stage in stages_of(version.model.project):
        # Archived is where versions end, not a step on their way.
        if stage.mlflow_stage == "Archived" and stage.pk != here:
            continue
        state = "current" if stage.pk == here else "done" if stage.pk in been else "later"
        bar.append(StagePosition(stage.name, stage.colour, state, _note(stage, state), stage))
    return bar


def _note(stage: Stage, state: str) -> str:
    if state == "current":
        return "Here now"
    if state == "done":
        return "Was here"
    return f"Deploys to {stage.environment}" if stage.environment else ""


@dataclass(frozen=True)
class Delivery:
    """From the last approval to the first prediction: the move, the build, the rollout."""

    move: StageMove
    deployment: Deployment | None
    runs: list[Run]

    @property
    def is_expected(self) -> bool:
        return self.move.to_stage.environment_id is not None

    @property
    def is_finished(self) -> bool:
        if not self.is_expected:
            return True
        if self.deployment is None:
            return False
        if any(not run.is_finished for run in self.runs):
            return False
        return self.deployment.state not in ("building", "deploying")


def delivery_of(move: StageMove) -> Delivery:
    """What followed from a move into a stage with an environment."""
    deployment = (
        Deployment.objects.filter(
            version=move.version_id, endpoint__environment=move.to_stage.environment_id
        )
        .select_related("endpoint__project", "endpoint__environment", "version__model", "build")
        .first()
    )
    if deployment is None:
        return Delivery(move, None, [])
    return Delivery(move, deployment, runs_of(deployment, since=move))


def runs_of(deployment: Deployment, *, since: StageMove | None = None) -> list[Run]:
    """The newest build and the newest rollout of a deployment, in order, with their steps."""
    rollouts = Rollout.objects.filter(deployment=deployment)
    if since is not None:
        rollouts = rollouts.filter(run__created_at__gte=since.at)
    rollout = rollouts.order_by("-pk").values("run")[:1]
    wanted = Q(rollout__isnull=False, pk__in=Subquery(rollout))
    if deployment.build_id:
        wanted |= Q(build=deployment.build_id)
    return list(Run.objects.filter(wanted).prefetch_related("steps").order_by("pk"))


def newest_move(version: ModelVersion) -> StageMove | None:
    return (
        StageMove.objects.filter(version=version)
        .select_related("to_stage__environment", "version__model", "by")
        .order_by("-pk")
        .first()
    )


def move_of_review(review: ReviewRequest) -> StageMove | None:
    return (
        StageMove.objects.filter(review_id=review.pk)
        .select_related("to_stage__environment", "version__model", "by")
        .order_by("-pk")
        .first()
    )


def builds_of(deployment: Deployment) -> QuerySet[Build]:
    return (
        Build.objects.filter(
            version=deployment.version_id, environment=deployment.endpoint.environment_id
        )
        .select_related("run")
        .order_by("-pk")
    )
