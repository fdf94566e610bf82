"""What a client reads and writes that names no experiment: the one with the id 0 is nobody's."""

import json
import threading
from contextlib import suppress
from typing import Any

import pytest
from django.db import connection

from apps.accounts import services as accounts
from apps.accounts.models import User
from apps.core.errors import AlreadyExists
from apps.projects.models import Project
from apps.tracking import services
from apps.tracking.models import Experiment
from tests import factories
from tests.api.mlflow.conftest import Call
from tests.api.mlflow.test_experiments import ARTIFACTS, METRIC, V3, said
from tests.tracking import Tracking

PLACE = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "0"}}


def run_in_default(call: Call, user: User) -> dict[str, Any]:
    info: dict[str, Any] = said(call(user, "POST", "runs/create", {"experiment_id": "0"}))["run"]
    return info["info"]


def test_each_project_has_its_own(
    call: Call, tracking: Tracking, data_scientist: User, stranger: User, project: Project
) -> None:
    ours, theirs = run_in_default(call, data_scientist), run_in_default(call, stranger)

    rows = Experiment.objects.filter(is_default=True)
    assert {(r.project.slug, r.experiment_id) for r in rows} == {
        ("credit", ours["experiment_id"]),
        ("elsewhere", theirs["experiment_id"]),
    }
    assert run_in_default(call, data_scientist)["experiment_id"] == ours["experiment_id"]
    named = tracking.upstream.get_experiment(ours["experiment_id"])
    assert (named["name"], services.default_experiment(data_scientist).project) == (
        "credit-default",
        project,
    )
    assert ours["artifact_uri"].startswith(f"mlflow-artifacts:/{ours['experiment_id']}/")


def test_it_is_found_wherever_it_may_be_named(
    call: Call, tracking: Tracking, data_scientist: User, stranger: User
) -> None:
    run = run_in_default(call, data_scientist)
    place, run_id = run["experiment_id"], run["run_id"]
    call(data_scientist, "POST", "runs/log-metric", {"run_id": run_id, **METRIC})
    model = {"experiment_id": "0", "name": "model", "source_run_id": run_id}
    logged = said(call(data_scientist, "POST", "logged-models", model))["model"]["info"]
    assert logged["experiment_id"] == place
    body = {"name": run_id, "experiment_ids": ["0"]}
    assert call(data_scientist, "POST", f"{V3}/datasets/create", body).status_code == 200
    trace = said(call(data_scientist, "POST", "traces", {"experiment_id": "0", "timestamp_ms": 1}))
    assert trace["trace_info"]["experiment_id"] == place
    path = f"{ARTIFACTS}/0/{run_id}/artifacts/x"
    assert call(data_scientist, "PUT", path, body=b"x").status_code == 200
    assert tracking.get(f"{place}/{run_id}/artifacts/x") == b"x"
    assert call(data_scientist, "GET", path).status_code == 200

    for values in ({"experiment_id": "0"}, {"experiment_id": place}):
        found = said(call(data_scientist, "GET", "experiments/get", values))
        assert found["experiment"]["experiment_id"] == place
    named = {"experiment_name": "Default"}
    found = said(call(data_scientist, "GET", "experiments/get-by-name", named))
    assert found["experiment"]["experiment_id"] == place
    ids = {"experiment_ids": ["0"]}
    for method, target, values, name in (
        ("POST", "runs/search", ids, "runs"),
        ("POST", "logged-models/search", ids, "models"),
        ("GET", "traces", ids, "traces"),
        ("POST", f"{V3}/traces/search", {"locations": [PLACE]}, "traces"),
        ("POST", f"{V3}/datasets/search", ids, "datasets"),
    ):
        assert said(call(data_scientist, method, target, values)).get(name), target
        assert said(call(stranger, method, target, values)) == {}, target


def test_a_viewer_reads_it_and_makes_none(
    call: Call, tracking: Tracking, data_scientist: User, viewer: User
) -> None:
    nothing_yet = call(viewer, "GET", "experiments/get", {"experiment_id": "0"})
    assert (nothing_yet.status_code, Experiment.objects.count()) == (404, 0)

    run = run_in_default(call, data_scientist)

    found = said(call(viewer, "GET", "experiments/get", {"experiment_id": "0"}))
    assert found["experiment"]["experiment_id"] == run["experiment_id"]
    assert call(viewer, "POST", "runs/create", {"experiment_id": "0"}).status_code == 403


