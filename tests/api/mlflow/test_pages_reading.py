"""MLflow's own pages show what the person may see, and change nothing."""

from typing import Any

import pytest
from django.test import Client

from apps.accounts.models import SignOn, User
from apps.api.mlflow.pages.calls import OURS
from apps.api.mlflow.pages.routes import ROUTES as OF_THE_PAGES
from apps.api.mlflow.routes import ROUTES, Use
from apps.projects.models import Project
from apps.registry.models import ModelVersion, RegisteredModel
from tests import factories
from tests.api.mlflow.pages import PAGES, V2, V3, Opened, ask, opened, pages, run, send, told
from tests.tracking import Tracking, experiment_of

__all__ = ["opened", "pages", "run"]
pytestmark = pytest.mark.usefixtures("pages")

# ---- only reading --------------------------------------------------------------------------------

CHANGING = [route for route in ROUTES if route.use is not Use.READ]


@pytest.mark.parametrize("route", CHANGING, ids=lambda route: f"{route.method} {route.pattern}")
def test_no_route_that_changes_something_is_answered(
    route: Any, opened: Opened, owner: User, project: Project
) -> None:
    path = route.pattern.replace("{path:path}", "x").replace("{tag_key:path}", "x")
    path = path.replace("/api/", "/ajax-api/")
    for name in ("model_id", "trace_id", "assessment_id", "dataset_id", "key"):
        path = path.replace(f"{{{name}}}", "x")

    answer = send(opened(owner), route.method, path)

    assert (answer.status_code, answer.json()["error_code"]) == (403, "PERMISSION_DENIED")
    assert "read-only" in answer.json()["message"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", f"{V2}/registered-models/create"),
        ("PATCH", f"{V2}/registered-models/update"),
        ("DELETE", f"{V2}/registered-models/delete"),
        ("POST", f"{V2}/registered-models/alias"),
        ("POST", f"{V2}/model-versions/transition-stage"),
        ("POST", f"{V2}/upload-artifact"),
        ("POST", f"{V2}/gateway-proxy"),
        ("POST", f"{V2}/runs/create-promptlab-run"),
        ("POST", f"{V3}/scorer/invoke"),
        ("POST", f"{V3}/genai/evaluate/invoke"),
        ("POST", f"{V3}/gateway/secrets/create"),
        ("POST", "/ajax-api/3.0/mlflow/assistant/message"),
        ("POST", "/ajax-api/3.0/jobs"),
        ("PUT", "/ajax-api/2.0/mlflow-artifacts/artifacts/x"),
        ("POST", "/api/2.0/mlflow/runs/search"),
        ("POST", "/static-files/x"),
        ("DELETE", "/graphql"),
        ("OPTIONS", f"{V2}/runs/search"),
    ],
)
def test_nothing_else_that_changes_something_is_answered(
    method: str, path: str, opened: Opened, owner: User
) -> None:
    answer = send(opened(owner), method, path)

    assert (answer.status_code, answer.json()["error_code"]) == (403, "PERMISSION_DENIED")


@pytest.mark.parametrize(
    "path",
    [f"{V3}/gateway/secrets/list", f"{V3}/assistant/config", "/graphql", f"{V2}/webhooks",
     "/ajax-api/3.0/jobs/x", "/ajax-api/4.0/mlflow/traces/x", "/ajax-api/2.0/mlflow/%2e%2e/x",
     "/ajax-api/2.0/mlflow-artifacts/artifacts/mlgov/versions/1", "/gateway/x"],
)  # fmt: skip
def test_what_is_not_passed_on_elsewhere_is_not_passed_on_here(
    path: str, opened: Opened, administrator: User
) -> None:
    answer = send(opened(administrator), "GET", path)

    assert (answer.status_code, answer.json()["error_code"]) == (404, "ENDPOINT_NOT_FOUND")


def test_all_that_the_pages_have_beyond_the_api_is_read() -> None:
    assert {route.use for route in OF_THE_PAGES} == {Use.READ}
    assert {method for method, _ in OURS} == {"GET", "POST"}
    assert sorted(path for method, path in OURS if method == "POST") == [
        f"{V2}/registered-models/get-latest-versions",
        f"{V3}/ui-telemetry",
    ]


