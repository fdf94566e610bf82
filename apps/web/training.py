"""A training run as its page shows it: from the tracking server, or from what a version kept."""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.urls import reverse

from apps.core.errors import DomainError, Invalid, NotFound, Unavailable
from apps.projects import policies as project_policies
from apps.projects.models import Project
from apps.registry import lineage, policies
from apps.registry.models import ModelVersion
from apps.tracking import queries as tracking
from apps.tracking import training, upstream
from apps.tracking.upstream import IDENTIFIER, Upstream
from apps.web.charts import Curve, number, points_of

# So many points make a curve of a page, and so many the one of a page of its own.
POINTS, MORE_POINTS = 300, 2_000
# After so many seconds the page is shown with the curves that it has by then.
DRAWING = 6.0
SYSTEM = "system/"
MOST_COLUMNS = 200
STATES = {
    "SCHEDULED": "queued",
    "RUNNING": "running",
    "FINISHED": "succeeded",
    "FAILED": "failed",
    "KILLED": "cancelled",
}
NO_SUCH_RUN = "There is no such training run."


@dataclass(frozen=True)
class Training:
    """`document` is as in a version's lineage. Without `client` it is what `version` kept of it."""

    run_id: str
    document: dict[str, Any]
    versions: list[ModelVersion]
    client: Upstream | None = None
    run: dict[str, Any] = field(default_factory=dict)
    project: Project | None = None
    # On the server behind mlgov; empty where the run is on another one.
    experiment_id: str = ""
    version: ModelVersion | None = None
    why_kept: str = ""

    @property
    def about(self) -> dict[str, Any]:
        return self.document.get("run") or {}

    @property
    def source(self) -> dict[str, Any]:
        return self.document.get("source") or {}

    @property
    def name(self) -> str:
        return str(self.about.get("name") or self.run_id)

    @property
    def started_at(self) -> datetime | None:
        return _parsed(self.about.get("started_at"))

    @property
    def ended_at(self) -> datetime | None:
        return _parsed(self.about.get("ended_at"))

    @property
    def status(self) -> str:
        return str(self.about.get("status") or "")

    @property
    def state(self) -> str:
        return state_of(self.status)

    @property
    def experiment_url(self) -> str:
        if not (self.experiment_id and self.project):
            return ""
        return reverse("projects:experiment", args=[self.project.slug, self.experiment_id])

    @property
    def is_deleted(self) -> bool:
        return (self.run.get("info") or {}).get("lifecycle_stage") == "deleted"


def state_of(status: str) -> str:
    """The status of a run as one of our states, which have colours."""
    return STATES.get(status, "none")


def training_run(run_id: str, *, user: Any) -> Training:
    """Raises `NotFound` for what the person may not see."""
    if not IDENTIFIER.fullmatch(run_id):
        raise NotFound(NO_SUCH_RUN)
    versions = list(
        policies.versions.visible_to(user)
        .filter(source_run_id=run_id)
        .select_related("model__project", "tracking_server", "lineage")
        .order_by("-pk")
    )
    try:
        return _live(run_id, versions, user)
    except (NotFound, Invalid, Unavailable) as refusal:
        return _kept(run_id, versions, refusal)


def _live(run_id: str, versions: list[ModelVersion], user: Any) -> Training:
    """Raises `NotFound` also where the run lies in an experiment of others.

    Who sees a version sees what was copied when it was registered. That does not open the rest of
    the run, which belongs to the project of its experiment.
    """
    project: Project | None = None
    experiment_id = ""
    elsewhere = [version for version in versions if version.tracking_server_id]
    if elsewhere:
        project = elsewhere[0].project
        project_policies.projects.require(user, "view", project)
        client = upstream.client_of(elsewhere[0].tracking_server, project)
    else:
        experiment_id = tracking.require_run(run_id, user=user)
        experiment = tracking.known_experiment(experiment_id)
        project = experiment.project if experiment is not None else None
        client = upstream.client()
    run = client.get_run(run_id)
    try:
        document = lineage.of(_Origin(run_id), _Once(run, client))
    except ValueError:
        raise Invalid("This run holds more values than mlgov shows.") from None
    return Training(
        run_id=run_id,
        document=document,
        versions=versions,
        client=client,
        run=run,
        project=project,
        experiment_id=experiment_id,
    )


def _kept(run_id: str, versions: list[ModelVersion], refusal: DomainError) -> Training:
    for version in versions:
        document = getattr(getattr(version, "lineage", None), "document", None) or {}
        if document.get("run"):
            return Training(
                run_id=run_id,
                document=document,
                versions=versions,
                project=version.project,
                version=version,
                why_kept=_why(refusal),
            )
    if isinstance(refusal, NotFound):
        raise NotFound(NO_SUCH_RUN) from None
    raise refusal


def _why(refusal: DomainError) -> str:
    if isinstance(refusal, NotFound):
        return "It was deleted on the tracking server, or its experiment is not one of yours."
    return refusal.message


@dataclass(frozen=True)
class _Origin:
    source_run_id: str
    logged_model_id: str = ""


