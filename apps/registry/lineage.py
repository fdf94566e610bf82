"""Where a version comes from, as the tracking server tells it: code, data, parameters, metrics."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Protocol

from apps.core.errors import NotFound
from apps.registry.mlmodel import parsed, plain

SOURCE_TAGS = {
    "mlflow.source.name": "name",
    "mlflow.source.type": "type",
    "mlflow.source.git.commit": "git_commit",
    "mlflow.source.git.branch": "git_branch",
    "mlflow.source.git.repoURL": "git_repo",
    "mlflow.source.git.dirty": "git_dirty",
}
KEPT_TAGS = {"mlflow.note.content", "mlflow.linkedPrompts"}
LONGEST_TEXT = 20_000


class TrackingReads(Protocol):
    """What is asked of a tracking server. Raises `NotFound` for what it lacks."""

    def get_run(self, run_id: str) -> dict[str, Any]: ...

    def get_logged_model(self, model_id: str) -> dict[str, Any]: ...

    def get_experiment(self, experiment_id: str) -> dict[str, Any]: ...


class Origin(Protocol):
    """A version, as far as it says where it comes from; empty for what it does not."""

    @property
    def source_run_id(self) -> str: ...

    @property
    def logged_model_id(self) -> str: ...


def of(version: Origin, upstream: TrackingReads) -> dict[str, Any]:
    """The lineage document, without the environment files, which come from the artifacts."""
    logged = _logged_model(version, upstream)
    run = _run(version, upstream)
    data, tags = run.get("data") or {}, _pairs((run.get("data") or {}).get("tags"))
    model_data = logged.get("data") or {}
    model_tags = _pairs((logged.get("info") or {}).get("tags"))
    return plain(
        {
            "source": {name: tags.get(tag, "") for tag, name in SOURCE_TAGS.items()},
            "run": _about_run(run, upstream),
            "parameters": {**_pairs(data.get("params")), **_pairs(model_data.get("params"))},
            "metrics": _metrics(model_data.get("metrics") or [], data.get("metrics") or []),
            "datasets": _datasets(run),
            "tags": {
                key: value
                for key, value in {**tags, **model_tags}.items()
                if key in KEPT_TAGS or not key.startswith("mlflow.")
            },
        }
    )


def _logged_model(version: Origin, upstream: TrackingReads) -> dict[str, Any]:
    # Without it the artifacts may still be there, and were just copied: the run is told instead.
    if not version.logged_model_id:
        return {}
    try:
        return upstream.get_logged_model(version.logged_model_id)
    except NotFound:
        return {}


def _run(version: Origin, upstream: TrackingReads) -> dict[str, Any]:
    if not version.source_run_id:
        return {}
    try:
        return upstream.get_run(version.source_run_id)
    except NotFound:
        return {}


def _about_run(run: dict[str, Any], upstream: TrackingReads) -> dict[str, Any]:
    info = run.get("info")
    if not info:
        return {}
    experiment_id = str(info.get("experiment_id") or "")
    try:
        experiment = upstream.get_experiment(experiment_id).get("name", "")
    except NotFound:
        experiment = ""
    return {
        "id": info.get("run_id", ""),
        "name": info.get("run_name", ""),
        "status": info.get("status", ""),
        "started_at": _moment(info.get("start_time")),
        "ended_at": _moment(info.get("end_time")),
        "user": info.get("user_id") or _pairs(run["data"].get("tags")).get("mlflow.user", ""),
        "experiment": experiment,
        "experiment_id": experiment_id,
    }


def _metrics(
    of_model: Iterable[dict[str, Any]], of_run: Iterable[dict[str, Any]]
) -> list[dict[str, Any]]:
    """The model's own metrics, which name their dataset, then what only the run has."""
    rows = {}
    for metric in of_model:
        rows[metric["key"], metric.get("dataset_name") or ""] = metric
    named = {key for key, _ in rows}
    for metric in of_run:
        if metric["key"] not in named:
            rows[metric["key"], ""] = metric
    return [
        {
            "name": key,
            "value": metric.get("value"),
            "step": int(metric.get("step") or 0),
            "dataset": dataset,
        }
        for (key, dataset), metric in sorted(rows.items())
    ]


def _datasets(run: dict[str, Any]) -> list[dict[str, Any]]:
    found = []
    for entry in (run.get("inputs") or {}).get("dataset_inputs") or []:
        dataset, tags = entry.get("dataset") or {}, _pairs(entry.get("tags"))
        profile = parsed(dataset.get("profile"))
        found.append(
            {
                "name": dataset.get("name", ""),
                "digest": dataset.get("digest", ""),
                "source_type": dataset.get("source_type", ""),
                "source": parsed(dataset.get("source", "")),
                "schema": parsed(dataset.get("schema")),
                "rows": profile.get("num_rows") if isinstance(profile, dict) else None,
                "context": tags.get("mlflow.data.context", ""),
            }
        )
    return found


def _pairs(entries: Iterable[dict[str, Any]] | None) -> dict[str, str]:
    return {
        str(entry.get("key")): str(entry.get("value", ""))[:LONGEST_TEXT] for entry in entries or []
    }


def _moment(milliseconds: Any) -> str | None:
    if not milliseconds:
        return None
    try:
        return datetime.fromtimestamp(int(milliseconds) / 1000, tz=UTC).isoformat()
    except (ValueError, OverflowError, OSError):
        return None  # clients may write any number
