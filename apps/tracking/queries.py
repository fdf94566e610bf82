"""Reads about experiments: to which project one belongs, and in which one a run lies.

A run, a logged model or a trace stays in its experiment for ever, so what the tracking server said
once is remembered by each process. To which project an experiment belongs is asked every time.
"""

from collections.abc import Iterable
from functools import cache, lru_cache
from typing import Any

from django.conf import settings

from apps.core import context
from apps.core.errors import Invalid, NotFound
from apps.core.prepared import Prepared, object_of, with_related
from apps.projects.choosing import PROJECT_TAG
from apps.projects.models import Project
from apps.tracking import policies, upstream
from apps.tracking.models import Experiment

REMEMBERED = 20_000
# What clients write to that name no experiment. It is nobody's: each project has its own instead.
CLIENTS_DEFAULT = "0"
MOST_NAMED = 500  # so many ids go into one query of the database


def experiment(experiment_id: str, *, user: Any, may: str = "view") -> Experiment:
    """An experiment of the server behind the pass-through, which belongs to a project.

    Raises `NotFound` for what the person may not see, `NotPermitted` for the rest.
    """
    found = _visible(may).rows(experiment_id=experiment_id, asked_by=user)
    if found:
        return object_of(found[0], Experiment, "project")
    known = known_experiment(experiment_id)
    if known is None:
        raise _no_such(experiment_id)
    try:
        policies.experiments.require(user, may, known)
    except NotFound:
        raise _no_such(experiment_id) from None
    return known


@cache
def _visible(may: str) -> Prepared:
    return Prepared(
        lambda experiment_id, asker: with_related(
            policies.experiments.visible_to(asker, may)
            .order_by()
            .filter(experiment_id=experiment_id),
            "project",
        )
    )


def require(experiment_id: str, *, user: Any, may: str = "view") -> None:
    """Raise as `experiment` does. What belongs to no project is the administrators'."""
    if not user.is_superuser:
        experiment(experiment_id, user=user, may=may)


def require_run(run_id: str, *, user: Any, may: str = "view") -> str:
    """The id of the experiment of a run in which the person may do the action."""
    missing = NotFound(f"Run with id={run_id[:80]} not found")
    return _require(experiment_id_of_run, run_id, missing, user, may)


def require_logged_model(model_id: str, *, user: Any, may: str = "view") -> str:
    missing = NotFound(f"Logged model with ID '{model_id[:80]}' not found.")
    return _require(experiment_id_of_logged_model, model_id, missing, user, may)


def require_trace(trace_id: str, *, user: Any, may: str = "view") -> str:
    missing = NotFound(f"Trace with ID '{trace_id[:80]}' not found.")
    return _require(experiment_id_of_trace, trace_id, missing, user, may)


def _require(look_up: Any, key: str, missing: NotFound, user: Any, may: str) -> str:
    try:
        experiment_id: str = look_up(key)
        require(experiment_id, user=user, may=may)
    except NotFound:
        raise missing from None
    return experiment_id


def known_experiment(experiment_id: str) -> Experiment | None:
    """The row of an experiment; one that says on the server whose it is gets its row now."""
    found = Experiment.objects.select_related("project").filter(experiment_id=experiment_id).first()
    if found is None and experiment_id != CLIENTS_DEFAULT:
        found = _adopted(experiment_id)
    return found


def visible_ids(user: Any, *, may: str = "view") -> list[str]:
    """Ids of the experiments in which the person may do the action, newest first."""
    found = policies.experiments.visible_to(user, may)
    return list(found.values_list("experiment_id", flat=True))


def visible_among(experiment_ids: Iterable[str], *, user: Any, may: str = "view") -> list[str]:
    """Those of the ids in which the person may do the action, each once, in their order."""
    wanted = list(dict.fromkeys(experiment_ids))
    if user.is_superuser:
        return wanted
    allowed = policies.experiments.visible_to(user, may)
    if len(wanted) <= MOST_NAMED:
        allowed = allowed.filter(experiment_id__in=wanted)
    found = set(allowed.values_list("experiment_id", flat=True))
    return [experiment_id for experiment_id in wanted if experiment_id in found]


