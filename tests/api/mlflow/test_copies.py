"""Versions that did not come from the server behind mlgov are downloaded from mlgov's own copy."""

import json
from typing import Any

import pytest

from apps.accounts.models import User
from apps.api.mlflow import copies
from apps.registry import services
from apps.registry.models import ModelVersion, RegisteredModel
from apps.registry.states import VersionState
from apps.tracking.models import ArtifactStore
from tests import factories
from tests.api.mlflow.conftest import Call
from tests.stores import Bucket
from tests.tracking import MODEL_FILES, Tracking, work_once

pytestmark = pytest.mark.django_db(transaction=True)
ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts"
FILES = {**MODEL_FILES, "code/deep/a.py": b"print(1)", "code/b.py": b"print(2)"}


def whole(answer: Any) -> bytes:
    return b"".join(answer.streaming_content) if answer.streaming else answer.content


@pytest.fixture
def copy(
    s3_store: ArtifactStore,
    bucket: Bucket,
    model: RegisteredModel,
    data_scientist: User,
    no_tracking: None,
) -> ModelVersion:
    bucket.put_model("team-a/copied", FILES)
    made = services.create_version(model, source="s3://models/team-a/copied", by=data_scientist)
    work_once()
    made.refresh_from_db()
    assert made.is_ready, made.status_message
    return made


def test_the_whole_tree_is_listed_and_downloaded(
    call: Call, copy: ModelVersion, data_scientist: User, settings: Any
) -> None:
    named = {"name": copy.model.name, "version": str(copy.number)}
    answer = call(data_scientist, "GET", "model-versions/get-download-uri", named).json()
    uri = answer["artifact_uri"]
    assert uri.startswith(f"{settings.MLGOV_BASE_URL}{ARTIFACTS}/mlgov/versions/")
    root = uri.partition(f"{ARTIFACTS}/")[2]

    def listed(folder: str) -> list[tuple[str, bool, int | None]]:
        found = call(data_scientist, "GET", ARTIFACTS, {"path": folder}).json()
        return [(f["path"], f["is_dir"], f.get("file_size")) for f in found["files"]]

    top = {name: len(content) for name, content in MODEL_FILES.items()}
    assert {name: size for name, is_dir, size in listed(root) if not is_dir} == top
    assert [entry for entry in listed(root) if entry[1]] == [("code", True, None)]
    assert listed(f"{root}/code") == [("b.py", False, 8), ("deep", True, None)]
    assert listed(f"{root}/code/deep") == [("a.py", False, 8)]
    assert listed(f"{root}/MLmodel") == []
    for path, content in FILES.items():
        answer = call(data_scientist, "GET", f"{ARTIFACTS}/{root}/{path}")
        assert (answer.status_code, whole(answer)) == (200, content)
        assert answer["Content-Length"] == str(len(content))
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert answer["Content-Disposition"].startswith("attachment")
        assert "sandbox" in answer["Content-Security-Policy"]


def test_a_part_of_a_file_can_be_asked_for(
    call: Call, copy: ModelVersion, data_scientist: User
) -> None:
    url = f"{ARTIFACTS}/mlgov/versions/{copy.pk}/model.skops"
    content = MODEL_FILES["model.skops"]
    cases = [
        ("bytes=0-9", 206, content[:10]),
        ("bytes=5-", 206, content[5:]),
        (f"bytes=10-{len(content) * 2}", 206, content[10:]),
        (f"bytes={len(content)}-", 416, b""),
        ("bytes=9-3", 416, b""),
        ("bytes=0-1,3-4", 200, content),
        ("lines=1-2", 200, content),
        ("bytes=" + "9" * 30 + "-", 200, content),
    ]
    for asked, status, expected in cases:
        answer = call(data_scientist, "GET", url, HTTP_RANGE=asked)
        assert (answer.status_code, whole(answer)) == (status, expected), asked


