"""What mlgov answers, as typed values. What a newer mlgov adds is left out."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import datetime
from typing import Any

UNDECIDED = ("open", "changes_requested")


@dataclass(frozen=True)
class Person:
    """Who asks, as mlgov knows him."""

    username: str
    name: str
    email: str
    groups: tuple[str, ...]

    @classmethod
    def read(cls, data: Any) -> Person:
        return cls(data["username"], data["name"], data["email"], tuple(data["groups"]))


@dataclass(frozen=True)
class VersionDetails:
    project: str
    model: str
    number: int
    state: str  # PENDING_REGISTRATION, READY or FAILED_REGISTRATION
    status_message: str
    stage: str | None
    artifact_digest: str
    artifact_bytes: int
    registered_by: str
    created_at: datetime
    source_run_id: str
    python_version: str
    requirements: tuple[str, ...]
    tags: dict[str, str]
    aliases: tuple[str, ...]
    move: int | None
    url: str

    @classmethod
    def read(cls, data: Any) -> VersionDetails:
        return cls(
            project=data["project"],
            model=data["model"],
            number=data["number"],
            state=data["state"],
            status_message=data["status_message"],
            stage=data["stage"],
            artifact_digest=data["artifact_digest"],
            artifact_bytes=data["artifact_bytes"],
            registered_by=data["registered_by"]["username"],
            created_at=moment(data["created_at"]),
            source_run_id=data["source_run_id"],
            python_version=data["python_version"],
            requirements=tuple(data["requirements"]),
            tags=dict(data["tags"]),
            aliases=tuple(data["aliases"]),
            move=data["move"],
            url=data["url"],
        )


@dataclass(frozen=True)
class Stage:
    """A stage of a project, and what it asks there."""

    slug: str
    name: str
    environment: str | None
    mlflow_stage: str
    needs_review: bool
    approvals_required: int

    @classmethod
    def read(cls, data: Any) -> Stage:
        return cls(
            slug=data["slug"],
            name=data["name"],
            environment=data["environment"],
            mlflow_stage=data["mlflow_stage"],
            needs_review=data["policy"]["needs_review"],
            approvals_required=data["policy"]["approvals_required"],
        )


@dataclass(frozen=True)
class Reviewer:
    username: str
    roles: tuple[str, ...]
    state: str  # approved, changes, stale or waiting
    comment: str

    @classmethod
    def read(cls, data: Any) -> Reviewer:
        comment = data["verdict"]["comment"] if data["verdict"] else ""
        return cls(data["person"]["username"], tuple(data["roles"]), data["state"], comment)


@dataclass(frozen=True)
class Review:
    id: int
    project: str
    model: str
    version: int
    stage: str
    state: str  # open, changes_requested, approved or withdrawn
    note: str
    requested_by: str
    requested_at: datetime
    closed_at: datetime | None
    approvals: int
    needed: int
    sentence: str  # how far it is, for people
    reviewers: tuple[Reviewer, ...]
    url: str

    @property
    def is_approved(self) -> bool:
        return self.state == "approved"

    @property
    def is_undecided(self) -> bool:
        """Whether its reviewers may still approve it; also after they asked for changes."""
        return self.state in UNDECIDED

    @classmethod
    def read(cls, data: Any) -> Review:
        standing = data["standing"]
        return cls(
            id=data["id"],
            project=data["project"],
            model=data["model"],
            version=data["version"],
            stage=data["stage"],
            state=data["state"],
            note=data["note"],
            requested_by=data["requested_by"]["username"],
            requested_at=moment(data["requested_at"]),
            closed_at=_perhaps(data["closed_at"]),
            approvals=standing["approvals"],
            needed=standing["needed"],
            sentence=standing["sentence"],
            reviewers=tuple(Reviewer.read(row) for row in standing["reviewers"]),
            url=data["url"],
        )


@dataclass(frozen=True)
class Run:
    """An attempt at slow work: a build, a rollout, an evaluation, a file that is written."""

    id: int
    kind: str
    title: str
    state: str
    error_code: str
    error_text: str
    error_remedy: str

    @property
    def is_finished(self) -> bool:
        return self.state not in ("queued", "running")

    @classmethod
    def read(cls, data: Any) -> Run:
        return cls(**{field.name: data[field.name] for field in dataclasses.fields(cls)})


@dataclass(frozen=True)
class Deployment:
    id: int
    project: str
    endpoint: str
    environment: str
    model: str
    version: int
    state: str  # building, deploying, serving, failed or retired
    traffic: int  # percent
    replicas: int
    created_at: datetime
    serving_since: datetime | None
    retired_at: datetime | None
    move: int
    build: Run | None
    rollouts: tuple[Run, ...]  # newest first
    url: str

    @property
    def is_on_its_way(self) -> bool:
        if self.state in ("building", "deploying"):
            return True
        # What lost its traffic goes on serving while a rollout gives it back.
        return self.state == "serving" and not self.traffic and self._is_rolling_out

    @property
    def _is_rolling_out(self) -> bool:
        return bool(self.rollouts) and not self.rollouts[0].is_finished

    @property
    def failure(self) -> Run | None:
        """The run that failed, of a deployment that did."""
        runs = [*self.rollouts, *([self.build] if self.build else [])]
        failed = [run for run in runs if run.state in ("failed", "cancelled")]
        return max(failed, key=lambda run: run.id, default=None) if self.state == "failed" else None

    @classmethod
    def read(cls, data: Any) -> Deployment:
        return cls(
            id=data["id"],
            project=data["project"],
            endpoint=data["endpoint"],
            environment=data["environment"],
            model=data["model"],
            version=data["version"],
            state=data["state"],
            traffic=data["traffic"],
            replicas=data["replicas"],
            created_at=moment(data["created_at"]),
            serving_since=_perhaps(data["serving_since"]),
            retired_at=_perhaps(data["retired_at"]),
            move=data["move"],
            build=Run.read(data["build"]) if data["build"] else None,
            rollouts=tuple(Run.read(row["run"]) for row in data["rollouts"]),
            url=data["url"],
        )


@dataclass(frozen=True)
class Status:
    """Where a version stands: its newest review for each stage, and its deployments."""

    version: VersionDetails
    reviews: tuple[Review, ...]
    deployments: tuple[Deployment, ...]


@dataclass(frozen=True)
class MissingField:
    """A field of a card that a review needs, and that says nothing yet or waits for a yes."""

    pointer: str
    title: str
    reason: str
    filled_by: str  # auto, auto+edit, person or system

    @classmethod
    def read(cls, data: Any) -> MissingField:
        return cls(data["pointer"], data["title"], data["reason"], data["filled_by"])


@dataclass(frozen=True)
class ImportedCard:
    """The revision of a card that a file made, and what waits on it for somebody's yes."""

    revision: int
    digest: str
    unconfirmed: dict[str, str]  # by JSON pointer of the field: where its value is from

    @classmethod
    def read(cls, data: Any) -> ImportedCard:
        return cls(data["revision"], data["digest"], dict(data["unconfirmed"]))