def default_ids(user: Any) -> list[str]:
    """Default experiments that the person sees; only his token's project's, if it names one."""
    found = policies.experiments.visible_to(user, "view").filter(is_default=True)
    if slug := context.current().default_project:
        found = found.filter(project__slug=slug)
    return list(found.values_list("experiment_id", flat=True))


def experiment_id_of_run(run_id: str) -> str:
    return _of_run(settings.MLGOV_TRACKING_URL, run_id)


def experiment_id_of_logged_model(model_id: str) -> str:
    return _of_logged_model(settings.MLGOV_TRACKING_URL, model_id)


def experiment_id_of_trace(trace_id: str) -> str:
    """Raises `NotFound` also for a trace that lies in no experiment."""
    found = experiment_ids_of_traces([trace_id]).get(trace_id)
    if found is None:
        raise NotFound(f"The tracking server has no trace {trace_id[:80]}.")
    return found


def experiment_ids_of_traces(trace_ids: Iterable[str]) -> dict[str, str]:
    """Trace id -> experiment id, for those that exist; asks at most once for all of them."""
    server = settings.MLGOV_TRACKING_URL
    wanted = dict.fromkeys(trace_ids)
    unknown = [trace_id for trace_id in wanted if (server, trace_id) not in _traces]
    if unknown:
        for info in _trace_infos(unknown):
            place = (info.get("trace_location") or {}).get("mlflow_experiment") or {}
            if place.get("experiment_id"):
                _remember_trace(server, str(info["trace_id"]), str(place["experiment_id"]))
    found = {trace_id: _traces.get((server, trace_id)) for trace_id in wanted}
    return {trace_id: place for trace_id, place in found.items() if place is not None}


def _trace_infos(trace_ids: list[str]) -> list[dict[str, Any]]:
    client = upstream.client()
    if len(trace_ids) > 1:
        try:
            return client.get_traces(trace_ids)
        except (NotFound, Invalid):
            pass  # servers before 3.6 have no such call
    found = []
    for trace_id in trace_ids:
        try:
            found.append(client.get_trace(trace_id))
        except NotFound:
            continue
    return found


# (server, trace id) -> experiment id. Not an lru_cache: many are asked for at once.
_traces: dict[tuple[str, str], str] = {}


def _remember_trace(server: str, trace_id: str, experiment_id: str) -> None:
    if len(_traces) >= REMEMBERED:
        _traces.clear()
    _traces[server, trace_id] = experiment_id


def _adopted(experiment_id: str) -> Experiment | None:
    # Made through mlgov, which crashed before it could note it, or tagged by an administrator.
    try:
        found = upstream.client().get_experiment(experiment_id)
    except (NotFound, Invalid):
        return None
    project = Project.objects.filter(slug=project_slug(found)).first()
    if project is None:
        return None
    row, _ = Experiment.objects.select_related("project").get_or_create(
        experiment_id=experiment_id, defaults={"project": project}
    )
    return row


def project_slug(experiment: dict[str, Any]) -> str:
    """Of which project an experiment says on the server that it is."""
    tags = {tag.get("key"): tag.get("value") for tag in experiment.get("tags") or []}
    return tags.get(PROJECT_TAG) or ""


def _no_such(experiment_id: str) -> NotFound:
    return NotFound(f"No Experiment with id={experiment_id[:80]} exists")


# Keyed by the server, too: tests and re-configured installations have another one.


@lru_cache(maxsize=REMEMBERED)
def _of_run(server: str, run_id: str) -> str:
    return str(upstream.client().get_run(run_id)["info"]["experiment_id"])


@lru_cache(maxsize=REMEMBERED)
def _of_logged_model(server: str, model_id: str) -> str:
    return str(upstream.client().get_logged_model(model_id)["info"]["experiment_id"])
