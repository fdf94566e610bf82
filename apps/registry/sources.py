"""Where the artifacts of a new version come from: one spelling after another, resolved at once.

Only what the configured tracking server holds can be registered. Nothing here opens an address or
a file that the sender names.
"""

import re
from dataclasses import dataclass
from typing import Any

from apps.core.errors import Conflict, Invalid, NotFound
from apps.registry import policies, queries
from apps.registry.models import ModelVersion
from apps.registry.upstream import Upstream

LOGGED_MODEL = re.compile(r"models:/(m-[0-9a-zA-Z_-]{1,62})")
REGISTERED = re.compile(r"models:/(?P<name>[^/@]+)(?:/(?P<version>[^/@]+)|@(?P<alias>[\w-]+))")
RUN = re.compile(r"runs:/(?P<run>[0-9a-zA-Z_-]{1,32})/(?P<path>.+)")
PROXIED = re.compile(r"mlflow-artifacts:/(?P<path>[^/].*)")
NEVER_IN_A_PATH = re.compile(r"[%\\?#\x00-\x1f\x7f]")
LONGEST = 500
MOST_OUTPUTS = 50
ACCEPTED = (
    "models:/m-…, runs:/<run id>/<path>, mlflow-artifacts:/<path> and models:/<name>/<version>"
)


@dataclass(frozen=True)
class ResolvedSource:
    """What a source stands for on the tracking server, or which version it is a copy of."""

    artifact_path: str
    run_id: str = ""
    logged_model_id: str = ""
    experiment_id: str = ""
    claimed_author: str = ""
    origin: ModelVersion | None = None


def resolve(
    source: str, *, run_id: str = "", model_id: str = "", user: Any, upstream: Upstream
) -> ResolvedSource:
    """Raises `Invalid` for what is refused, `NotFound` for what the tracking server lacks."""
    if not source:
        raise Invalid("Say with `source` what to register.", details={"source": "It is missing."})
    if len(source) > LONGEST:
        raise _refused(source, f"a source has at most {LONGEST} characters")
    if len(run_id) > 32 or len(model_id) > 64:
        raise Invalid("The run id or the model id is longer than MLflow's ids are.")
    if match := LOGGED_MODEL.fullmatch(source):
        return _of_logged_model(upstream, match[1], run_id=run_id, model_id=model_id)
    if match := RUN.fullmatch(source):
        return _of_run(upstream, source, match, run_id=run_id, model_id=model_id)
    if match := PROXIED.fullmatch(source):
        path = _checked(source, match["path"])
        return _within_root(upstream, source, path, run_id=run_id, model_id=model_id)
    if match := REGISTERED.fullmatch(source):
        return _of_version(match, run_id=run_id, model_id=model_id, user=user)
    raise _refused(
        source,
        f"mlgov takes over what its tracking server holds, and knows the spellings {ACCEPTED}. "
        "Log the model through mlgov, then register it",
    )


def _of_logged_model(
    upstream: Upstream, found: str, *, run_id: str, model_id: str
) -> ResolvedSource:
    if model_id and model_id != found:
        raise Invalid(f"The source names the logged model {found}, and model_id is {model_id}.")
    info = upstream.get_logged_model(found)["info"]
    trained_in = info.get("source_run_id") or ""
    if run_id and trained_in and run_id != trained_in:
        raise Invalid(f"The logged model {found} comes from run {trained_in}, not from {run_id}.")
    run = _run_info(upstream, trained_in) if trained_in else {}
    return ResolvedSource(
        artifact_path=_path_of(info["artifact_uri"]),
        run_id=trained_in,
        logged_model_id=found,
        experiment_id=str(info.get("experiment_id") or ""),
        claimed_author=_author(run),
    )


