"""Every route of the tracking server that mlgov passes on. What is not named here is refused.

Left out on purpose: the server's own registry, webhooks, GraphQL, gateway, jobs, assistant,
workspaces, presigned and multipart uploads (they go around mlgov to the bucket), and ajax-api.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum
from functools import cached_property
from typing import Any

from apps.api.mlflow import protection


class Use(StrEnum):
    """What a route does, and so which right it asks for in some project."""

    READ = "view"
    WRITE = "register"


class Body(Enum):
    NONE = "none"
    STREAM = "stream"  # passed on as it comes
    JSON = "json"  # read first: the protection looks into it


Protection = Callable[[Mapping[str, str], Mapping[str, Any]], None]


@dataclass(frozen=True)
class Route:
    """`{name}` in the pattern stands for one segment, `{name:path}` for all that follow."""

    method: str
    pattern: str
    use: Use
    body: Body = Body.NONE
    protection: Protection | None = None

    @cached_property
    def regex(self) -> re.Pattern[str]:
        parts = re.split(r"\{(\w+)(:path)?\}", self.pattern)
        text = re.escape(parts[0])
        for name, path, rest in zip(parts[1::3], parts[2::3], parts[3::3], strict=True):
            text += f"(?P<{name}>{'.+' if path else '[^/]+'})" + re.escape(rest)
        return re.compile(text, re.DOTALL)


def read(pattern: str) -> Route:
    return Route("GET", pattern, Use.READ)


def query(pattern: str) -> Route:
    """A search that the client sends as POST."""
    return Route("POST", pattern, Use.READ, Body.STREAM)


def write(method: str, pattern: str, protection: Protection | None = None) -> Route:
    body = Body.JSON if protection else Body.STREAM
    return Route(method, pattern, Use.WRITE, body, protection)


V2, V3 = "/api/2.0/mlflow", "/api/3.0/mlflow"
ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts"

ROUTES = [
    read("/version"),
    read("/health"),
    read(f"{V3}/server-info"),
    # Experiments
    write("POST", f"{V2}/experiments/create", protection.experiment_is_ours),
    write("POST", f"{V2}/experiments/delete", protection.experiment_is_free),
    write("POST", f"{V2}/experiments/restore"),
    write("POST", f"{V2}/experiments/update"),
    write("POST", f"{V2}/experiments/set-experiment-tag"),
    write("POST", f"{V2}/experiments/delete-experiment-tag"),
    read(f"{V2}/experiments/get"),
    read(f"{V2}/experiments/get-by-name"),
    read(f"{V2}/experiments/search"),
    query(f"{V2}/experiments/search"),
    # Runs
    write("POST", f"{V2}/runs/create"),
    write("POST", f"{V2}/runs/delete", protection.run_is_free),
    write("POST", f"{V2}/runs/restore"),
    write("POST", f"{V2}/runs/update", protection.run_is_open),
    write("POST", f"{V2}/runs/log-metric", protection.run_is_open),
    write("POST", f"{V2}/runs/log-parameter", protection.run_is_open),
    write("POST", f"{V2}/runs/log-batch", protection.run_is_open),
    write("POST", f"{V2}/runs/log-inputs", protection.run_is_open),
    write("POST", f"{V2}/runs/log-model", protection.run_is_open),
    write("POST", f"{V2}/runs/outputs", protection.run_is_open),
    write("POST", f"{V2}/runs/set-tag", protection.run_is_open),
    write("POST", f"{V2}/runs/delete-tag", protection.run_is_open),
    read(f"{V2}/runs/get"),
    query(f"{V2}/runs/search"),
    read(f"{V2}/metrics/get-history"),
    read(f"{V2}/metrics/get-history-bulk-interval"),
    read(f"{V2}/artifacts/list"),
    # Logged models
    write("POST", f"{V2}/logged-models"),
    query(f"{V2}/logged-models/search"),
    read(f"{V2}/logged-models/{{model_id}}"),
    read(f"{V2}/logged-models/{{model_id}}/artifacts/directories"),
    write("PATCH", f"{V2}/logged-models/{{model_id}}", protection.logged_model_is_open),
    write("DELETE", f"{V2}/logged-models/{{model_id}}", protection.logged_model_is_free),
    write("POST", f"{V2}/logged-models/{{model_id}}/params", protection.logged_model_is_open),
    write("PATCH", f"{V2}/logged-models/{{model_id}}/tags", protection.logged_model_tags),
    write(
        "DELETE",
        f"{V2}/logged-models/{{model_id}}/tags/{{tag_key:path}}",
        protection.logged_model_is_open,
    ),
    # Artifacts
    read(ARTIFACTS),
    read(f"{ARTIFACTS}/{{path:path}}"),
    Route("PUT", f"{ARTIFACTS}/{{path:path}}", Use.WRITE, Body.STREAM, protection.artifact_is_open),
    Route(
        "DELETE", f"{ARTIFACTS}/{{path:path}}", Use.WRITE, Body.NONE, protection.artifact_is_free
    ),
    # Traces
    write("POST", "/v1/traces"),
    write("POST", f"{V2}/traces", protection.trace_is_ours),
    read(f"{V2}/traces"),
    write("PATCH", f"{V2}/traces/{{trace_id}}", protection.trace_is_ours),
    read(f"{V2}/traces/{{trace_id}}/info"),
    write("PATCH", f"{V2}/traces/{{trace_id}}/tags", protection.trace_is_ours),
    write("DELETE", f"{V2}/traces/{{trace_id}}/tags"),
    write("POST", f"{V2}/traces/delete-traces"),
    write("POST", f"{V2}/traces/link-to-run"),
    write("POST", f"{V3}/traces"),
    read(f"{V3}/traces/batchGet"),
    read(f"{V3}/traces/get"),
    query(f"{V3}/traces/batchGetInfos"),
    query(f"{V3}/traces/search"),
    query(f"{V3}/traces/metrics"),
    query(f"{V3}/traces/calculate-filter-correlation"),
    write("POST", f"{V3}/traces/delete-traces"),
    read(f"{V3}/traces/{{trace_id}}"),
    write("PATCH", f"{V3}/traces/{{trace_id}}/tags", protection.trace_is_ours),
    write("DELETE", f"{V3}/traces/{{trace_id}}/tags"),
    write("POST", f"{V3}/traces/{{trace_id}}/assessments"),
    read(f"{V3}/traces/{{trace_id}}/assessments/{{assessment_id}}"),
    write("PATCH", f"{V3}/traces/{{trace_id}}/assessments/{{assessment_id}}"),
    write("DELETE", f"{V3}/traces/{{trace_id}}/assessments/{{assessment_id}}"),
    # Datasets
    write("POST", f"{V3}/datasets/create"),
    read(f"{V3}/datasets/search"),
    query(f"{V3}/datasets/search"),
    read(f"{V3}/datasets/{{dataset_id}}"),
    write("DELETE", f"{V3}/datasets/{{dataset_id}}"),
    read(f"{V3}/datasets/{{dataset_id}}/experiment-ids"),
    read(f"{V3}/datasets/{{dataset_id}}/records"),
    write("POST", f"{V3}/datasets/{{dataset_id}}/records"),
    write("DELETE", f"{V3}/datasets/{{dataset_id}}/records"),
    write("POST", f"{V3}/datasets/{{dataset_id}}/add-experiments"),
    write("POST", f"{V3}/datasets/{{dataset_id}}/remove-experiments"),
    write("PATCH", f"{V3}/datasets/{{dataset_id}}/tags"),
    write("DELETE", f"{V3}/datasets/{{dataset_id}}/tags/{{key}}"),
    # Scorers
    write("POST", f"{V3}/scorers/register"),
    read(f"{V3}/scorers/list"),
    read(f"{V3}/scorers/versions"),
    read(f"{V3}/scorers/get"),
    write("DELETE", f"{V3}/scorers/delete"),
]


def route_for(method: str, path: str) -> tuple[Route, dict[str, str]] | None:
    for route in ROUTES:
        if route.method == method and (match := route.regex.fullmatch(path)):
            return route, match.groupdict()
    return None
