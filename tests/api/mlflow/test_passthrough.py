"""What is passed on to the tracking server, what is refused, and how bodies travel."""

import json
from typing import Any

import pytest

from apps.accounts.models import User
from apps.projects.models import Membership
from apps.registry.models import ModelVersion, RegisteredModel
from tests import factories
from tests.api.mlflow.conftest import Call
from tests.tracking import Tracking

ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts"


def whole(answer: Any) -> bytes:
    return b"".join(answer.streaming_content) if answer.streaming else answer.content


def test_runs_and_experiments_are_passed_on(
    call: Call, tracking: Tracking, data_scientist: User
) -> None:
    body = {"experiment_id": tracking.experiment}
    answer = call(data_scientist, "POST", "runs/create", body)
    run_id = json.loads(whole(answer))["run"]["info"]["run_id"]
    found = call(data_scientist, "GET", "runs/get", {"run_id": run_id})

    assert json.loads(whole(found))["run"]["info"]["run_id"] == run_id


def test_a_refusal_of_the_tracking_server_arrives_as_it_is(
    call: Call, tracking: Tracking, data_scientist: User
) -> None:
    answer = call(data_scientist, "GET", "runs/get", {"run_id": "0" * 32})

    assert answer.status_code == 404
    assert json.loads(whole(answer))["error_code"] == "RESOURCE_DOES_NOT_EXIST"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/2.0/mlflow/registered-models/unknown"),
        ("POST", "/api/2.0/mlflow/registered-models/search"),
        ("GET", "//api/2.0/mlflow/registered-models/search"),
        ("GET", "/api/2.0//mlflow/registered-models/search"),
        ("GET", "/api/2.0/mlflow//registered-models/search"),
        ("GET", "/api/2.0/mlflow/runs/../registered-models/search"),
        ("GET", "/api/2.0/mlflow/runs/%2e%2e/registered-models/search"),
        ("GET", "/api/2.0/mlflow/runs/%252e%252e/registered-models/search"),
        ("GET", "/api/2.0/mlflow/registered%252Dmodels/search"),
        ("GET", "/api/2.0/mlflow/registered-models%252Fsearch"),
        ("GET", "/api/2.0/mlflow/registered-models/search/"),
        ("GET", "/api/2.0/mlflow/runs/get/"),
        ("GET", "/api/2.0/mlflow/runs/get;x"),
        ("GET", "/api/2.0/mlflow/webhooks/"),
        ("POST", "/api/2.0/mlflow/webhooks/1/more"),
        ("GET", "/api/3.0/mlflow/gateway/secrets/list"),
        ("GET", "/api/3.0/mlflow/workspaces"),
        ("POST", "/api/3.0/mlflow/prompt-optimization/jobs"),
        ("POST", "/api/2.0/mlflow/traces/link-prompts"),
        ("POST", "/api/2.0/mlflow-artifacts/mpu/create/0/x"),
        ("GET", "/api/2.0/mlflow-artifacts/presigned/0/x"),
        ("POST", "/api/2.0/mlflow/artifacts/presigned-upload-url"),
        ("GET", "/ajax-api/2.0/mlflow/registered-models/search"),
        ("GET", "/ajax-api/2.0/mlflow/runs/search"),
        ("POST", "/ajax-api/3.0/mlflow/assistant/message"),
        ("POST", "/ajax-api/3.0/jobs/"),
        ("POST", "/graphql"),
        ("GET", "/gateway/x"),
        ("GET", "/get-artifact"),
        ("GET", "/model-versions/get-artifact"),
        ("GET", f"{ARTIFACTS}/0/../../etc/passwd"),
        ("GET", f"{ARTIFACTS}/0/%2e%2e/%2e%2e/etc/passwd"),
        ("GET", f"{ARTIFACTS}/0/%252e%252e/passwd"),
        ("GET", f"{ARTIFACTS}//etc/passwd"),
        ("GET", f"{ARTIFACTS}/0/a%5c..%5cb"),
        ("DELETE", "/api/2.0/mlflow/runs/get"),
        ("OPTIONS", "/version"),
    ],
)
def test_what_is_not_declared_is_refused_before_anybody_is_asked(
    call: Call, administrator: User, no_tracking: None, method: str, path: str
) -> None:
    answer = call(administrator, method, path, body=b"")

    # A name with an empty part belongs to the site, which knows no such page either.
    assert answer.status_code in (404, 405)
    if not path.startswith("//"):
        assert answer["Content-Type"] == "application/json"
        assert answer.json()["error_code"] == "ENDPOINT_NOT_FOUND"