def test_in_several_projects_the_token_says_which(
    call: Call, tracking: Tracking, data_scientist: User
) -> None:
    factories.make_project("fraud", owner=data_scientist)
    refusal = call(data_scientist, "POST", "runs/create", {"experiment_id": "0"})
    assert refusal.status_code == 400
    assert "default project" in said(refusal)["message"]

    for slug in ("fraud", "credit"):
        _, token = accounts.create_token(
            data_scientist, name=slug, default_project=slug, by=data_scientist
        )
        header = {"HTTP_AUTHORIZATION": f"Bearer {token}"}
        answer = call(None, "POST", "runs/create", {"experiment_id": "0"}, **header)
        row = Experiment.objects.get(experiment_id=said(answer)["run"]["info"]["experiment_id"])
        assert (row.project.slug, row.is_default) == (slug, True)
        found = said(call(None, "GET", "experiments/get", {"experiment_id": "0"}, **header))
        assert found["experiment"]["experiment_id"] == row.experiment_id

    # Both are searched, and neither is meant alone.
    ids = {"experiment_ids": ["0"]}
    assert len(said(call(data_scientist, "POST", "runs/search", ids))["runs"]) >= 2
    single = call(data_scientist, "GET", "experiments/get", {"experiment_id": "0"})
    assert single.status_code == 400


def test_it_is_not_deleted(call: Call, tracking: Tracking, owner: User, project: Project) -> None:
    place = run_in_default(call, owner)["experiment_id"]

    for given in ("0", place):
        answer = call(owner, "POST", "experiments/delete", {"experiment_id": given})
        assert (answer.status_code, said(answer)["error_code"]) == (409, "RESOURCE_CONFLICT")


def test_a_name_that_others_took_is_not_shared(
    call: Call, tracking: Tracking, stranger: User, db: None
) -> None:
    ada = factories.make_user("ada")
    factories.make_project("taken", owner=ada)
    for number, tag in (("", "elsewhere"), ("-2", "taken")):
        # The server outlives this test, and may have them from before.
        with suppress(AlreadyExists):
            tracking.upstream.create_experiment(f"taken-default{number}", {"mlgov.project": tag})

    place = run_in_default(call, ada)["experiment_id"]

    assert tracking.upstream.get_experiment(place)["name"] == "taken-default-2"


def test_one_that_was_noted_as_an_ordinary_one_becomes_the_default(
    call: Call, tracking: Tracking, data_scientist: User, project: Project
) -> None:
    # A crash before the row was written, and then somebody looked at it.
    place = run_in_default(call, data_scientist)["experiment_id"]
    Experiment.objects.filter(experiment_id=place).update(is_default=False)

    assert run_in_default(call, data_scientist)["experiment_id"] == place
    assert Experiment.objects.get().is_default


@pytest.mark.django_db(transaction=True)
def test_two_first_runs_at_once_make_one(
    tracking: Tracking, data_scientist: User, project: Project
) -> None:
    found: list[str] = []

    def first_run() -> None:
        try:
            found.append(services.default_experiment(data_scientist).experiment_id)
        finally:
            connection.close()

    threads = [threading.Thread(target=first_run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert (len(found), len(set(found))) == (4, 1)
    assert Experiment.objects.get().is_default


def test_where_it_was_given_to_a_project_it_is_read_as_it_is(
    call: Call, tracking: Tracking, data_scientist: User, stranger: User, project: Project
) -> None:
    # An installation whose people logged to it before experiments belonged to projects.
    tracking.experiment = "0"
    old = tracking.make_run()["info"]
    services.assign_experiment("0", project=project, by=None)
    tracking.put(f"0/{old['run_id']}/artifacts/x", b"old")
    new = run_in_default(call, data_scientist)

    found = said(call(data_scientist, "POST", "runs/search", {"experiment_ids": ["0"]}))["runs"]
    assert {old["run_id"], new["run_id"]} <= {run["info"]["run_id"] for run in found}
    path = f"{ARTIFACTS}/0/{old['run_id']}/artifacts/x"
    assert call(data_scientist, "GET", path).status_code == 200
    assert call(stranger, "GET", path).status_code == 404
    others = said(call(stranger, "POST", "runs/search", {"experiment_ids": ["0"]}))
    assert old["run_id"] not in json.dumps(others)
