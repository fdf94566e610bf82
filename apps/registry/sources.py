"""Where the artifacts of a new version come from: one spelling after another, resolved at once.

A source is on the tracking server that the project reads, in a store that the project may read, or
a version that is registered. Nothing here opens an address or a file that the sender names.
"""

import re
from dataclasses import dataclass, replace
from typing import Any

from apps.core.errors import Conflict, Invalid, NotFound, Unavailable
from apps.projects.models import Project
from apps.registry import policies, queries
from apps.registry.models import ModelVersion
from apps.tracking import places
from apps.tracking import queries as tracking
from apps.tracking import upstream as servers
from apps.tracking.models import ArtifactStore, TrackingServer
from apps.tracking.stores.base import NEVER, is_within
from apps.tracking.upstream import IDENTIFIER, Upstream

LOGGED_MODEL = re.compile(r"models:/(m-[0-9a-zA-Z_-]{1,62})")
REGISTERED = re.compile(r"models:/(?P<name>[^/@]+)(?:/(?P<version>[^/@]+)|@(?P<alias>[\w-]+))")
RUN = re.compile(r"runs:/(?P<run>[0-9a-zA-Z_-]{1,32})/(?P<path>.+)")
PROXIED = re.compile(r"mlflow-artifacts:/(?P<path>[^/].*)")
LONGEST = 500
LONGEST_RUN_ID = 32
LONGEST_MODEL_ID = 64
MOST_OUTPUTS = 50
ACCEPTED = (
    "models:/m-…, runs:/<run id>/<path>, mlflow-artifacts:/<path>, models:/<name>/<version> and "
    "addresses in the project's stores, such as s3://<bucket>/<path>"
)


@dataclass(frozen=True)
class ResolvedSource:
    """What a source stands for, or which version it is a copy of.

    `artifact_path` is one of the tracking server, or with `store` an address in that store.
    """

    artifact_path: str
    source: str = ""
    run_id: str = ""
    logged_model_id: str = ""
    experiment_id: str = ""
    claimed_author: str = ""
    origin: ModelVersion | None = None
    tracking_server: TrackingServer | None = None
    store: ArtifactStore | None = None


@dataclass(frozen=True)
class _Asked:
    source: str
    run_id: str
    model_id: str
    project: Project
    upstream: Upstream
    # Whose experiments these have to be, where it is the server behind the pass-through.
    seen_by: Any = None


def resolve(
    source: str, *, project: Project, user: Any, run_id: str = "", model_id: str = ""
) -> ResolvedSource:
    """What a project would register. The one spelling that stays true is in `source`.

    Raises `Invalid` for what is refused, `NotFound` for what the tracking server lacks.
    """
    if not source:
        raise Invalid("Say with `source` what to register.", details={"source": "It is missing."})
    if len(source) > LONGEST:
        raise _refused(source, f"a source has at most {LONGEST} characters")
    if len(run_id) > LONGEST_RUN_ID or len(model_id) > LONGEST_MODEL_ID:
        raise Invalid("The run id or the model id is longer than MLflow's ids are.")
    if (match := REGISTERED.fullmatch(source)) and not LOGGED_MODEL.fullmatch(source):
        return _of_version(match, run_id=run_id, model_id=model_id, user=user)
    access = servers.access_of(project)
    client = servers.client_for(project, access) if access else servers.client()
    seen_by = None if access else user
    asked = _Asked(source, run_id, model_id, project, client, seen_by)
    found = _looked_up(asked)
    return replace(found, source=source, tracking_server=access.server if access else None)


@dataclass(frozen=True)
class ResolvedFile:
    """One file: its path on the tracking server, or with `store` its address in that store."""

    path: str
    store: ArtifactStore | None
    tracking_server: TrackingServer | None


def resolve_file(address: str, *, project: Project, user: Any, run_id: str) -> ResolvedFile:
    """A file that a run speaks of: among artifacts that the person sees, or in a store.

    Opens nothing in a store. Raises `Invalid` for what lies anywhere else.
    """
    access = servers.access_of(project)
    client = servers.client_for(project, access) if access else servers.client()
    server = access.server if access else None
    asked = _Asked(address, run_id, "", project, client, None if access else user)
    if match := RUN.fullmatch(address):
        path = _checked(address, match["path"].rstrip("/"))
        found = _of_run_itself(asked, _run(asked, match["run"]), match["run"])
        return ResolvedFile(f"{found.artifact_path}/{path}", found.store, server)
    if match := PROXIED.fullmatch(address):
        found = _within_root(asked, _checked(address, match["path"].rstrip("/")))
        return ResolvedFile(found.artifact_path, found.store, server)
    place = places.place_of(address, project=project)
    return ResolvedFile(place.location, place.store, server)