def test_a_tracking_server_that_is_down_is_told_at_once(
    call: Call, data_scientist: User, no_tracking: None
) -> None:
    answer = call(data_scientist, "POST", "runs/create", {"experiment_id": "0"})

    assert (answer.status_code, answer.json()["error_code"]) == (424, "TEMPORARILY_UNAVAILABLE")


def test_who_is_in_no_project_reads_nothing_and_a_viewer_writes_nothing(
    call: Call, tracking: Tracking, viewer: User, db: None
) -> None:
    nobody = factories.make_user("nobody")

    assert call(nobody, "GET", "runs/get", {"run_id": "x"}).status_code == 403
    assert call(nobody, "GET", "/version").status_code == 403
    assert call(viewer, "GET", "/version").status_code == 200
    assert call(viewer, "POST", "runs/search", {"experiment_ids": ["0"]}).status_code == 200
    assert call(viewer, "POST", "runs/create", {"experiment_id": "0"}).status_code == 403
    assert call(viewer, "PUT", f"{ARTIFACTS}/0/x/y", body=b"z").status_code == 403
    assert call(None, "GET", "/version").status_code == 401

    Membership.objects.filter(user=viewer).delete()
    assert call(viewer, "GET", "/version").status_code == 403


def test_artifacts_go_up_and_down_unchanged(
    call: Call, tracking: Tracking, data_scientist: User
) -> None:
    content = bytes(range(256)) * 4096
    path = f"{ARTIFACTS}/{tracking.experiment}/free/a%20b%25c.bin"

    up = call(data_scientist, "PUT", path, body=content)
    down = call(data_scientist, "GET", path)

    assert up.status_code == 200
    assert whole(down) == content
    assert down["Content-Length"] == str(len(content))
    assert (down["X-Content-Type-Options"], down["Content-Disposition"][:10]) == (
        "nosniff",
        "attachment",
    )
    assert tracking.get(f"{tracking.experiment}/free/a b%c.bin") == content


def test_an_upload_beyond_the_limit_is_refused(
    call: Call, tracking: Tracking, data_scientist: User, settings: Any
) -> None:
    settings.MLGOV_UPLOAD_LIMIT = 1000
    path = f"{ARTIFACTS}/{tracking.experiment}/free/large.bin"

    assert call(data_scientist, "PUT", path, body=b"x" * 1001).status_code == 413
    assert call(data_scientist, "GET", path).status_code == 404
    assert call(data_scientist, "PUT", path, body=b"x" * 1000).status_code == 200


def test_nothing_of_the_senders_identity_goes_along(
    call: Call, tracking: Tracking, data_scientist: User
) -> None:
    # The tracking server refuses a foreign Host or Origin, and workspaces that it does not have.
    answer = call(
        data_scientist,
        "POST",
        "runs/create",
        {"experiment_id": tracking.experiment},
        HTTP_ORIGIN="https://elsewhere.example",
        HTTP_X_FORWARDED_FOR="203.0.113.9",
        HTTP_X_MLFLOW_WORKSPACE="other",
        HTTP_COOKIE="a=b",
    )

    assert answer.status_code == 200


@pytest.fixture
def registered(tracking: Tracking, model: RegisteredModel, data_scientist: User) -> ModelVersion:
    """A version of a finished logged model of a finished run."""
    logged = tracking.log_model()
    return factories.make_version(
        model,
        by=data_scientist,
        source_run_id=logged["run_id"],
        logged_model_id=logged["model_id"],
        artifact_path=logged["root"],
        experiment_id=tracking.experiment,
    )


