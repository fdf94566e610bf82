"""Who reads and writes what lies in an experiment: the whole pass-through, call by call."""

import json
import uuid
from dataclasses import dataclass
from typing import Any

import pytest

from apps.accounts.models import User
from apps.audit.models import AuditEvent
from apps.projects.models import NamePrefix, Project, Visibility
from apps.tracking import queries, services
from apps.tracking.models import Experiment
from tests import factories
from tests.api.mlflow.conftest import Call
from tests.tracked import METRIC, SCORER
from tests.tracking import Tracking

ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts"
V3 = "/api/3.0/mlflow"


def said(answer: Any) -> Any:
    body = b"".join(answer.streaming_content) if answer.streaming else answer.content
    return json.loads(body or b"{}")


@dataclass
class Things:
    """What lies in an experiment of the project "credit"."""

    experiment: str
    name: str
    run: str
    model: str
    trace: str
    dataset: str
    file: str


@pytest.fixture
def things(tracking: Tracking, project: Project) -> Things:
    upstream = tracking.upstream
    name = f"things-{uuid.uuid4().hex[:12]}"
    tracking.experiment = upstream.create_experiment(name, {"mlgov.project": project.slug})
    services.assign_experiment(tracking.experiment, project=project, by=None)
    run = tracking.make_run()["info"]["run_id"]
    model = tracking.make_logged_model(run)["model_id"]
    file = f"{tracking.experiment}/{run}/artifacts/notes.txt"
    tracking.put(file, b"secret")
    tracking.call("POST", "runs/log-metric", {"run_id": run, **METRIC})
    body = {"name": name, "experiment_ids": [tracking.experiment]}
    dataset = tracking.call("POST", "datasets/create", body, version="3.0")["dataset"]
    scorer = {"experiment_id": tracking.experiment, "name": "ok", "serialized_scorer": SCORER}
    tracking.call("POST", "scorers/register", scorer, version="3.0")
    trace = tracking.make_trace()
    return Things(tracking.experiment, name, run, model, trace, dataset["dataset_id"], file)


def reads(of: Things) -> list[tuple[str, str, Any]]:
    """Calls about one thing each."""
    by_id, run = {"experiment_id": of.experiment}, {"run_id": of.run}
    key = {"metric_key": "auc"}
    return [
        ("GET", "experiments/get", by_id),
        ("GET", "experiments/get-by-name", {"experiment_name": of.name}),
        ("GET", "runs/get", run),
        ("GET", "runs/get", {"run_uuid": of.run}),
        ("GET", "metrics/get-history", {**run, **key}),
        ("GET", "artifacts/list", run),
        ("GET", f"logged-models/{of.model}", {}),
        ("GET", f"logged-models/{of.model}/artifacts/directories", {}),
        ("GET", f"{ARTIFACTS}/{of.file}", {}),
        ("GET", ARTIFACTS, {"path": f"{of.experiment}/{of.run}"}),
        ("GET", f"traces/{of.trace}/info", {}),
        ("GET", f"{V3}/traces/{of.trace}", {}),
        ("GET", f"{V3}/traces/get", {"trace_id": of.trace, "allow_partial": "true"}),
        ("GET", f"{V3}/datasets/{of.dataset}", {}),
        ("GET", f"{V3}/datasets/{of.dataset}/records", {}),
        ("GET", f"{V3}/datasets/{of.dataset}/experiment-ids", {}),
        ("GET", f"{V3}/scorers/list", by_id),
        ("GET", f"{V3}/scorers/versions", {**by_id, "name": "ok"}),
        ("GET", f"{V3}/scorers/get", {**by_id, "name": "ok"}),
    ]


def searches(of: Things) -> list[tuple[str, str, Any, str]]:
    """Calls about many things; the last is the name of the list in the answer."""
    ids = {"experiment_ids": [of.experiment]}
    place = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": of.experiment}}
    camel = {"mlflowExperiment": {"experimentId": of.experiment}}
    bulk = {"run_ids": [of.run], "metric_key": "auc"}
    named = {"filter": f"name = '{of.name}'"}
    return [
        ("GET", "experiments/search", named, "experiments"),
        ("POST", "experiments/search", named, "experiments"),
        ("POST", "runs/search", ids, "runs"),
        ("POST", "runs/search", {"experimentIds": [of.experiment]}, "runs"),
        ("GET", "metrics/get-history-bulk-interval", bulk, "metrics"),
        ("POST", "logged-models/search", ids, "models"),
        ("GET", "traces", ids, "traces"),
        ("POST", f"{V3}/traces/search", {"locations": [place]}, "traces"),
        ("POST", f"{V3}/traces/search", {"locations": [camel]}, "traces"),
        ("GET", f"{V3}/traces/batchGet", {"trace_ids": [of.trace]}, "traces"),
        ("POST", f"{V3}/traces/batchGetInfos", {"trace_ids": [of.trace]}, "trace_infos"),
        ("GET", f"{V3}/datasets/search", ids, "datasets"),
        ("POST", f"{V3}/datasets/search", {"filter_string": f"name = '{of.name}'"}, "datasets"),
        ("GET", f"{V3}/scorers/list", {}, "scorers"),
        ("GET", f"{V3}/scorers/list", ids, "scorers"),
    ]