def _looked_up(asked: _Asked) -> ResolvedSource:
    source = asked.source
    if match := LOGGED_MODEL.fullmatch(source):
        return _of_logged_model(asked, match[1])
    if match := RUN.fullmatch(source):
        return _of_run(asked, match["run"], _checked(source, match["path"].rstrip("/")))
    if match := PROXIED.fullmatch(source):
        return _within_root(asked, _checked(source, match["path"].rstrip("/")))
    if places.is_address(source):
        return _in_store(asked)
    raise _refused(
        source,
        f"mlgov takes over what the tracking server of {asked.project} holds, and knows the "
        f"spellings {ACCEPTED}. Log the model through mlgov, then register it",
    )


def _of_logged_model(asked: _Asked, found: str) -> ResolvedSource:
    if asked.model_id and asked.model_id != found:
        raise Invalid(
            f"The source names the logged model {found}, and model_id is {asked.model_id}."
        )
    info = _logged_model(asked, found)
    trained_in = _id(asked, info, "source_run_id", longest=LONGEST_RUN_ID, may_miss=True)
    if asked.run_id and trained_in and asked.run_id != trained_in:
        raise Invalid(
            f"The logged model {found} comes from run {trained_in}, not from {asked.run_id}."
        )
    run = _run_info(asked, trained_in) if trained_in else {}
    path, store = _place(asked, info.get("artifact_uri"))
    return ResolvedSource(
        artifact_path=path,
        store=store,
        run_id=trained_in,
        logged_model_id=found,
        experiment_id=_id(asked, info, "experiment_id", may_miss=True),
        claimed_author=_author(run),
    )


def _of_run(asked: _Asked, run_id: str, path: str) -> ResolvedSource:
    if asked.run_id and asked.run_id != run_id:
        raise Invalid(f"The source names the run {run_id}, and run_id is {asked.run_id}.")
    run = _run(asked, run_id)
    # Since MLflow 3 a run's model is a logged model beside the run; its name is the path.
    outputs = (run.get("outputs") or {}).get("model_outputs") or []
    for output in sorted(outputs, key=lambda o: int(o.get("step") or 0), reverse=True)[
        :MOST_OUTPUTS
    ]:
        info = _logged_model(asked, str(output.get("model_id")))
        model_id = _id(asked, info, "model_id")
        if info.get("name") == path and asked.model_id in ("", model_id):
            place, store = _place(asked, info.get("artifact_uri"))
            return replace(
                _of_run_itself(asked, run, run_id),
                artifact_path=place,
                store=store,
                logged_model_id=model_id,
            )
    if asked.model_id:
        raise NotFound(f"Run {run_id} has no logged model {asked.model_id} named “{path}”.")
    found = _of_run_itself(asked, run, run_id)
    return replace(found, artifact_path=f"{found.artifact_path}/{path}")


def _of_run_itself(asked: _Asked, run: dict[str, Any], run_id: str) -> ResolvedSource:
    place, store = _place(asked, run["info"].get("artifact_uri"))
    return ResolvedSource(
        artifact_path=place,
        store=store,
        run_id=run_id,
        experiment_id=_id(asked, run["info"], "experiment_id"),
        claimed_author=_author(run),
    )


def _within_root(asked: _Asked, path: str) -> ResolvedSource:
    found = _owner(asked)
    if found is None:
        raise _refused(asked.source, "say with run_id or model_id whose artifacts these are")
    if found.store is not None or not is_within(path, found.artifact_path):
        owner = f"logged model {asked.model_id}" if asked.model_id else f"run {asked.run_id}"
        raise _refused(asked.source, f"it lies outside the artifacts of {owner}")
    return replace(found, artifact_path=path)


def _in_store(asked: _Asked) -> ResolvedSource:
    """What lies in a store may come from a run that logged elsewhere, or from none."""
    place = _placed(asked, asked.source)
    found = _owner(asked) or ResolvedSource(artifact_path="")
    if next(iter(places.reader(place.store, asked.project).list_artifacts(place.location)), None):
        return replace(found, artifact_path=place.location, store=place.store)
    raise NotFound(f"There are no files at {place.location}.")