@dataclass(frozen=True)
class _Once:
    """The tracking server, with the run that was read already."""

    run: dict[str, Any]
    client: Upstream

    def get_run(self, run_id: str) -> dict[str, Any]:
        return self.run

    def get_logged_model(self, model_id: str) -> dict[str, Any]:
        return self.client.get_logged_model(model_id)

    def get_experiment(self, experiment_id: str) -> dict[str, Any]:
        return self.client.get_experiment(experiment_id)


# ---- what the page shows of it ------------------------------------------------------------------


def metrics(found: Training, *, find: str = "") -> list[tuple[str, float]]:
    """Name and last value of each metric that fits; those about the machine come last."""
    last: dict[str, float] = {}
    for row in found.document.get("metrics") or []:
        last.setdefault(str(row.get("name")), number(row.get("value")))
    rows = [(name, value) for name, value in last.items() if find.lower() in name.lower()]
    return sorted(rows, key=lambda row: (row[0].startswith(SYSTEM), row[0]))


def pairs(found: Training, key: str, *, find: str = "") -> list[tuple[str, str]]:
    """Parameters or tags whose names or values fit."""
    rows = ((str(name), str(value)) for name, value in (found.document.get(key) or {}).items())
    wanted = find.lower()
    return sorted(row for row in rows if wanted in row[0].lower() or wanted in row[1].lower())


def curves(found: Training, rows: Iterable[tuple[str, float]]) -> list[Curve]:
    """The metrics with their histories, as many as there is time for."""
    enough_at = time.monotonic() + DRAWING
    drawn = []
    for name, last in rows:
        if found.client is None:
            drawn.append(Curve(name, last))
        elif time.monotonic() > enough_at:
            drawn.append(Curve(name, last, trouble="The tracking server is slow."))
        else:
            drawn.append(curve(found, name, last, most=POINTS))
    return drawn


def curve(found: Training, name: str, last: float, *, most: int = MORE_POINTS) -> Curve:
    if found.client is None:
        return Curve(name, last, trouble=found.why_kept)
    try:
        rows = training.metric_history(found.client, found.run_id, name, most=most)
    except DomainError as refusal:
        return Curve(name, last, trouble=refusal.message)
    return Curve(name, last, points_of(rows)[:most], is_sampled=len(rows) >= most)


@dataclass(frozen=True)
class DataSet:
    name: str
    context: str
    digest: str
    kind: str
    source: str
    rows: Any
    columns: list[tuple[str, str]]
    column_count: int


def data_sets(found: Training) -> list[DataSet]:
    return [_data_set(row) for row in found.document.get("datasets") or []]


def _data_set(row: dict[str, Any]) -> DataSet:
    schema = row.get("schema")
    columns = _columns(schema.get("mlflow_colspec") if isinstance(schema, dict) else None)
    source = row.get("source")
    if isinstance(source, dict):
        # {"uri": "s3://…"} is what nearly all of them say.
        source = next((source[key] for key in ("uri", "url", "path") if source.get(key)), source)
    return DataSet(
        name=str(row.get("name") or ""),
        context=str(row.get("context") or ""),
        digest=str(row.get("digest") or ""),
        kind=str(row.get("source_type") or ""),
        source=str(source or ""),
        rows=row.get("rows"),
        columns=columns[:MOST_COLUMNS],
        column_count=len(columns),
    )


def _columns(spec: Any) -> list[tuple[str, str]]:
    if not isinstance(spec, list):
        return []
    return [
        (str(column.get("name") or ""), str(column.get("type") or ""))
        for column in spec
        if isinstance(column, dict)
    ]


@dataclass(frozen=True)
class LoggedModel:
    model_id: str
    name: str
    status: str
    versions: list[ModelVersion]


def logged_models(found: Training, *, user: Any) -> list[LoggedModel]:
    """The logged models of the run, each with the versions that were registered from it."""
    if found.client is None:
        return []
    try:
        infos = [m.get("info") or {} for m in training.logged_models_of(found.client, found.run)]
    except Unavailable:
        return []
    ids = [str(info.get("model_id") or "") for info in infos]
    versions = list(
        policies.versions.visible_to(user)
        .filter(logged_model_id__in=[i for i in ids if i])
        .select_related("model", "placement__stage")
        .order_by("pk")
    )
    return [
        LoggedModel(
            model_id=model_id,
            name=str(info.get("name") or model_id),
            status=str(info.get("status") or "").removeprefix("LOGGED_MODEL_").lower(),
            versions=[v for v in versions if v.logged_model_id == model_id],
        )
        for model_id, info in zip(ids, infos, strict=True)
    ]


def files_of(found: Training, *, model_id: str = "") -> tuple[Upstream, str]:
    """Whom to ask for the run's artifacts, or those of its logged model, and where they lie."""
    if found.client is None:
        raise NotFound(f"The artifacts of this run cannot be read. {found.why_kept}")
    info = found.run.get("info") or {}
    if model_id:
        if not IDENTIFIER.fullmatch(model_id):
            raise NotFound("There is no such logged model.")
        info = found.client.get_logged_model(model_id).get("info") or {}
        if info.get("source_run_id") != found.run_id:
            raise NotFound("There is no such logged model.")
    return found.client, training.root_of(str(info.get("artifact_uri") or ""))


def _parsed(text: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(str(text)) if text else None
    except ValueError:
        return None