def writes(of: Things) -> list[tuple[str, str, Any]]:
    by_id, run = {"experiment_id": of.experiment}, {"run_id": of.run}
    tag = {"key": "a", "value": "b"}
    place = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": of.experiment}}
    trace = {"trace_id": f"tr-{uuid.uuid4().hex}", "trace_location": place, "state": "OK"}
    trace["request_time"] = "2026-01-01T00:00:00Z"
    assessment = {
        "assessment_name": "good",
        "trace_id": of.trace,
        "source": {"source_type": "HUMAN", "source_id": "me"},
        "feedback": {"value": True},
    }
    return [
        ("POST", "experiments/set-experiment-tag", {**by_id, **tag}),
        ("POST", "experiments/delete-experiment-tag", {**by_id, "key": "a"}),
        ("POST", "experiments/update", {**by_id, "new_name": of.name}),
        ("POST", "runs/create", by_id),
        ("POST", "runs/create", {"experimentId": of.experiment}),
        ("POST", "runs/update", {**run, "run_name": "x"}),
        ("POST", "runs/update", {"run_uuid": of.run, "run_name": "x"}),
        ("POST", "runs/log-metric", {**run, **METRIC}),
        ("POST", "runs/log-batch", {"runId": of.run, "metrics": [METRIC]}),
        ("POST", "runs/log-parameter", {**run, **tag}),
        ("POST", "runs/log-inputs", {**run, "models": [{"model_id": of.model}]}),
        ("POST", "runs/outputs", {**run, "models": [{"model_id": of.model, "step": 0}]}),
        ("POST", "runs/set-tag", {**run, **tag}),
        ("POST", "runs/delete-tag", {**run, "key": "a"}),
        ("POST", "runs/delete", run),
        ("POST", "runs/restore", run),
        ("POST", "logged-models", {**by_id, "name": "other", "source_run_id": of.run}),
        ("PATCH", f"logged-models/{of.model}/tags", {"tags": [tag]}),
        ("DELETE", f"logged-models/{of.model}/tags/a", {}),
        ("POST", f"logged-models/{of.model}/params", {"params": [tag]}),
        ("PATCH", f"logged-models/{of.model}", {"status": "LOGGED_MODEL_READY"}),
        ("PUT", f"{ARTIFACTS}/{of.experiment}/{of.run}/artifacts/x", {}),
        ("DELETE", f"{ARTIFACTS}/{of.experiment}/{of.run}/artifacts/x", {}),
        ("POST", "traces", {**by_id, "timestamp_ms": 1}),
        ("POST", f"{V3}/traces", {"trace": {"trace_info": trace}}),
        ("PATCH", f"traces/{of.trace}/tags", tag),
        ("PATCH", f"{V3}/traces/{of.trace}/tags", tag),
        ("DELETE", f"{V3}/traces/{of.trace}/tags", {"key": "a"}),
        ("POST", f"{V3}/traces/{of.trace}/assessments", {"assessment": assessment}),
        ("POST", "traces/link-to-run", {"trace_ids": [of.trace], **run}),
        (
            "POST",
            f"{V3}/datasets/create",
            {"name": trace["trace_id"], "experiment_ids": [of.experiment]},
        ),
        ("POST", f"{V3}/datasets/{of.dataset}/records", {"records": "[]"}),
        ("PATCH", f"{V3}/datasets/{of.dataset}/tags", {"tags": "{}"}),
        (
            "POST",
            f"{V3}/datasets/{of.dataset}/add-experiments",
            {"experiment_ids": [of.experiment]},
        ),
        ("POST", f"{V3}/scorers/register", {**by_id, "name": "ok", "serialized_scorer": SCORER}),
        ("DELETE", f"{V3}/scorers/delete", {**by_id, "name": "ok"}),
        ("DELETE", f"{V3}/datasets/{of.dataset}", {}),
        ("POST", f"{V3}/traces/delete-traces", {**by_id, "request_ids": [of.trace]}),
        ("DELETE", f"logged-models/{of.model}", {}),
    ]


