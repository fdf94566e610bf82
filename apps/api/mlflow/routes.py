"""Every route of the tracking server that mlgov passes on. What is not named here is refused.

Each says what it does, in which experiment it is at home (its scope), and what else is looked at.
What the server has beside them stands in `refused`, with the reason.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum
from functools import cached_property
from typing import Any

from apps.api.mlflow import protection
from apps.api.mlflow.asked import Asked
from apps.api.mlflow.scopes import artifacts, datasets, experiments, places, runs, traces


class Use(StrEnum):
    """What a route does, and so which right it asks for in the project of the experiment."""

    READ = "view"
    WRITE = "register"
    DELETE = "delete"


class Body(Enum):
    NONE = "none"
    STREAM = "stream"  # passed on as it comes
    JSON = "json"  # read, checked, and built anew
    SPANS = "spans"  # read and checked


Protection = Callable[[Mapping[str, str], Mapping[str, Any]], None]
Answer = dict[str, Any]
Scope = Callable[[Asked], Answer | None]


@dataclass(frozen=True)
class Route:
    """`{name}` in the pattern stands for one segment, `{name:path}` for all that follow."""

    method: str
    pattern: str
    use: Use
    scope: Scope
    body: Body = Body.NONE
    protection: Protection | None = None
    # Sends the request itself, where more is to do with the answer than to pass it on.
    reply: Callable[[Asked], Answer] | None = None

    @property
    def narrows(self) -> bool:
        """Whether what the person does not see is left out of the answer, instead of refused."""
        return self.scope in NARROWING

    @cached_property
    def regex(self) -> re.Pattern[str]:
        parts = re.split(r"\{(\w+)(:path)?\}", self.pattern)
        text = re.escape(parts[0])
        for name, path, rest in zip(parts[1::3], parts[2::3], parts[3::3], strict=True):
            text += f"(?P<{name}>{'.+' if path else '[^/]+'})" + re.escape(rest)
        return re.compile(text, re.DOTALL)

    def address(self, matched: Mapping[str, str]) -> str:
        """The path to send, as plain text, built from what matched."""
        return re.sub(r"\{(\w+)(?::path)?\}", lambda found: matched[found[1]], self.pattern)


def read(pattern: str, scope: Scope) -> Route:
    return Route("GET", pattern, Use.READ, scope)


def query(pattern: str, scope: Scope) -> Route:
    """A search that the client sends as POST."""
    return Route("POST", pattern, Use.READ, scope, Body.JSON)


def write(
    method: str, pattern: str, scope: Scope, protection: Protection | None = None, **further: Any
) -> Route:
    return Route(method, pattern, Use.WRITE, scope, Body.JSON, protection, **further)


NARROWING: frozenset[Scope] = frozenset(
    {
        datasets.search,
        experiments.search,
        runs.each,
        runs.many,
        runs.search,
        traces.many,
        traces.search,
    }
)
V2, V3 = "/api/2.0/mlflow", "/api/3.0/mlflow"
ARTIFACTS = artifacts.ROOT

ROUTES = [
    read("/version", places.nowhere),
    read("/health", places.nowhere),
    read(f"{V3}/server-info", places.nowhere),
    # Experiments
    write(
        "POST",
        f"{V2}/experiments/create",
        experiments.new,
        protection.experiment_is_ours,
        reply=experiments.created,
    ),
    Route(
        "POST",
        f"{V2}/experiments/delete",
        Use.DELETE,
        experiments.deleted,
        Body.JSON,
        protection.experiment_is_free,
    ),
    Route("POST", f"{V2}/experiments/restore", Use.DELETE, experiments.by_id, Body.JSON),
    write("POST", f"{V2}/experiments/update", experiments.renamed),
    write("POST", f"{V2}/experiments/set-experiment-tag", experiments.tagged),
    write("POST", f"{V2}/experiments/delete-experiment-tag", experiments.tagged),
    read(f"{V2}/experiments/get", experiments.by_id),
    read(f"{V2}/experiments/get-by-name", experiments.by_name),
    read(f"{V2}/experiments/search", experiments.search),
    query(f"{V2}/experiments/search", experiments.search),
    # Runs
    write("POST", f"{V2}/runs/create", experiments.by_id),
    write("POST", f"{V2}/runs/delete", runs.by_id, protection.run_is_free),
    write("POST", f"{V2}/runs/restore", runs.by_id),
    write("POST", f"{V2}/runs/update", runs.by_id, protection.run_is_open),
    write("POST", f"{V2}/runs/log-metric", runs.with_models, protection.run_is_open),
    write("POST", f"{V2}/runs/log-parameter", runs.by_id, protection.run_is_open),
    write("POST", f"{V2}/runs/log-batch", runs.with_models, protection.run_is_open),
    write("POST", f"{V2}/runs/log-inputs", runs.with_models, protection.run_is_open),
    write("POST", f"{V2}/runs/log-model", runs.by_id, protection.run_is_open),
    write("POST", f"{V2}/runs/outputs", runs.with_models, protection.run_is_open),
    write("POST", f"{V2}/runs/set-tag", runs.by_id, protection.run_is_open),
    write("POST", f"{V2}/runs/delete-tag", runs.by_id, protection.run_is_open),
    read(f"{V2}/runs/get", runs.by_id),
    query(f"{V2}/runs/search", runs.search),
    read(f"{V2}/metrics/get-history", runs.by_id),
    read(f"{V2}/metrics/get-history-bulk-interval", runs.many),
    read(f"{V2}/artifacts/list", artifacts.of_run),
    # Logged models
    write("POST", f"{V2}/logged-models", runs.new_logged_model),
    query(f"{V2}/logged-models/search", runs.search),
    read(f"{V2}/logged-models/{{model_id}}", runs.logged_model),
    read(f"{V2}/logged-models/{{model_id}}/artifacts/directories", artifacts.of_logged_model),
    write(
        "PATCH",
        f"{V2}/logged-models/{{model_id}}",
        runs.logged_model,
        protection.logged_model_is_open,
    ),
    write(
        "DELETE",
        f"{V2}/logged-models/{{model_id}}",
        runs.logged_model,
        protection.logged_model_is_free,
    ),
    write(
        "POST",
        f"{V2}/logged-models/{{model_id}}/params",
        runs.logged_model,
        protection.logged_model_is_open,
    ),
    write(
        "PATCH",
        f"{V2}/logged-models/{{model_id}}/tags",
        runs.logged_model,
        protection.logged_model_tags,
    ),
    write(
        "DELETE",
        f"{V2}/logged-models/{{model_id}}/tags/{{tag_key:path}}",
        runs.logged_model,
        protection.logged_model_is_open,
    ),
    # Artifacts
    read(ARTIFACTS, artifacts.folder),
    read(f"{ARTIFACTS}/{{path:path}}", artifacts.file),
    Route(
        "PUT",
        f"{ARTIFACTS}/{{path:path}}",
        Use.WRITE,
        artifacts.file,
        Body.STREAM,
        protection.artifact_is_open,
    ),
    Route(
        "DELETE",
        f"{ARTIFACTS}/{{path:path}}",
        Use.WRITE,
        artifacts.file,
        Body.NONE,
        protection.artifact_is_free,
    ),
    # Traces
    Route("POST", "/v1/traces", Use.WRITE, traces.spans_of_many, Body.SPANS),
    write("POST", f"{V2}/traces", experiments.by_id, protection.trace_is_ours),
    read(f"{V2}/traces", runs.search),
    write("PATCH", f"{V2}/traces/{{trace_id}}", traces.by_id, protection.trace_is_ours),
    read(f"{V2}/traces/{{trace_id}}/info", traces.by_id),
    write("PATCH", f"{V2}/traces/{{trace_id}}/tags", traces.by_id, protection.trace_is_ours),
    write("DELETE", f"{V2}/traces/{{trace_id}}/tags", traces.by_id, protection.trace_is_ours),
    write("POST", f"{V2}/traces/delete-traces", experiments.by_id),
    write("POST", f"{V2}/traces/link-to-run", traces.linked),
    write("POST", f"{V3}/traces", traces.new, protection.trace_is_ours),
    read(f"{V3}/traces/batchGet", traces.many),
    read(f"{V3}/traces/get", traces.by_query),
    query(f"{V3}/traces/batchGetInfos", traces.many),
    query(f"{V3}/traces/search", traces.search),
    query(f"{V3}/traces/metrics", traces.counted),
    query(f"{V3}/traces/calculate-filter-correlation", traces.counted),
    write("POST", f"{V3}/traces/delete-traces", experiments.by_id),
    read(f"{V3}/traces/{{trace_id}}", traces.by_id),
    write("PATCH", f"{V3}/traces/{{trace_id}}/tags", traces.by_id, protection.trace_is_ours),
    write("DELETE", f"{V3}/traces/{{trace_id}}/tags", traces.by_id, protection.trace_is_ours),
    write("POST", f"{V3}/traces/{{trace_id}}/assessments", traces.by_id),
    read(f"{V3}/traces/{{trace_id}}/assessments/{{assessment_id}}", traces.by_id),
    write("PATCH", f"{V3}/traces/{{trace_id}}/assessments/{{assessment_id}}", traces.by_id),
    write("DELETE", f"{V3}/traces/{{trace_id}}/assessments/{{assessment_id}}", traces.by_id),
    # Datasets
    write("POST", f"{V3}/datasets/create", datasets.new),
    read(f"{V3}/datasets/search", datasets.search),
    query(f"{V3}/datasets/search", datasets.search),
    read(f"{V3}/datasets/{{dataset_id}}", datasets.by_id),
    write("DELETE", f"{V3}/datasets/{{dataset_id}}", datasets.by_id),
    read(f"{V3}/datasets/{{dataset_id}}/experiment-ids", datasets.homes),
    read(f"{V3}/datasets/{{dataset_id}}/records", datasets.by_id),
    write("POST", f"{V3}/datasets/{{dataset_id}}/records", datasets.by_id),
    write("DELETE", f"{V3}/datasets/{{dataset_id}}/records", datasets.by_id),
    write("POST", f"{V3}/datasets/{{dataset_id}}/add-experiments", datasets.added),
    write("POST", f"{V3}/datasets/{{dataset_id}}/remove-experiments", datasets.removed),
    write("PATCH", f"{V3}/datasets/{{dataset_id}}/tags", datasets.by_id),
    write("DELETE", f"{V3}/datasets/{{dataset_id}}/tags/{{key}}", datasets.by_id),
    # Scorers
    write("POST", f"{V3}/scorers/register", experiments.by_id),
    read(f"{V3}/scorers/list", datasets.scorers),
    read(f"{V3}/scorers/versions", experiments.by_id),
    read(f"{V3}/scorers/get", experiments.by_id),
    write("DELETE", f"{V3}/scorers/delete", experiments.by_id),
]


def route_for(method: str, path: str) -> tuple[Route, dict[str, str]] | None:
    for route in ROUTES:
        if route.method == method and (match := route.regex.fullmatch(path)):
            return route, match.groupdict()
    return None