def attempts(version: ModelVersion) -> list[tuple[str, str, Any]]:
    run, model = version.source_run_id, version.logged_model_id
    experiment = version.experiment_id
    artifacts = f"{ARTIFACTS}/{version.artifact_path}"
    metric = {"key": "auc", "value": 1, "timestamp": 1}
    return [
        ("POST", "runs/delete", {"run_id": run}),
        ("POST", "runs/delete", {"runId": run}),
        ("POST", "runs/update", {"run_id": run, "status": "RUNNING"}),
        ("POST", "runs/update", {"run_uuid": run, "status": "RUNNING"}),
        ("POST", "runs/log-metric", {"run_id": run, **metric}),
        ("POST", "runs/log-batch", {"run_id": run, "metrics": [metric]}),
        ("POST", "runs/log-parameter", {"run_id": run, "key": "a", "value": "b"}),
        ("POST", "runs/log-inputs", {"run_id": run}),
        ("POST", "runs/log-model", {"run_id": run, "model_json": "{}"}),
        ("POST", "runs/set-tag", {"run_id": run, "key": "free", "value": "x"}),
        ("POST", "runs/delete-tag", {"run_id": run, "key": "free"}),
        ("PATCH", f"logged-models/{model}", {"status": "LOGGED_MODEL_UPLOAD_FAILED"}),
        ("DELETE", f"logged-models/{model}", {}),
        ("POST", f"logged-models/{model}/params", {"params": [{"key": "a", "value": "b"}]}),
        ("PATCH", f"logged-models/{model}/tags", {"tags": [{"key": "a", "value": "b"}]}),
        ("DELETE", f"logged-models/{model}/tags/mlflow.modelVersions", {}),
        ("PUT", f"{artifacts}/MLmodel", {}),
        ("PUT", f"{artifacts}/new.txt", {}),
        ("PUT", f"{ARTIFACTS}/{experiment}/models/{model}/other.txt", {}),
        ("PUT", f"{ARTIFACTS}/{experiment}/{run}/artifacts/plot.png", {}),
        ("DELETE", f"{artifacts}/MLmodel", {}),
        ("DELETE", artifacts, {}),
        ("DELETE", f"{ARTIFACTS}/{experiment}/models/{model}", {}),
        ("DELETE", f"{ARTIFACTS}/{experiment}/models", {}),
        ("DELETE", f"{ARTIFACTS}/{experiment}", {}),
        ("DELETE", f"{ARTIFACTS}/{experiment}/{run}/artifacts/plot.png", {}),
        ("POST", "experiments/delete", {"experiment_id": experiment}),
        ("POST", "experiments/delete", {"experimentId": experiment}),
    ]


def test_what_a_version_refers_to_stays_as_it_is(
    call: Call, tracking: Tracking, registered: ModelVersion, administrator: User
) -> None:
    before = tracking.get(f"{registered.artifact_path}/MLmodel")

    for method, path, body in attempts(registered):
        answer = call(administrator, method, path, body)
        assert answer.status_code == 403, (method, path, whole(answer))
        assert "scoring version 1" in answer.json()["message"], path

    assert tracking.upstream.get_run(registered.source_run_id)["info"]["status"] == "FINISHED"
    assert tracking.upstream.get_logged_model(registered.logged_model_id)
    assert tracking.get(f"{registered.artifact_path}/MLmodel") == before


def test_the_client_may_note_on_the_logged_model_that_it_registered(
    call: Call, registered: ModelVersion, data_scientist: User
) -> None:
    tags = {"tags": [{"key": "mlflow.modelVersions", "value": "[]"}]}

    answer = call(data_scientist, "PATCH", f"logged-models/{registered.logged_model_id}/tags", tags)

    assert answer.status_code == 200