def statuses(call: Call, user: User, calls: list[tuple[str, str, Any]]) -> dict[str, int]:
    found = {}
    for number, (method, path, values) in enumerate(calls):
        answer = call(user, method, path, values)
        body = said(answer) if answer.status_code != 200 else ""
        found[f"{number} {method} {path}"] = (answer.status_code, body)
    return found


def wrong(found: dict[str, Any], *right: int) -> dict[str, Any]:
    return {call: answer for call, answer in found.items() if answer[0] not in right}


def test_members_read_and_write(call: Call, things: Things, data_scientist: User) -> None:
    assert wrong(statuses(call, data_scientist, reads(things)), 200) == {}
    for method, path, values, name in searches(things):
        assert said(call(data_scientist, method, path, values)).get(name), (method, path)
    assert wrong(statuses(call, data_scientist, writes(things)), 200) == {}


def test_administrators_read_and_write(call: Call, things: Things, administrator: User) -> None:
    assert wrong(statuses(call, administrator, reads(things)), 200) == {}
    for method, path, values, name in searches(things):
        assert said(call(administrator, method, path, values)).get(name), (method, path)
    assert wrong(statuses(call, administrator, writes(things)), 200) == {}


def test_a_viewer_reads_and_writes_nothing(call: Call, things: Things, viewer: User) -> None:
    assert wrong(statuses(call, viewer, reads(things)), 200) == {}
    for method, path, values, name in searches(things):
        assert said(call(viewer, method, path, values)).get(name), (method, path)
    assert wrong(statuses(call, viewer, writes(things)), 403) == {}


def test_for_members_of_another_project_it_does_not_exist(
    call: Call, things: Things, stranger: User
) -> None:
    assert wrong(statuses(call, stranger, reads(things)), 404) == {}
    for method, path, values, name in searches(things):
        answer = call(stranger, method, path, values)
        assert (answer.status_code, said(answer).get(name)) == (200, None), (method, path)
    assert wrong(statuses(call, stranger, writes(things)), 404) == {}


def test_in_an_internal_project_everybody_reads_and_nobody_else_writes(
    call: Call, things: Things, project: Project, stranger: User
) -> None:
    project.visibility = Visibility.INTERNAL
    project.save()

    assert wrong(statuses(call, stranger, reads(things)), 200) == {}
    assert wrong(statuses(call, stranger, writes(things)), 403) == {}


def test_who_is_in_no_project_is_told_so(call: Call, things: Things) -> None:
    nobody = factories.make_user("nobody")

    assert wrong(statuses(call, nobody, reads(things)), 403) == {}
    for method, path, values, name in searches(things):
        assert said(call(nobody, method, path, values)).get(name) is None, (method, path)
    assert wrong(statuses(call, nobody, writes(things)), 403) == {}


def test_what_belongs_to_no_project_is_seen_by_administrators_only(
    call: Call, things: Things, data_scientist: User, administrator: User, tracking: Tracking
) -> None:
    Experiment.objects.filter(experiment_id=things.experiment).delete()
    gone = {"experiment_id": things.experiment, "key": "mlgov.project"}
    tracking.call("POST", "experiments/delete-experiment-tag", gone)

    assert wrong(statuses(call, data_scientist, reads(things)), 404) == {}
    assert wrong(statuses(call, administrator, reads(things)), 200) == {}


