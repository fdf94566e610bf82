"""The four questions that MLflow's pages ask in GraphQL, answered from the API.

The text of a question is never read, let alone passed on: its name stands for all the fields that
the pages ask for. What has another name is refused.
"""

import json
import math
from collections.abc import Callable
from typing import Any

from apps.accounts.models import User
from apps.api.mlflow import errors, model_versions
from apps.api.mlflow.arguments import Arguments, missing
from apps.api.mlflow.asked import JSON, Answered, Asked, answer_of
from apps.api.mlflow.pages.routes import readable
from apps.core.errors import DomainError, TooLarge
from apps.tracking import upstream

V2 = "/ajax-api/2.0/mlflow"
MOST_RUNS = MOST_VERSIONS = 1000
TOO_MUCH = "This is more than mlgov reads at once. Ask for fewer runs."
Answer = dict[str, Any]
Part = Callable[[Any], Any]


def answer(user: User, asked: dict[str, Any]) -> Answer:
    name, variables = asked.get("operationName"), asked.get("variables")
    operation = OPERATIONS.get(name) if isinstance(name, str) else None
    if operation is None:
        return _error("mlgov answers the questions of MLflow's own pages only, and this is none.")
    field, variable, ask = operation
    given = variables.get(variable) if isinstance(variables, dict) else None
    if not isinstance(given, dict):
        return _error(f"The question lacks its variable '{variable}'.")
    try:
        found = {"apiError": None, **ask(user, given)}
    except DomainError as refusal:
        said = json.loads(errors.answer_for(refusal).content)
        found = _refused(said["error_code"], said["message"])
    except Answered as refusal:
        found = _refused(*_said(refusal.body))
    return {"data": {field: {**EMPTY[field], **found}}}


def _error(message: str) -> Answer:
    return {"data": None, "errors": [{"message": message}]}


def _refused(code: str, message: str) -> Answer:
    error = {"__typename": "ApiError", "code": code, "message": message, "helpUrl": None}
    return {"apiError": error}


def _said(body: bytes) -> tuple[str, str]:
    try:
        said = json.loads(body)
        return str(said["error_code"]), str(said["message"])
    except (ValueError, TypeError, KeyError):
        return "INTERNAL_ERROR", "The tracking server refuses this."


# ---- the questions ------------------------------------------------------------------------------


def _run(user: User, given: Answer) -> Answer:
    run_id = given.get("runId") or given.get("runUuid")
    found = _asked(user, "GET", "runs/get", {"run_id": [_text(run_id)]})
    return {"run": _with_surroundings(user, [found.get("run") or {}])[0]}


def _runs(user: User, given: Answer) -> Answer:
    names = {
        "experimentIds": "experiment_ids",
        "filter": "filter",
        "runViewType": "run_view_type",
        "maxResults": "max_results",
        "orderBy": "order_by",
        "pageToken": "page_token",
    }
    values = {new: given[old] for old, new in names.items() if given.get(old) is not None}
    if isinstance(values.get("max_results"), int):
        values["max_results"] = min(values["max_results"], MOST_RUNS)
    found = _asked(user, "POST", "runs/search", values)
    return {
        "runs": _with_surroundings(user, found.get("runs") or []),
        "nextPageToken": found.get("next_page_token"),
    }


def _experiment(user: User, given: Answer) -> Answer:
    values = {"experiment_id": [_text(given.get("experimentId"))]}
    return {
        "experiment": EXPERIMENT(_asked(user, "GET", "experiments/get", values).get("experiment"))
    }


def _histories(user: User, given: Answer) -> Answer:
    run_ids = given.get("runIds")
    if not isinstance(run_ids, list):
        raise missing("run_ids")
    values: Answer = {"run_ids": [_text(run_id) for run_id in run_ids]}
    names = {
        "metricKey": "metric_key",
        "startStep": "start_step",
        "endStep": "end_step",
        "maxResults": "max_results",
    }
    values |= {new: [_text(given[old])] for old, new in names.items() if given.get(old) is not None}
    found = _asked(user, "GET", "metrics/get-history-bulk-interval", values)
    return {"metrics": [METRIC_OF_RUN(row) for row in found.get("metrics") or []]}


OPERATIONS: dict[str, tuple[str, str, Callable[[User, Answer], Answer]]] = {
    "GetRun": ("mlflowGetRun", "data", _run),
    "SearchRuns": ("mlflowSearchRuns", "data", _runs),
    "MlflowGetExperimentQuery": ("mlflowGetExperiment", "input", _experiment),
    "GetMetricHistoryBulkInterval": ("mlflowGetMetricHistoryBulkInterval", "data", _histories),
}
EMPTY: dict[str, Answer] = {
    "mlflowGetRun": {"__typename": "MlflowGetRunResponse", "run": None},
    "mlflowSearchRuns": {"__typename": "MlflowSearchRunsResponse", "runs": None},
    "mlflowGetExperiment": {"__typename": "MlflowGetExperimentResponse", "experiment": None},
    "mlflowGetMetricHistoryBulkInterval": {
        "__typename": "MlflowGetMetricHistoryBulkIntervalResponse",
        "metrics": None,
    },
}


