"""Calls about traces, their tags, assessments and spans."""

from typing import Any

from apps.api.mlflow import spans
from apps.api.mlflow.arguments import missing
from apps.api.mlflow.asked import Asked, inner, objects, strings, taken
from apps.api.mlflow.scopes import places
from apps.core.errors import Conflict, Invalid, NotFound
from apps.tracking import queries

EXPERIMENT_HEADER = "X-Mlflow-Experiment-Id"
RUN_HEADER = "X-Mlflow-Run-Id"
MOST_TRACES = 1000


def by_id(asked: Asked) -> None:
    queries.require_trace(asked.path["trace_id"], user=asked.user, may=asked.may)


def by_query(asked: Asked) -> None:
    queries.require_trace(asked.text("trace_id"), user=asked.user, may=asked.may)


def new(asked: Asked) -> None:
    """A trace with an id of the client's, of the newer kind."""
    info = inner(inner(asked.values, "trace"), "trace_info")
    place = inner(inner(info, "trace_location"), "mlflow_experiment")
    given = taken(place, "experiment_id")
    if not isinstance(given, str) or not given:
        raise missing("experiment_id")
    place["experiment_id"] = places.experiment(asked, given)
    trace_id = taken(info, "trace_id")
    if not isinstance(trace_id, str) or not trace_id:
        raise missing("trace_id")
    # The server would move a trace that it has, with all that lies in it.
    if (
        queries.experiment_ids_of_traces([trace_id]).get(trace_id, place["experiment_id"])
        != (place["experiment_id"])
    ):
        raise Conflict(f"The id {trace_id[:80]} is that of a trace in another experiment.")


def spans_of_many(asked: Asked) -> None:
    """Spans in OpenTelemetry's format: the experiment is named in a header.

    Spans of a trace that the server has are added to it, wherever it lies.
    """
    given = asked.headers.get(EXPERIMENT_HEADER, "")
    if not given:
        raise missing(EXPERIMENT_HEADER)
    asked.headers[EXPERIMENT_HEADER] = places.experiment(asked, given)
    if run_id := asked.headers.get(RUN_HEADER, ""):
        queries.require_run(run_id, user=asked.user, may=asked.may)
    said = spans.read(asked.content, asked.headers)
    asked.content = said.content
    asked.headers.pop("Content-Encoding", None)
    if any(key.endswith(spans.PLACE_OF_A_TRACE) for key in said.attributes):
        raise Invalid(
            f"Leave the tag {spans.PLACE_OF_A_TRACE} alone: mlgov keeps the data of all traces "
            "itself."
        )
    _require_existing(asked, sorted(said.trace_ids))


def many(asked: Asked) -> dict[str, Any] | None:
    """Narrowed to the traces that the person sees."""
    found = _visible(asked, asked.texts("trace_ids"))
    if asked.has("experiment_ids"):
        asked.put("experiment_ids", places.visible(asked, asked.texts("experiment_ids")))
    asked.put("trace_ids", found)
    return None if found else {}


def linked(asked: Asked) -> None:
    queries.require_run(asked.text("run_id"), user=asked.user, may=asked.may)
    trace_ids = asked.texts("trace_ids")
    found = _homes(trace_ids)
    for trace_id in trace_ids:
        if trace_id not in found:
            raise NotFound(f"Trace with ID '{trace_id[:80]}' not found.")
        queries.require_trace(trace_id, user=asked.user, may=asked.may)


def search(asked: Asked) -> dict[str, Any] | None:
    """Narrowed to the experiments that the person sees; other kinds of places do not exist here."""
    given = []
    for location in objects(asked.values, "locations"):
        place = taken(location, "mlflow_experiment")
        if isinstance(place, dict) and isinstance(taken(place, "experiment_id"), str):
            given.append(place["experiment_id"])
    found = places.visible(asked, given)
    asked.put(
        "locations",
        [
            {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": place}}
            for place in found
        ],
    )
    return None if found else {}


def counted(asked: Asked) -> None:
    """Figures about experiments, of which the person has to see one."""
    given = strings(asked.values, "experiment_ids")
    found = places.visible(asked, given)
    if not found:
        raise NotFound(f"No Experiment with id={', '.join(given)[:80]} exists")
    asked.put("experiment_ids", found)


def _visible(asked: Asked, trace_ids: list[str]) -> list[str]:
    found = _homes(trace_ids)
    seen = set(queries.visible_among(found.values(), user=asked.user))
    return [trace_id for trace_id in dict.fromkeys(trace_ids) if found.get(trace_id) in seen]


def _require_existing(asked: Asked, trace_ids: list[str]) -> None:
    for trace_id in _homes(trace_ids):
        queries.require_trace(trace_id, user=asked.user, may=asked.may)


def _homes(trace_ids: list[str]) -> dict[str, str]:
    if len(trace_ids) > MOST_TRACES:
        raise Invalid(f"Name at most {MOST_TRACES} traces in one call.")
    return queries.experiment_ids_of_traces(trace_ids)