def test_reading_makes_no_default_experiment(
    tracking: Tracking, opened: Opened, data_scientist: User
) -> None:
    browser = opened(data_scientist)

    answer = send(browser, "GET", f"{V2}/experiments/get?experiment_id=0")
    asked = ask(browser, "MlflowGetExperimentQuery", "input", experimentId="0")

    assert answer.status_code == 404
    assert asked["data"]["mlflowGetExperiment"]["apiError"]["code"] == "RESOURCE_DOES_NOT_EXIST"
    assert not data_scientist.memberships.get().project.experiments.filter(is_default=True).exists()


def test_nobody_is_told_what_people_click_on(opened: Opened, viewer: User) -> None:
    browser = opened(viewer)

    told = send(browser, "POST", f"{V3}/ui-telemetry", {"records": [{"x": 1}]})

    assert send(browser, "GET", f"{V3}/ui-telemetry").json()["disable_ui_telemetry"] is True
    assert told.json() == {"status": "disabled"}


def test_the_pages_hear_nothing_of_gateways_and_workspaces(
    tracking: Tracking, opened: Opened, viewer: User
) -> None:
    assert send(opened(viewer), "GET", f"{V3}/server-info").json() == {
        "store_type": "SqlStore",
        "workspaces_enabled": False,
        "trace_archival_enabled": False,
        "multipart_uploads_enabled": False,
        "multipart_downloads_enabled": False,
        "features_enabled": {"gateway": False},
    }


# ---- whose ---------------------------------------------------------------------------------------


def reads(run: str, model_id: str, trace_id: str, experiment: str) -> list[tuple[str, str, Any]]:
    """Method, path and body of what the pages ask about one run and what lies beside it."""
    return [
        ("GET", f"{V2}/experiments/get?experiment_id={experiment}", None),
        ("GET", f"{V2}/runs/get?run_id={run}", None),
        ("GET", f"{V2}/metrics/get-history?run_id={run}&metric_key=auc", None),
        ("GET", f"{V2}/artifacts/list?run_id={run}", None),
        ("GET", f"/get-artifact?run_uuid={run}&path=report.html", None),
        ("GET", f"{V2}/logged-models/{model_id}", None),
        ("GET", f"{V2}/logged-models/{model_id}/artifacts/directories", None),
        ("GET", f"{V2}/logged-models/{model_id}/artifacts/files?artifact_file_path=MLmodel", None),
        ("GET", f"{V3}/traces/{trace_id}", None),
        ("GET", f"{V3}/get-trace-artifact?request_id={trace_id}", None),
        ("GET", f"{V2}/get-trace-artifact?request_id={trace_id}", None),
    ]


def test_members_read_and_strangers_find_nothing(
    tracking: Tracking, opened: Opened, run: str, viewer: User, stranger: User
) -> None:
    logged = tracking.log_model()
    asked = reads(run, logged["model_id"], tracking.make_trace(), tracking.experiment)
    member, other = opened(viewer), opened(stranger)

    found = {path: send(member, method, path, body).status_code for method, path, body in asked}
    hidden = {path: send(other, method, path, body).status_code for method, path, body in asked}

    assert set(found.values()) == {200}, found
    assert set(hidden.values()) == {404}, hidden


def test_searches_show_what_lies_in_projects_of_the_person(
    tracking: Tracking, tracking_server: str, opened: Opened, run: str, viewer: User, stranger: User
) -> None:
    theirs = experiment_of("elsewhere", tracking_server)
    places = [tracking.experiment, theirs]
    searches = {
        f"{V2}/runs/search": ({"experiment_ids": places}, "runs"),
        f"{V2}/experiments/search": ({"max_results": 1000}, "experiments"),
        f"{V2}/logged-models/search": ({"experiment_ids": places}, "models"),
        f"{V2}/experiments/search-datasets": (
            {"experiment_ids": places},
            "dataset_summaries",
        ),
    }
    tracking.log_model()
    data = {"name": "d", "digest": "1", "source_type": "s3", "source": "{}"}
    tracking.call("POST", "runs/log-inputs", {"run_id": run, "datasets": [{"dataset": data}]})

    def seen(user: User) -> dict[str, set[str]]:
        browser = opened(user)
        found: dict[str, set[str]] = {}
        # What says on the server whose it is, is known as soon as somebody asks for it.
        for place in places:
            send(browser, "GET", f"{V2}/experiments/get?experiment_id={place}")
        for path, (body, key) in searches.items():
            rows = told(send(browser, "POST", path, body)).get(key, [])
            found[path] = {str((row.get("info") or row).get("experiment_id")) for row in rows}
        return found

    assert seen(viewer) == {path: {tracking.experiment} for path in searches}
    only = {f"{V2}/experiments/search": {theirs}}
    assert seen(stranger) == {**{path: set() for path in searches}, **only}


