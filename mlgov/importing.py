"""An MLflow registry copied into mlgov: models, prompts, versions, labels, stages, artifacts.

The other registry is read with MLflow's own client, so anything that the client opens can be
imported: a server, or the database and the folders of one. Nothing is written there.
"""

import json
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from mlflow.artifacts import download_artifacts
from mlflow.entities.model_registry import ModelVersion as TheirVersion
from mlflow.entities.model_registry import RegisteredModel as TheirModel
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient
from mlflow.utils.proto_json_utils import message_to_json

from apps.accounts.models import User
from apps.core.errors import DomainError, NotFound, Unavailable
from apps.projects.models import Project
from apps.registry import lineage, mlmodel, services, storage, validation
from apps.registry.models import Alias, ModelVersion, RegisteredModel
from apps.registry.services import FoundVersion
from apps.runs.failures import RunFailure
from apps.stages import queries as stage_queries
from apps.stages import services as stage_services
from apps.stages.models import MlflowStage

CHUNK = 1024 * 1024
PAGE = 200
READY = "READY"
PROMPTS = f"tags.`{validation.IS_PROMPT}` = 'true'"  # a search that does not say so finds none


@dataclass
class Report:
    """What one import did, and what it left, with the reason."""

    imported: list[str] = field(default_factory=list)
    there_already: list[str] = field(default_factory=list)
    labelled: list[str] = field(default_factory=list)
    left: list[tuple[str, str]] = field(default_factory=list)

    @property
    def changed(self) -> bool:
        return bool(self.imported or self.labelled)


@dataclass(frozen=True)
class Planned:
    """A model or prompt of the other registry with its versions, oldest first."""

    model: TheirModel
    versions: list[TheirVersion]


class TheirServer:
    """The other installation, in the words of our lineage."""

    def __init__(self, client: MlflowClient) -> None:
        self._client = client

    def get_run(self, run_id: str) -> dict[str, Any]:
        return _told(lambda: self._client.get_run(run_id))

    def get_logged_model(self, model_id: str) -> dict[str, Any]:
        return _told(lambda: self._client.get_logged_model(model_id))

    def get_experiment(self, experiment_id: str) -> dict[str, Any]:
        return _told(lambda: self._client.get_experiment(experiment_id))


def _told(ask: Callable[[], Any]) -> dict[str, Any]:
    try:
        found = json.loads(message_to_json(ask().to_proto()))
    except MlflowException as error:
        raise _ours(error) from error
    assert isinstance(found, dict)
    return found