def _of_run(
    upstream: Upstream, source: str, match: re.Match[str], *, run_id: str, model_id: str
) -> ResolvedSource:
    if run_id and run_id != match["run"]:
        raise Invalid(f"The source names the run {match['run']}, and run_id is {run_id}.")
    path = _checked(source, match["path"].rstrip("/"))
    run = upstream.get_run(match["run"])
    # Since MLflow 3 a run's model is a logged model beside the run; its name is the path.
    outputs = (run.get("outputs") or {}).get("model_outputs") or []
    for output in sorted(outputs, key=lambda o: int(o.get("step") or 0), reverse=True)[
        :MOST_OUTPUTS
    ]:
        info = upstream.get_logged_model(output["model_id"])["info"]
        if info.get("name") == path and model_id in ("", info["model_id"]):
            return ResolvedSource(
                artifact_path=_path_of(info["artifact_uri"]),
                run_id=match["run"],
                logged_model_id=info["model_id"],
                experiment_id=str(run["info"]["experiment_id"]),
                claimed_author=_author(run),
            )
    if model_id:
        raise NotFound(f"Run {match['run']} has no logged model {model_id} named “{path}”.")
    return ResolvedSource(
        artifact_path=f"{_path_of(run['info']['artifact_uri'])}/{path}",
        run_id=match["run"],
        experiment_id=str(run["info"]["experiment_id"]),
        claimed_author=_author(run),
    )


def _within_root(
    upstream: Upstream, source: str, path: str, *, run_id: str, model_id: str
) -> ResolvedSource:
    if model_id:
        found = _of_logged_model(upstream, model_id, run_id=run_id, model_id=model_id)
        root = found.artifact_path
    elif run_id:
        run = upstream.get_run(run_id)
        root = _path_of(run["info"]["artifact_uri"])
        found = ResolvedSource(
            artifact_path=root,
            run_id=run_id,
            experiment_id=str(run["info"]["experiment_id"]),
            claimed_author=_author(run),
        )
    else:
        raise _refused(source, "say with run_id or model_id whose artifacts these are")
    if path != root and not path.startswith(f"{root}/"):
        owner = f"logged model {model_id}" if model_id else f"run {run_id}"
        raise _refused(source, f"it lies outside the artifacts of {owner}")
    return ResolvedSource(**{**vars(found), "artifact_path": path})


def _of_version(match: re.Match[str], *, run_id: str, model_id: str, user: Any) -> ResolvedSource:
    model = queries.model_named(match["name"], user=user)
    wanted = match["version"]
    if match["alias"]:
        origin = queries.version_behind(model, match["alias"])
    elif wanted == "latest":
        origin = queries.latest_version(model)
    elif not wanted.isdigit():
        raise Invalid(
            f"Name the version of {model} by its number or an alias: “{wanted}” can stand for "
            "another version tomorrow."
        )
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
        run_id=origin.source_run_id,
        logged_model_id=origin.logged_model_id,
        experiment_id=origin.experiment_id,
        claimed_author=origin.claimed_author,
        origin=origin,
    )


def _path_of(artifact_uri: str) -> str:
    """The path of an artifact root that the tracking server keeps and gives out itself."""
    match = PROXIED.fullmatch(artifact_uri)
    if match is None:
        raise Invalid(
            "The artifacts of this run or model lie outside the tracking server, where mlgov has "
            "no access. Let the tracking server serve its artifacts (--serve-artifacts) and log "
            "the model again."
        )
    return _checked(artifact_uri, match["path"].rstrip("/"))


def _checked(source: str, path: str) -> str:
    if NEVER_IN_A_PATH.search(path):
        raise _refused(source, "its path holds an encoded or control character")
    if any(part in ("", ".", "..") for part in path.split("/")):
        raise _refused(source, "its path is not a plain one")
    return path


def _run_info(upstream: Upstream, run_id: str) -> dict[str, Any]:
    try:
        return upstream.get_run(run_id)
    except NotFound:
        # A logged model outlives the run that made it.
        return {}


def _author(run: dict[str, Any]) -> str:
    tags = {tag["key"]: tag["value"] for tag in (run.get("data") or {}).get("tags") or []}
    return str(tags.get("mlflow.user") or "")[:150]


def _refused(source: str, reason: str) -> Invalid:
    return Invalid(f"Invalid model version source: '{source[:200]}': {reason}.", code="bad_source")