def test_histories_of_many_runs_are_narrowed(
    tracking: Tracking, opened: Opened, run: str, viewer: User, stranger: User
) -> None:
    paths = {
        f"{V2}/metrics/get-history-bulk?run_id={run}&metric_key=auc": 3,
        f"{V2}/metrics/get-history-bulk-interval?run_ids={run}&metric_key=auc": 3,
    }

    def counted(user: User) -> list[int]:
        browser = opened(user)
        return [len(told(send(browser, "GET", path)).get("metrics", [])) for path in paths]

    assert (counted(viewer), counted(stranger)) == (list(paths.values()), [0, 0])


def test_files_are_not_shown_by_themselves(opened: Opened, run: str, viewer: User) -> None:
    answer = send(opened(viewer), "GET", f"/get-artifact?run_uuid={run}&path=report.html")

    assert b"".join(answer.streaming_content) == b"<script>alert(1)</script>"  # type: ignore[attr-defined]
    assert answer["Content-Disposition"].startswith("attachment")
    assert answer["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert answer["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("path", ["../x", "a/../../x", "%2e%2e/x", "/etc/passwd", "a\\b"])
def test_paths_of_files_have_one_reading(path: str, opened: Opened, run: str, viewer: User) -> None:
    answer = opened(viewer).get("/get-artifact", {"run_uuid": run, "path": path})

    assert answer.status_code == 400


# ---- the registry --------------------------------------------------------------------------------


def test_the_registry_in_the_pages_is_mlgovs(
    tracking: Tracking, opened: Opened, version: ModelVersion, viewer: User, stranger: User
) -> None:
    name = version.model.name
    paths = [
        f"{V2}/registered-models/get?name={name}",
        f"{V2}/model-versions/get?name={name}&version={version.number}",
    ]

    def asked(user: User) -> tuple[list[int], list[str], list[str]]:
        browser = opened(user)
        models = send(browser, "GET", f"{V2}/registered-models/search").json()
        versions = send(browser, "GET", f"{V2}/model-versions/search").json()
        return (
            [send(browser, "GET", path).status_code for path in paths],
            [row["name"] for row in models.get("registered_models", [])],
            [row["name"] for row in versions.get("model_versions", [])],
        )

    assert asked(viewer) == ([200, 200], [name], [name])
    assert asked(stranger) == ([404, 404], [], [])


def test_files_of_a_version_are_those_that_were_reviewed(
    opened: Opened, model: RegisteredModel, data_scientist: User, viewer: User, stranger: User
) -> None:
    version = factories.make_stored_version(model, by=data_scientist)
    artifact = version.artifacts.get()
    asked = {"name": version.model.name, "version": version.number, "path": artifact.path}

    mine = opened(viewer).get("/model-versions/get-artifact", asked)
    others = opened(stranger).get("/model-versions/get-artifact", asked)

    assert (mine.status_code, mine["Content-Length"]) == (200, str(artifact.size))
    assert others.status_code == 404


# ---- the ways there ------------------------------------------------------------------------------


def test_the_page_of_a_run_leads_to_the_pages(
    tracking: Tracking, run: str, viewer: User, settings: Any
) -> None:
    browser = Client()
    browser.force_login(viewer)
    address = f"{PAGES}/#/experiments/{tracking.experiment}/runs/{run}"
    assert address in browser.get(f"/training-runs/{run}").content.decode()

    settings.MLGOV_MLFLOW_PAGES = ""

    assert "Open in MLflow" not in browser.get(f"/training-runs/{run}").content.decode()


def test_whoever_comes_to_the_way_in_by_hand_begins_at_the_pages(viewer: User) -> None:
    browser = Client()
    browser.force_login(viewer)

    found = [
        browser.get("/mlflow", {"browser": given})["Location"] for given in ("", "x", "g" * 64)
    ]

    assert (found, SignOn.objects.count()) == ([f"{PAGES}/"] * 3, 0)