@dataclass(frozen=True)
class CardFormat:
    format: str
    title: str
    suffix: str
    is_written: bool
    can_be_imported: bool
    run: Run | None  # of the worker that writes it

    @classmethod
    def read(cls, data: Any) -> CardFormat:
        return cls(
            format=data["format"],
            title=data["title"],
            suffix=data["suffix"],
            is_written=data["is_written"],
            can_be_imported=data["can_be_imported"],
            run=Run.read(data["run"]) if data["run"] else None,
        )


@dataclass(frozen=True)
class DataSet:
    """What versions are evaluated on. Its rows are not given out."""

    id: int
    name: str
    format: str
    size: int
    sha256: str
    columns: tuple[str, ...]
    description: str

    @classmethod
    def read(cls, data: Any) -> DataSet:
        return cls(
            id=data["id"],
            name=data["name"],
            format=data["format"],
            size=data["size"],
            sha256=data["sha256"],
            columns=tuple(data["columns"]),
            description=data["description"],
        )


@dataclass(frozen=True)
class Evaluation:
    id: int
    model: str
    version: int
    data_set: str
    kind: str  # binary, multiclass or regression
    target: str
    run: Run
    url: str

    @property
    def has_report(self) -> bool:
        return self.run.state == "succeeded"

    @classmethod
    def read(cls, data: Any) -> Evaluation:
        return cls(
            id=data["id"],
            model=data["model"],
            version=data["version"],
            data_set=data["data_set"]["name"],
            kind=data["kind"],
            target=data["target"],
            run=Run.read(data["run"]),
            url=data["url"],
        )


def as_dict(value: Any) -> Any:
    """The same as plain values that JSON has."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: as_dict(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, (list, tuple)):
        return [as_dict(part) for part in value]
    if isinstance(value, dict):
        return {key: as_dict(part) for key, part in value.items()}
    return value


def moment(text: str) -> datetime:
    # Python 3.10 does not read the Z.
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def _perhaps(text: str | None) -> datetime | None:
    return moment(text) if text else None
