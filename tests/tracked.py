"""What lies in an experiment on a tracking server, and how each call that is passed on names it."""

import json
import re
import uuid
from dataclasses import dataclass
from typing import Any

from apps.api.mlflow.routes import ARTIFACTS, V3, Route
from apps.projects.models import Project
from apps.tracking import services
from apps.tracking.upstream import Upstream
from tests.tracking import Tracking

METRIC = {"key": "auc", "value": 1, "timestamp": 1, "step": 0}
SCORER = json.dumps(
    {
        "name": "ok",
        "aggregations": [],
        "mlflow_version": "3.17.2",
        "serialization_version": 1,
        "instructions_judge_pydantic_data": {
            "model": "openai:/gpt-5",
            "instructions": "{{ trace }}",
        },
    }
)


@dataclass(frozen=True)
class Things:
    """By default, such as there are none of."""

    experiment: str = "888888"
    name: str = "no-such-name"
    run: str = "f" * 32
    model: str = "m-" + "f" * 32
    trace: str = "tr-" + "f" * 32
    assessment: str = "a-" + "f" * 32
    dataset: str = "d-" + "f" * 32

    @property
    def file(self) -> str:
        return f"{self.experiment}/{self.run}/artifacts/notes.txt"


NOTHING = Things()


def make_things(upstream: Upstream, project: Project) -> Things:
    """In a new experiment of the project."""
    name = f"things-{uuid.uuid4().hex[:12]}"
    experiment = upstream.create_experiment(name, {"mlgov.project": project.slug})
    services.assign_experiment(experiment, project=project, by=None)
    tracking = Tracking(upstream, experiment)
    run = tracking.make_run()["info"]["run_id"]
    model = tracking.make_logged_model(run)
    root = model["artifact_uri"].removeprefix("mlflow-artifacts:/")
    tracking.put(f"{root}/notes.txt", b"secret")
    tracking.call("POST", "runs/log-metric", {"run_id": run, **METRIC})
    data = {"name": name, "digest": "1", "source_type": "s3", "source": "{}"}
    tracking.call("POST", "runs/log-inputs", {"run_id": run, "datasets": [{"dataset": data}]})
    body: dict[str, Any] = {"name": name, "experiment_ids": [experiment]}
    dataset = tracking.call("POST", "datasets/create", body, version="3.0")["dataset"]
    scorer = {"experiment_id": experiment, "name": name, "serialized_scorer": SCORER}
    tracking.call("POST", "scorers/register", scorer, version="3.0")
    trace = tracking.make_trace()
    assessment = tracking.call(
        "POST", f"traces/{trace}/assessments", {"assessment": judgement(trace)}, version="3.0"
    )["assessment"]
    found = Things(
        experiment,
        name,
        run,
        model["model_id"],
        trace,
        assessment["assessment_id"],
        dataset["dataset_id"],
    )
    tracking.put(found.file, b"secret")
    return found


def judgement(trace: str) -> dict[str, Any]:
    return {
        "assessment_name": "good",
        "trace_id": trace,
        "source": {"source_type": "HUMAN", "source_id": "me"},
        "feedback": {"value": True},
    }


NAMED = re.compile(r"\{(\w+)(?::path)?\}")


def address(route: Route, of: Things) -> str:
    return named_by(route.pattern, of)


def named_by(pattern: str, of: Things) -> str:
    named = {
        "model_id": of.model,
        "trace_id": of.trace,
        "assessment_id": of.assessment,
        "dataset_id": of.dataset,
        "path": of.file,
    }
    return NAMED.sub(lambda found: named.get(found[1], "mark"), pattern)


def values(route: Route, of: Things) -> dict[str, Any]:
    """Everything by which a call can name the things; the server takes what it knows."""
    home = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": of.experiment}}
    found: dict[str, Any] = {
        "experiment_id": of.experiment,
        **dict.fromkeys(("run_id", "run_uuid", "source_run_id"), of.run),
        **dict.fromkeys(("trace_id", "request_id"), of.trace),
        "model_id": of.model,
        "dataset_id": of.dataset,
        "experiment_ids": [of.experiment],
        "run_ids": [of.run],
        "trace_ids": [of.trace],
        "request_ids": [of.trace],
        "name": of.name,
        "experiment_name": of.name,
        "metric_key": "auc",
        "path": "",
        "artifact_file_path": "notes.txt",
        **OF_CALL.get(route.pattern, {}),
    }
    if route.pattern == ARTIFACTS:
        found["path"] = f"{of.experiment}/{of.run}"
    if route.method == "GET":
        return found
    trace = {
        "trace_id": f"tr-{uuid.uuid4().hex}" if of is not NOTHING else of.trace,
        "trace_location": home,
        "request_time": "2026-01-01T00:00:00Z",
        "state": "OK",
    }
    return {
        "key": "mark",
        "value": "x",
        "new_name": f"{of.name}-new",
        "locations": [home],
        "trace": {"trace_info": trace},
        "assessment": judgement(of.trace),
        "timestamp_ms": 1,
        **found,
    }


OF_CALL: dict[str, dict[str, Any]] = {
    "/get-artifact": {"path": "notes.txt"},
    f"{V3}/scorers/register": {"serialized_scorer": SCORER},
    f"{V3}/datasets/{{dataset_id}}/records": {"records": "[]"},
    f"{V3}/datasets/{{dataset_id}}/tags": {"tags": "{}"},
}