class Importer:
    """One import from one registry into one project."""

    def __init__(
        self, *, origin: str, registry: str, project: Project, by: User, with_stages: bool
    ) -> None:
        self._origin, self._project, self._by = origin, project, by
        self._with_stages = with_stages
        self._tracking_uri = origin
        self._client = MlflowClient(tracking_uri=origin, registry_uri=registry or origin)
        self._name = registry or origin
        self.report = Report()

    def plan(self, pattern: str) -> list[Planned]:
        """Everything that could be imported. Raises `Unavailable` where the registry is not."""
        with _translated():
            # A server from before prompts were told apart finds them among the models as well.
            found = {
                entry.name: entry
                for asked in ("", PROMPTS)
                for entry in self._pages(
                    self._client.search_registered_models, _both(_like(pattern), asked)
                )
            }
            return [
                Planned(entry, sorted(self._versions(entry), key=lambda v: int(v.version)))
                for entry in found.values()
            ]

    def _versions(self, entry: TheirModel) -> Iterator[TheirVersion]:
        quote = '"' if "'" in entry.name else "'"
        asked = _both(f"name={quote}{entry.name}{quote}", PROMPTS if _is_prompt(entry) else "")
        return self._pages(self._client.search_model_versions, asked)

    def _pages(self, search: Callable[..., Any], text: str | None) -> Iterator[Any]:
        token = None
        while True:
            page = search(filter_string=text, max_results=PAGE, page_token=token)
            yield from page
            token = page.token
            if not token:
                return

    def take(self, planned: Planned, *, done: Callable[[str], object]) -> None:
        """Import a model with its versions; `done` hears of each version."""
        try:
            model = self._model(planned.model)
        except DomainError as error:
            self.report.left.append((planned.model.name, error.message))
            for version in planned.versions:
                done(f"{version.name}/{version.version}")
            return
        for version in planned.versions:
            self._version(model, version)
            done(f"{version.name}/{version.version}")
        self._aliases(model, planned.model)
        if self._with_stages:
            self._stages(model, planned.versions)

    def _model(self, theirs: TheirModel) -> RegisteredModel:
        found = RegisteredModel.objects.filter(name=theirs.name, deleted_at=None).first()
        if found is None:
            model = services.create_model(
                name=theirs.name,
                project=self._project,
                description=theirs.description or "",
                tags=_tags_of(theirs),
                by=self._by,
            )
            self.report.labelled.append(theirs.name)
            return model
        ours = found.versions.filter(imported_from__startswith=f"{self._name}#").exists()
        is_another = found.is_prompt != _is_prompt(theirs) or found.project_id != self._project.pk
        if is_another or (found.versions.exists() and not ours):
            kind = "prompt" if found.is_prompt else "model"
            raise NotFound(
                f"There is a {kind} of this name already that did not come from this registry. "
                "Rename one of the two, then import again."
            )
        return found

    def _version(self, model: RegisteredModel, theirs: TheirVersion) -> None:
        label = f"{theirs.name}/{theirs.version}"
        origin = f"{self._name}#{label}"
        known = ModelVersion.objects.filter(model=model, number=int(theirs.version)).first()
        if known is not None and known.imported_from == origin:
            self.report.there_already.append(label)
        elif known is not None:
            self.report.left.append((label, "Another version has this number in mlgov already."))
        elif theirs.status != READY:
            self.report.left.append((label, f"It is not ready there: {theirs.status}."))
        else:
            try:
                with _translated():
                    self._copy(model, theirs, origin)
                self.report.imported.append(label)
            except RunFailure as error:
                self.report.left.append((label, str(error)))
            except DomainError as error:
                self.report.left.append((label, error.message))
            except OSError as error:
                self.report.left.append((label, f"Its artifacts cannot be read: {error}."))

    def _copy(self, model: RegisteredModel, theirs: TheirVersion, origin: str) -> None:
        if model.is_prompt:  # its text lies in a tag
            services.import_version(
                model, _found(theirs), origin=origin, entries=[], facts={}, lineage={}, by=self._by
            )
            return
        uri = self._client.get_model_version_download_uri(theirs.name, theirs.version)
        incoming = settings.MLGOV_DATA_DIR / "incoming"
        incoming.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=incoming, prefix="import-") as folder:
            root = Path(
                download_artifacts(
                    artifact_uri=uri, dst_path=folder, tracking_uri=self._tracking_uri
                )
            )
            entries = [_kept(path, root) for path in sorted(root.rglob("*")) if path.is_file()]
        reading = mlmodel.read(entries)
        found = _found(theirs)
        document = lineage.of(found, TheirServer(self._client))
        services.import_version(
            model,
            found,
            origin=origin,
            entries=entries,
            facts=reading.facts,
            lineage={**document, "environment": reading.environment},
            by=self._by,
        )

    def _aliases(self, model: RegisteredModel, theirs: TheirModel) -> None:
        for alias, number in theirs.aliases.items():
            label = f"{model.name}@{alias}"
            version = ModelVersion.objects.filter(
                model=model, number=int(number), deleted_at=None
            ).first()
            if version is None:
                self.report.left.append((label, f"Version {number} was not imported."))
            elif not Alias.objects.filter(model=model, name=alias).exists():
                try:
                    services.set_alias(version, name=alias, by=self._by)
                    self.report.labelled.append(label)
                except DomainError as error:
                    self.report.left.append((label, error.message))

    def _stages(self, model: RegisteredModel, theirs: list[TheirVersion]) -> None:
        # In the order of their numbers, so that a stage's alias ends at the newest one.
        newest = {found.current_stage: int(found.version) for found in theirs}
        for found in theirs:
            if found.current_stage in (None, MlflowStage.NONE.value):
                continue
            version = ModelVersion.objects.filter(model=model, number=int(found.version)).first()
            if version is None or not version.imported_from or version.deleted_at is not None:
                continue
            # Moves that people made since are theirs: a second import does not undo them.
            if version.moves.exists() or stage_queries.current_stage(version) is not None:
                continue
            is_newest = newest[found.current_stage] == version.number
            self._place(version, found.current_stage, is_newest=is_newest)

    def _place(self, version: ModelVersion, name: str, *, is_newest: bool) -> None:
        stage = stage_queries.stage_named(version.project, name)
        label = f"{version.model.name}/{version.number}"
        if stage is None:
            self.report.left.append((label, f"There is no stage here for its stage {name}."))
            return
        archive = stage_queries.archive_stage()
        has_room = is_newest and not stage_queries.holders_of([stage], version)
        if stage.single_occupancy and stage != archive and not has_room:
            stage = archive
        if stage is not None:
            stage_services.place_imported(
                version, stage, by=self._by, reason=f"It stood in {name} at {self._name}."
            )
            self.report.labelled.append(f"{label} in {stage}")


def _found(theirs: TheirVersion) -> FoundVersion:
    return FoundVersion(
        number=int(theirs.version),
        source=theirs.source or "",
        source_run_id=theirs.run_id or "",
        logged_model_id=theirs.model_id or _logged_model_in(theirs.source or ""),
        run_link=theirs.run_link or "",
        description=theirs.description or "",
        created_at=datetime.fromtimestamp(theirs.creation_timestamp / 1000, tz=UTC),
        tags=dict(theirs.tags),
    )


def _logged_model_in(source: str) -> str:
    name = source.removeprefix("models:/")
    return name if source.startswith("models:/m-") and "/" not in name else ""


def _kept(path: Path, root: Path) -> tuple[str, int, str]:
    name = path.relative_to(root).as_posix()
    storage.safe_path(name)

    def chunks() -> Iterator[bytes]:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK):
                yield chunk

    blob = storage.save(chunks(), limit=settings.MLGOV_MODEL_LIMIT)
    return name, blob.size, blob.sha256


def _is_prompt(model: TheirModel) -> bool:
    return validation.says_prompt(_tags_of(model))


def _tags_of(model: TheirModel) -> dict[str, str]:
    """All of them: `model.tags` keeps the mark of a prompt to itself."""
    return {tag.key: tag.value for tag in model.to_proto().tags}


def _both(one: str, other: str) -> str | None:
    """Conditions of a search that all hold; None for none."""
    return " AND ".join(filter(None, (one, other))) or None


def _like(pattern: str) -> str:
    if not pattern:
        return ""
    quote = '"' if "'" in pattern else "'"
    return f"name LIKE {quote}{pattern.replace('*', '%')}{quote}"


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except MlflowException as error:
        raise _ours(error) from error


def _ours(error: MlflowException) -> DomainError:
    # The message may hold pages of a server's answer; its first line says what it is about.
    sentence = str(error.message).strip().splitlines()[0][:300]
    if error.error_code == "RESOURCE_DOES_NOT_EXIST":
        return NotFound(sentence)
    return Unavailable(f"The other registry does not answer as expected: {sentence}")


def bounded_retries() -> None:
    """Let MLflow's client give up on a server that is down after seconds, not minutes."""
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "60")