def test_a_run_that_still_runs_takes_metrics_and_no_new_origin(
    call: Call, tracking: Tracking, model: RegisteredModel, data_scientist: User
) -> None:
    run_id = tracking.make_run()["info"]["run_id"]
    factories.make_version(model, by=data_scientist, source_run_id=run_id)
    metric = {"run_id": run_id, "key": "auc", "value": 1, "timestamp": 1}
    origin = {"run_id": run_id, "key": "mlflow.source.git.commit", "value": "0"}
    batch = {"run_id": run_id, "tags": [{"key": "mlflow.user", "value": "eve"}]}

    assert call(data_scientist, "POST", "runs/log-metric", metric).status_code == 200
    assert call(data_scientist, "POST", "runs/set-tag", origin).status_code == 403
    assert call(data_scientist, "POST", "runs/log-batch", batch).status_code == 403
    ending = {"run_id": run_id, "status": "FINISHED"}
    assert call(data_scientist, "POST", "runs/update", ending).status_code == 200
    assert call(data_scientist, "POST", "runs/log-metric", metric).status_code == 403


def test_what_no_version_refers_to_any_more_can_be_deleted(
    call: Call, tracking: Tracking, registered: ModelVersion, owner: User, data_scientist: User
) -> None:
    run_id = registered.source_run_id
    assert call(data_scientist, "POST", "runs/delete", {"run_id": run_id}).status_code == 403

    gone = {"name": "scoring", "version": "1"}
    assert call(owner, "DELETE", "model-versions/delete", gone).status_code == 200

    assert call(data_scientist, "POST", "runs/delete", {"run_id": run_id}).status_code == 200


@pytest.mark.parametrize(
    "location",
    [
        "file:///etc",
        "/etc",
        "s3://bucket/x",
        "http://169.254.169.254/",
        "mlflow-artifacts:/../../etc",
        "mlflow-artifacts:/1/models/m-of-somebody-else",
        "mlflow-artifacts://evil.example/x",
        ["file:///etc"],
    ],
)
def test_an_experiment_cannot_point_the_tracking_server_elsewhere(
    call: Call, tracking: Tracking, data_scientist: User, location: object
) -> None:
    for name in ("artifact_location", "artifactLocation"):
        body = {"name": f"x-{name}-{location}", name: location}
        assert call(data_scientist, "POST", "experiments/create", body).status_code == 400


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PATCH", "/api/2.0/mlflow/traces/{trace}/tags", {"key": "mlflow.artifactLocation"}),
        ("PATCH", "/api/3.0/mlflow/traces/{trace}/tags", {"key": "mlflow.artifactLocation"}),
        ("DELETE", "/api/3.0/mlflow/traces/{trace}/tags", {"key": "mlflow.artifactLocation"}),
        ("PATCH", "/api/2.0/mlflow/traces/{trace}", {"tags": [{"key": "mlflow.artifactLocation"}]}),
        ("POST", "/api/2.0/mlflow/traces", {"tags": [{"key": "mlflow.artifactLocation"}]}),
        (
            "POST",
            "/api/3.0/mlflow/traces",
            {
                "trace": {
                    "traceInfo": {
                        "trace_id": "tr-new",
                        "traceLocation": {"mlflowExperiment": {"experimentId": "0"}},
                        "tags": {"mlflow.artifactLocation": "s3://elsewhere"},
                    }
                }
            },
        ),
    ],
)
def test_a_trace_cannot_point_the_clients_of_others_elsewhere(
    call: Call,
    tracking: Tracking,
    data_scientist: User,
    method: str,
    path: str,
    body: dict[str, Any],
) -> None:
    path = path.format(trace=tracking.make_trace())
    if path.endswith("2.0/mlflow/traces"):
        body = {**body, "experiment_id": tracking.experiment}

    answer = call(data_scientist, method, path, body)

    assert answer.status_code == 400
    assert "mlflow.artifactLocation" in answer.json()["message"]


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b'{"run_id": 1}', b'{"run_id": "a", "run_id": "b"}', b"\xff", b"[" * 999]
)
def test_a_malformed_body_is_a_400(
    call: Call, tracking: Tracking, data_scientist: User, body: bytes
) -> None:
    answer = call(data_scientist, "POST", "runs/delete", body=body)

    assert answer.status_code == 400
    assert answer.json()["error_code"] == "INVALID_PARAMETER_VALUE"