def test_nothing_reaches_across_from_an_experiment_of_ones_own(
    call: Call, things: Things, stranger: User, tracking: Tracking
) -> None:
    body = {"name": f"own-{uuid.uuid4().hex}"}
    own = said(call(stranger, "POST", "experiments/create", body))["experiment_id"]
    run = said(call(stranger, "POST", "runs/create", {"experiment_id": own}))["run"]["info"]
    run_id = run["run_id"]
    stolen = {
        "trace_id": things.trace,
        "trace_location": {
            "type": "MLFLOW_EXPERIMENT",
            "mlflow_experiment": {"experiment_id": own},
        },
        "request_time": "2026-01-01T00:00:00Z",
        "state": "OK",
    }
    metric = {**METRIC, "model_id": things.model}
    attempts = [
        ("POST", "runs/log-metric", {"run_id": run_id, **metric}),
        ("POST", "runs/log-batch", {"run_id": run_id, "metrics": [metric]}),
        (
            "POST",
            "runs/log-batch",
            {"run_id": run_id, "metrics": [{**METRIC, "modelId": things.model}]},
        ),
        ("POST", "runs/log-metric", {"run_id": run_id, "run_uuid": things.run, **METRIC}),
        ("POST", "runs/log-metric", {"run_id": run_id, "runId": things.run, **METRIC}),
        ("POST", "runs/log-inputs", {"run_id": run_id, "models": [{"model_id": things.model}]}),
        ("POST", "runs/outputs", {"run_id": run_id, "models": [{"model_id": things.model}]}),
        ("POST", "logged-models", {"experiment_id": own, "source_run_id": things.run}),
        ("POST", "traces/link-to-run", {"trace_ids": [things.trace], "run_id": run_id}),
        ("POST", f"{V3}/traces", {"trace": {"trace_info": stolen}}),
        ("POST", f"{V3}/datasets/{things.dataset}/add-experiments", {"experiment_ids": [own]}),
        ("GET", "artifacts/list", {"run_id": run_id, "path": "../../" + things.file}),
        ("GET", ARTIFACTS, {"path": f"{own}/../{things.experiment}"}),
        ("GET", ARTIFACTS, {"path": f"{own}/%2e%2e/{things.experiment}"}),
        ("GET", ARTIFACTS, {"path": [own, things.experiment]}),
        ("GET", "runs/get", {"run_id": [run_id, things.run]}),
        ("PUT", f"{ARTIFACTS}/loose.txt", {}),
    ]

    found = statuses(call, stranger, attempts)

    assert wrong(found, 400, 404, 409) == {}
    info = tracking.upstream.get_trace(things.trace)
    assert info["trace_location"]["mlflow_experiment"]["experiment_id"] == things.experiment


def test_the_listing_of_the_root_shows_what_one_sees(
    call: Call, things: Things, data_scientist: User, stranger: User
) -> None:
    def listed(user: User, **query: str) -> set[str]:
        files = said(call(user, "GET", ARTIFACTS, query)).get("files") or []
        return {entry["path"] for entry in files}

    assert things.experiment in listed(data_scientist)
    assert things.experiment in listed(data_scientist, path="")
    assert listed(stranger) == listed(stranger, path="/") == set()


# ---- making, renaming, deleting -----------------------------------------------------------------


def test_a_new_experiment_belongs_to_the_project_of_its_maker(
    call: Call, tracking: Tracking, data_scientist: User, project: Project
) -> None:
    body = {"name": f"new-{uuid.uuid4().hex}", "tags": [{"key": "team", "value": "risk"}]}

    answer = call(data_scientist, "POST", "experiments/create", body)

    row = Experiment.objects.get()
    assert said(answer) == {"experiment_id": row.experiment_id}
    assert (row.project, row.created_by, row.is_default) == (project, data_scientist, False)
    tags = tracking.upstream.get_experiment(row.experiment_id)["tags"]
    assert {tag["key"]: tag["value"] for tag in tags} == {
        "team": "risk",
        "mlgov.project": project.slug,
    }
    event = AuditEvent.objects.get(action="experiment.create")
    assert (event.actor_id, event.project_id) == (data_scientist.pk, project.pk)