def test_others_find_nothing_there(
    call: Call, copy: ModelVersion, stranger: User, data_scientist: User, model: RegisteredModel
) -> None:
    root = f"mlgov/versions/{copy.pk}"
    model.refresh_from_db()
    pending = factories.make_version(model, by=data_scientist, state=VersionState.PENDING)
    cases = [
        (stranger, root, 404),
        (None, root, 401),
        (data_scientist, "mlgov/versions/999999", 404),
        (data_scientist, f"mlgov/versions/{pending.pk}", 409),
        (data_scientist, "mlgov/versions/" + "9" * 30, 404),
        (data_scientist, "mlgov/versions", 404),
        (data_scientist, "mlgov", 404),
    ]
    for user, place, status in cases:
        assert call(user, "GET", ARTIFACTS, {"path": place}).status_code == status, place
        found = call(user, "GET", f"{ARTIFACTS}/{place}/MLmodel").status_code
        assert found == status, place
    services.delete_version(copy, by=copy.project.created_by)
    assert call(data_scientist, "GET", ARTIFACTS, {"path": root}).status_code == 404


@pytest.mark.parametrize(
    "place",
    [
        "mlgov/versions/1/x",
        "mlgov/x",
        "mlgov",
        "mlgov/",
        "MLGOV/x",
        "%6dlgov/x",
        "%256dlgov/x",
        "./mlgov/x",
        "x/../mlgov/x",
        "%2e/mlgov/x",
        "mlgov%2fx",
        "mlgov\\x",
        "/mlgov/x",
        "//mlgov/x",
    ],
)
def test_the_place_is_never_passed_on(
    place: str, call: Call, tracking: Tracking, administrator: User
) -> None:
    assert copies.is_reserved(place)
    for method in ("PUT", "DELETE", "GET", "POST"):
        answer = call(administrator, method, f"{ARTIFACTS}/{place}", body=b"x")
        assert answer.status_code in (403, 404), (method, answer.status_code)
    answer = call(administrator, "GET", ARTIFACTS, {"path": place})
    assert answer.status_code == 404
    # Named twice, one of them harmless.
    answer = call(administrator, "GET", f"{ARTIFACTS}?path={tracking.experiment}&path=mlgov/x")
    assert answer.status_code == 404
    listed = tracking.upstream.get_json(ARTIFACTS, {"path": ""}, "artifacts").get("files") or []
    assert not any("mlgov" in entry["path"].casefold() for entry in listed)


def test_other_places_are_not_ours() -> None:
    for place in ("1/mlgov/x", "mlgov2/x", "1/models/m-1/artifacts/mlgov", "", "1/a%b"):
        assert not copies.is_reserved(place)


def test_a_query_that_is_too_long_is_refused(
    call: Call, data_scientist: User, no_tracking: None
) -> None:
    answer = call(data_scientist, "GET", f"{ARTIFACTS}?" + "&".join(["path=x"] * 600))
    assert 400 <= answer.status_code < 500
    assert "error_code" in json.loads(whole(answer))


def test_what_is_gone_from_the_tracking_server_is_downloaded_from_the_copy(
    call: Call, tracking: Tracking, model: RegisteredModel, data_scientist: User
) -> None:
    logged = tracking.log_model()
    version = services.create_version(
        model, source=f"models:/{logged['model_id']}", by=data_scientist
    )
    work_once()
    version.refresh_from_db()
    named = {"name": model.name, "version": str(version.number)}

    def address() -> str:
        answer = call(data_scientist, "GET", "model-versions/get-download-uri", named)
        return str(answer.json()["artifact_uri"])

    assert address() == f"mlflow-artifacts:/{version.artifact_path}"
    tracking.upstream.request("DELETE", f"{ARTIFACTS}/{version.artifact_path}").read()

    root = address().partition(f"{ARTIFACTS}/")[2]
    assert root == f"mlgov/versions/{version.pk}"
    found = call(data_scientist, "GET", f"{ARTIFACTS}/{root}/MLmodel")
    assert whole(found) == MODEL_FILES["MLmodel"]


def test_models_are_downloaded_also_while_the_tracking_server_is_down(
    call: Call, version: ModelVersion, data_scientist: User, no_tracking: None
) -> None:
    ModelVersion.objects.update(artifact_path="1/models/m-1/artifacts")
    named = {"name": version.model.name, "version": str(version.number)}

    answer = call(data_scientist, "GET", "model-versions/get-download-uri", named).json()

    assert answer["artifact_uri"].endswith(f"{ARTIFACTS}/mlgov/versions/{version.pk}")
