"""What stays as it is on the tracking server once a registered version refers to it.

A version's bytes lie in mlgov's own store and its lineage was copied, so nothing here can change
what was approved. It keeps what reviewers open for themselves from being rewritten behind them.

A run may still be written to while it runs, because the client registers in the middle of it; when
it has ended it is closed. A logged model is closed when the client has finished it.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from apps.core.errors import Invalid, NotFound, NotPermitted
from apps.registry import queries
from apps.registry.models import ModelVersion
from apps.tracking import upstream

ENDED = {"FINISHED", "FAILED", "KILLED"}
READY = "LOGGED_MODEL_READY"
# Written by the client after it has registered.
CLIENTS_OWN_TAGS = {"mlflow.modelVersions"}
# What the lineage of a version rests on.
LINEAGE_TAGS = ("mlflow.source.", "mlflow.user", "mlflow.git", "mlflow.project.")
MOST_SEGMENTS = 60
PLACE_OF_A_TRACE = "mlflow.artifactLocation"

Path = Mapping[str, str]
Body = Mapping[str, Any]


def experiment_is_ours(path: Path, body: Body) -> None:
    """Refuse an experiment whose artifacts would lie where the sender says.

    The tracking server would open that place, a folder of its own machine or a bucket, for
    whoever lists the artifacts of a run. Also a place of its own is refused: it may lie among the
    artifacts of others, or name another host, to which clients would send their tokens.
    """
    if body.get("artifact_location") or body.get("artifactLocation"):
        raise Invalid(
            "Leave artifact_location out: mlgov keeps the artifacts of all experiments itself."
        )


def trace_is_ours(path: Path, body: Body) -> None:
    """Refuse to say where the data of a trace lies.

    Clients that read the trace would open that place, and send their token to the host it names.
    """
    # The newer call wraps what it says twice.
    info = (body.get("trace") or {}).get("trace_info") or {}
    if PLACE_OF_A_TRACE in [*_tag_keys(body), *_tag_keys(info)]:
        raise Invalid(
            f"Leave the tag {PLACE_OF_A_TRACE} alone: mlgov keeps the data of all traces itself."
        )


def experiment_is_free(path: Path, body: Body) -> None:
    ids = _ids(body, "experiment_id", "experimentId")
    _refuse_if_any(queries.referring_to(experiment_ids=ids), "delete this experiment")


def run_is_free(path: Path, body: Body) -> None:
    _refuse_if_any(queries.referring_to(run_ids=_runs(body)), "delete this run")


def run_is_open(path: Path, body: Body) -> None:
    """Refuse writes to a run that ended, and at any time to the tags that say where it is from."""
    ids = _runs(body)
    found = queries.referring_to(run_ids=ids).first()
    if found is None:
        return
    if any(key.startswith(LINEAGE_TAGS) for key in _tag_keys(body)):
        raise _refusal(found, "change where this run says that it comes from")
    if any(_has_ended(run_id) for run_id in ids):
        raise _refusal(found, "change this run, which has ended")


def logged_model_is_free(path: Path, body: Body) -> None:
    found = queries.referring_to(logged_model_ids=[path["model_id"]])
    _refuse_if_any(found, "delete this logged model")


def logged_model_is_open(path: Path, body: Body) -> None:
    found = queries.referring_to(logged_model_ids=[path["model_id"]]).first()
    if found is not None and _is_ready(path["model_id"]):
        raise _refusal(found, "change this logged model")


def logged_model_tags(path: Path, body: Body) -> None:
    if set(_tag_keys(body)) - CLIENTS_OWN_TAGS:
        logged_model_is_open(path, body)


def artifact_is_open(path: Path, body: Body) -> None:
    """Refuse to write over what a version was made from, or into a run that is closed."""
    place = path["path"]
    _refuse_if_any(queries.resting_on(place), "overwrite these artifacts")
    segments = _segments(place)
    found = queries.referring_to(logged_model_ids=segments).first()
    if found is not None:
        raise _refusal(found, "add to the artifacts of this logged model")
    found = queries.referring_to(run_ids=segments).first()
    if found is not None and _has_ended(found.source_run_id):
        raise _refusal(found, "change the artifacts of this run, which has ended")


def artifact_is_free(path: Path, body: Body) -> None:
    place = path["path"]
    _refuse_if_any(queries.resting_on(place), "delete these artifacts")
    segments = _segments(place)
    found = queries.referring_to(run_ids=segments, logged_model_ids=segments)
    _refuse_if_any(found, "delete these artifacts")


def _refuse_if_any(versions: Any, what: str) -> None:
    found = versions.first()
    if found is not None:
        raise _refusal(found, what)


def _refusal(version: ModelVersion, what: str) -> NotPermitted:
    return NotPermitted(
        f"You cannot {what}: {version.model.name} version {version.number} refers to it. "
        "What is registered stays as it was reviewed; log a new run or model instead.",
        code="registered",
    )


def _runs(body: Body) -> list[str]:
    return _ids(body, "run_id", "runId", "run_uuid", "runUuid")


def _ids(body: Body, *names: str) -> list[str]:
    # The server accepts either spelling and would choose; here each of them counts.
    found = [body[name] for name in names if body.get(name) is not None]
    if not all(isinstance(value, str) for value in found):
        raise Invalid(f"'{names[0]}' has to be a string.")
    return found


def _tag_keys(body: Body) -> Iterable[str]:
    keys = [body.get("key")]
    tags = body.get("tags")
    if isinstance(tags, list):
        keys += [tag.get("key") for tag in tags if isinstance(tag, dict)]
    elif isinstance(tags, dict):
        keys += tags
    return [key for key in keys if isinstance(key, str)]


def _segments(place: str) -> list[str]:
    segments = place.strip("/").split("/")
    if len(segments) > MOST_SEGMENTS:
        raise Invalid("The path of this artifact has too many parts.")
    return segments


def _has_ended(run_id: str) -> bool:
    try:
        return upstream.client().get_run(run_id)["info"].get("status") in ENDED
    except NotFound:
        return False


def _is_ready(model_id: str) -> bool:
    try:
        return upstream.client().get_logged_model(model_id)["info"].get("status") == READY
    except NotFound:
        return False