def test_a_name_that_an_unseen_experiment_has_is_refused_so_that_the_client_stops(
    call: Call, things: Things, stranger: User, data_scientist: User
) -> None:
    taken = call(stranger, "POST", "experiments/create", {"name": things.name})
    own = call(data_scientist, "POST", "experiments/create", {"name": things.name})

    # Told that it exists, the client would look it up, find nothing and log somewhere else.
    assert (taken.status_code, said(taken)["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert "another project" in said(taken)["message"]
    assert (own.status_code, said(own)["error_code"]) == (400, "RESOURCE_ALREADY_EXISTS")


def test_in_several_projects_the_tag_or_a_reserved_name_decides(
    call: Call, tracking: Tracking, data_scientist: User, project: Project
) -> None:
    other = factories.make_project("fraud", owner=data_scientist)
    NamePrefix.objects.create(project=other, prefix="fraud-")
    tag = {"key": "mlgov.project", "value": "credit"}

    def make(name: str, *tags: dict[str, str]) -> Any:
        body = {"name": f"{name}-{uuid.uuid4().hex}", "tags": list(tags)}
        return said(call(data_scientist, "POST", "experiments/create", body))

    assert "mlflow.create_experiment" in make("plain")["message"]
    tagged, reserved = make("plain", tag), make("fraud-x")
    assert queries.known_experiment(tagged["experiment_id"]).project == project
    assert queries.known_experiment(reserved["experiment_id"]).project == other
    renamed = {"experiment_id": tagged["experiment_id"], "new_name": "fraud-y"}
    assert call(data_scientist, "POST", "experiments/update", renamed).status_code == 400


@pytest.mark.parametrize("verb", ["set-experiment-tag", "delete-experiment-tag"])
def test_whose_an_experiment_is_is_not_changed_by_a_tag(
    call: Call, things: Things, owner: User, verb: str
) -> None:
    body = {"experiment_id": things.experiment, "key": "mlgov.project", "value": "elsewhere"}

    assert call(owner, "POST", f"experiments/{verb}", body).status_code == 403


def test_deleting_and_restoring_is_for_owners_and_maintainers(
    call: Call, things: Things, data_scientist: User, owner: User
) -> None:
    body = {"experiment_id": things.experiment}

    for verb in ("delete", "restore"):
        assert call(data_scientist, "POST", f"experiments/{verb}", body).status_code == 403
        assert call(owner, "POST", f"experiments/{verb}", body).status_code == 200


def test_an_experiment_that_was_noted_on_the_server_only_is_found_by_its_tag(
    call: Call, tracking: Tracking, data_scientist: User, stranger: User
) -> None:
    # As after a crash between the server's answer and ours.
    body = {"experiment_id": tracking.experiment}

    assert call(stranger, "GET", "experiments/get", body).status_code == 404
    assert call(data_scientist, "GET", "experiments/get", body).status_code == 200


# ---- search -------------------------------------------------------------------------------------


def test_a_search_for_experiments_gives_each_once_over_all_pages(
    call: Call, tracking: Tracking, data_scientist: User, stranger: User, project: Project
) -> None:
    mark, ours = uuid.uuid4().hex[:10], []
    for number in range(7):
        tags = {"mlgov.project": "credit" if number % 2 else "elsewhere"}
        experiment_id = tracking.upstream.create_experiment(f"{mark}-{number}", tags)
        if number % 2:
            services.assign_experiment(experiment_id, project=project, by=None)
            ours.append(experiment_id)
    query = {"filter": f"name LIKE '{mark}-%'", "order_by": "name ASC", "max_results": 2}

    pages, token = [], ""
    for _ in range(10):
        body = {**query, "page_token": token} if token else query
        answer = said(call(data_scientist, "GET", "experiments/search", body))
        pages.append([row["experiment_id"] for row in answer.get("experiments") or []])
        token = answer.get("next_page_token", "")
        if not token:
            break

    assert [place for page in pages for place in page] == ours
    assert all(len(page) <= 2 for page in pages)
    assert said(call(stranger, "GET", "experiments/search", query)) == {}


@pytest.mark.parametrize(
    "values",
    [
        {"page_token": "%%%"},
        {"page_token": "e30="},
        {"page_token": "WyJhIiwgMSwgMV0="},
        {"max_results": 0},
        {"max_results": 50_001},
        {"max_results": "many"},
        {"filter": "nonsense"},
        {"order_by": ["nonsense"]},
    ],
)
def test_a_malformed_search_is_a_400(
    call: Call, things: Things, data_scientist: User, values: dict[str, Any]
) -> None:
    for method in ("GET", "POST"):
        answer = call(data_scientist, method, "experiments/search", values)
        assert answer.status_code == 400, method
        assert said(answer)["error_code"] in ("INVALID_PARAMETER_VALUE", "BAD_REQUEST")


@pytest.mark.parametrize(
    ("method", "path", "values"),
    [
        ("POST", "runs/search", {"experiment_ids": "1"}),
        ("POST", "runs/search", {"experiment_ids": [1]}),
        ("POST", "runs/search", {"experiment_ids": ["1"], "experimentIds": ["2"]}),
        ("POST", f"{V3}/traces/search", {"locations": "1"}),
        ("POST", f"{V3}/traces/search", {"locations": [1]}),
        ("POST", f"{V3}/traces", {"trace": {}}),
        ("POST", f"{V3}/traces", {"trace": {"trace_info": 1}}),
        ("POST", "runs/create", {"experiment_id": 1}),
        ("POST", "runs/create", {}),
        ("GET", "runs/get", {"run_id": "a b"}),
        ("GET", "experiments/get", {"experiment_id": "../1"}),
        ("GET", f"{V3}/traces/batchGet", {"trace_ids": ["a b"]}),
        ("POST", "runs/log-batch", {"run_id": "x", "metrics": "x"}),
        ("POST", "/v1/traces", {}),
    ],
)
def test_malformed_ids_are_refused(
    call: Call, things: Things, data_scientist: User, method: str, path: str, values: Any
) -> None:
    assert call(data_scientist, method, path, values).status_code in (400, 404)