def _asked(user: User, method: str, call: str, values: Answer) -> Answer:
    """The same call by the API: its scope, its rights, its answer."""
    route, matched = readable(method, f"{V2}/{call}")
    asked = Asked(user, route.use, method, matched, values, may_make_default=False)
    asked.in_query = method == "GET"
    if (known := route.scope(asked)) is not None:
        return known
    response = upstream.client().request(
        method,
        route.address(asked.path),
        query=asked.query,
        headers={} if asked.in_query else JSON,
        body=None if asked.in_query else asked.body,
    )
    try:
        return answer_of(response)
    except ValueError:
        raise TooLarge(TOO_MUCH) from None


def _with_surroundings(user: User, found: list[Answer]) -> list[Answer]:
    """Runs with their experiments, and with the versions in mlgov's registry."""
    places = {str((run.get("info") or {}).get("experiment_id")) for run in found}
    experiments = {
        place: EXPERIMENT(
            _asked(user, "GET", "experiments/get", {"experiment_id": [place]}).get("experiment")
        )
        for place in places
    }
    shown = [RUN(run) for run in found]
    versions = _versions(user, [run["info"]["runUuid"] for run in shown if run.get("info")])
    for run in shown:
        info = run["info"] or {}
        run["experiment"] = experiments.get(str(info.get("experimentId")))
        run["modelVersions"] = versions.get(str(info.get("runUuid")), [])
    return shown


def _versions(user: User, run_ids: list[str]) -> dict[str, list[Answer]]:
    if not run_ids:
        return {}
    named = ", ".join(f"'{run_id}'" for run_id in run_ids)
    values = {"filter": f"run_id IN ({named})", "max_results": MOST_VERSIONS}
    rows = json.loads(
        model_versions.search_versions(user, Arguments(values)).get("model_versions", "[]")
    )
    found: dict[str, list[Answer]] = {}
    for row in rows:
        found.setdefault(row["run_id"], []).append(VERSION(row))
    return found


# ---- the answers in GraphQL's spelling ----------------------------------------------------------


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _plain(value: Any) -> Any:
    return value


def _long(value: Any) -> str | None:
    """Numbers of 64 bits are texts, because JavaScript has none."""
    return None if value is None else str(value)


def _number(value: Any) -> float | None:
    # The API says "NaN" and "Infinity", for which JSON has no words.
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def _object(kind: str, **parts: Part) -> Part:
    """Each part by its name in GraphQL; the API has it in snake_case."""
    names = {name: "".join(f"_{c.lower()}" if c.isupper() else c for c in name) for name in parts}

    def shown(value: Any) -> Any:
        if not isinstance(value, dict):
            return None
        return {
            "__typename": kind,
            **{name: part(value.get(names[name])) for name, part in parts.items()},
        }

    return shown


def _list(part: Part) -> Part:
    return lambda values: [part(value) for value in values or []]


def _pair(kind: str) -> Part:
    return _list(_object(kind, key=_plain, value=_plain))


EXPERIMENT = _object(
    "MlflowExperiment",
    experimentId=_plain,
    name=_plain,
    artifactLocation=_plain,
    lifecycleStage=_plain,
    lastUpdateTime=_long,
    creationTime=_long,
    effectiveTraceArchivalRetention=_plain,
    tags=_pair("MlflowExperimentTag"),
)
METRIC_OF_RUN = _object(
    "MlflowMetricWithRunId", key=_plain, value=_number, timestamp=_long, step=_long, runId=_plain
)
VERSION = _object(
    "MlflowModelVersion",
    name=_plain,
    version=_plain,
    status=_plain,
    source=_plain,
    creationTimestamp=_long,
)
RUN = _object(
    "MlflowRunExtension",
    info=_object(
        "MlflowRunInfo",
        runName=_plain,
        status=_plain,
        runUuid=_plain,
        experimentId=_plain,
        artifactUri=_plain,
        startTime=_long,
        endTime=_long,
        lifecycleStage=_plain,
        userId=_plain,
    ),
    data=_object(
        "MlflowRunData",
        metrics=_list(
            _object("MlflowMetricExtension", key=_plain, value=_number, step=_long, timestamp=_long)
        ),
        params=_pair("MlflowParam"),
        tags=_pair("MlflowRunTag"),
    ),
    inputs=_object(
        "MlflowRunInputs",
        datasetInputs=_list(
            _object(
                "MlflowDatasetInput",
                dataset=_object(
                    "MlflowDataset",
                    digest=_plain,
                    name=_plain,
                    profile=_plain,
                    schema=_plain,
                    source=_plain,
                    sourceType=_plain,
                ),
                tags=_pair("MlflowInputTag"),
            )
        ),
        modelInputs=_list(_object("MlflowModelInput", modelId=_plain)),
    ),
    outputs=_object(
        "MlflowRunOutputs",
        modelOutputs=_list(_object("MlflowModelOutput", modelId=_plain, step=_long)),
    ),
)