def _owner(asked: _Asked) -> ResolvedSource | None:
    """The logged model or the run that the sender names beside the source."""
    if asked.model_id:
        return _of_logged_model(asked, asked.model_id)
    if asked.run_id:
        return _of_run_itself(asked, _run(asked, asked.run_id), asked.run_id)
    return None


def _of_version(match: re.Match[str], *, run_id: str, model_id: str, user: Any) -> ResolvedSource:
    model = queries.model_named(match["name"], user=user)
    wanted = match["version"]
    if match["alias"]:
        origin = queries.version_behind(model, match["alias"])
    elif wanted.casefold() == "latest":
        origin = queries.latest_version(model)
    else:
        origin = queries.version_of(model, wanted)
    policies.versions.require(user, "view", origin)
    if not origin.is_ready:
        raise Conflict(f"{origin} is not ready, so there is nothing to copy yet.")
    if run_id and run_id != origin.source_run_id:
        raise Invalid(f"{origin} comes from run {origin.source_run_id or '-'}, not from {run_id}.")
    if model_id and model_id != origin.logged_model_id:
        raise Invalid(f"{origin} does not come from the logged model {model_id}.")
    return ResolvedSource(
        artifact_path=origin.artifact_path,
        # An alias, a stage and "latest" can stand for another version tomorrow.
        source=f"models:/{model.name}/{origin.number}",
        run_id=origin.source_run_id,
        logged_model_id=origin.logged_model_id,
        experiment_id=origin.experiment_id,
        claimed_author=origin.claimed_author,
        origin=origin,
        tracking_server=origin.tracking_server,
        store=origin.store,
    )


def _place(asked: _Asked, artifact_uri: Any) -> tuple[str, ArtifactStore | None]:
    """Where a run or a logged model keeps its artifacts: on its server, or in a store."""
    address = str(artifact_uri or "")
    if match := PROXIED.fullmatch(address):
        return _checked(address, match["path"].rstrip("/")), None
    if places.is_address(address):
        place = _placed(asked, address)
        return place.location, place.store
    raise Invalid(
        "The artifacts of this run or model lie outside the tracking server, where mlgov has "
        "no access. Let the tracking server serve its artifacts (--serve-artifacts) and log "
        "the model again, or ask an administrator to add the store that holds them."
    )


def _placed(asked: _Asked, address: str) -> places.Place:
    try:
        return places.place_of(address, project=asked.project)
    except Invalid as refusal:
        raise _refused(address, refusal.message.rstrip(".")) from None


def _id(
    asked: _Asked, info: dict[str, Any], key: str, *, longest: int = 64, may_miss: bool = False
) -> str:
    """An id that the server told; it becomes a part of our addresses and rows."""
    text = str(info.get(key) or "")
    if may_miss and not text:
        return ""
    if not IDENTIFIER.fullmatch(text) or len(text) > longest:
        raise Unavailable(asked.upstream.sentences.strange)
    return text


def _checked(source: str, path: str) -> str:
    if NEVER.search(path):
        raise _refused(source, "its path holds an encoded or control character")
    if any(part in ("", ".", "..") for part in path.split("/")):
        raise _refused(source, "its path is not a plain one")
    return path


def _run(asked: _Asked, run_id: str) -> dict[str, Any]:
    run = asked.upstream.get_run(run_id)
    _require_seen(asked, run["info"], f"run {run_id}")
    return run


def _logged_model(asked: _Asked, model_id: str) -> dict[str, Any]:
    info: dict[str, Any] = asked.upstream.get_logged_model(model_id)["info"]
    _require_seen(asked, info, f"logged model {model_id}")
    return info


def _require_seen(asked: _Asked, info: dict[str, Any], what: str) -> None:
    """What lies in an experiment of others is not there, as for the pass-through."""
    if asked.seen_by is None:
        return
    try:
        tracking.require(str(info.get("experiment_id") or ""), user=asked.seen_by)
    except NotFound:
        raise NotFound(f"The tracking server has no {what}.") from None


def _run_info(asked: _Asked, run_id: str) -> dict[str, Any]:
    try:
        return _run(asked, run_id)
    except NotFound:
        # A logged model outlives the run that made it.
        return {}


def _author(run: dict[str, Any]) -> str:
    tags = {tag["key"]: tag["value"] for tag in (run.get("data") or {}).get("tags") or []}
    return str(tags.get("mlflow.user") or "")[:150]


def _refused(source: str, reason: str) -> Invalid:
    return Invalid(f"Invalid model version source: '{source[:200]}': {reason}.", code="bad_source")
