"""Models in buckets and folders: which are found, and which stay out of reach."""

import os
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from apps.accounts.models import User
from apps.core.errors import Conflict, DomainError, Invalid, NotFound, NotPermitted, Unavailable
from apps.projects.models import Project
from apps.registry import ingest, services, sources, storage
from apps.registry.models import ModelVersion, RegisteredModel
from apps.registry.states import VersionState
from apps.tracking import places
from apps.tracking import services as tracking_services
from apps.tracking.files import Refused
from apps.tracking.models import ArtifactStore, StoreAccess
from tests.stores import KEY_ID, SECRET, Bucket, put_model
from tests.tracking import MODEL_FILES, Tracking, work_once

pytestmark = pytest.mark.django_db(transaction=True)


OUTSIDE = [
    "s3://other/team-a/scoring",
    "s3://models/team-b/scoring",
    "s3://models/team-a2/scoring",
    "s3://models/team",
    "s3://models",
    "s3://models/team-a/../team-b",
    "s3://models/team-a/%2e%2e/team-b",
    "s3://models/team-a\\..\\team-b",
    "s3://models/team-a/x?versionId=1",
    "s3://models/team-a/x#y",
    "s3://models/team-a//x",
    "s3://models@127.0.0.1/team-a/scoring",
    "s3://user:pw@models/team-a/scoring",
    "s3://127.0.0.1:9000/team-a/scoring",
    "s3:///models/team-a",
    "S3://models/team-a/scoring",
    "s3a://models/team-a/scoring",
    "s3://models/team-a/\x00",
    "file:///etc/passwd",
    "file://localhost/etc/passwd",
    "file:etc/passwd",
    "/etc/passwd",
    "/proc/self/environ",
    "{folder}/../secret",
    "{folder}-2/scoring",
    "file://{folder}/%2e%2e/secret",
    "file:///{folder}/scoring",
    "http://169.254.169.254/latest/meta-data",
    "{listener}/model",
    "mlflow-artifacts://127.0.0.1:{port}/model",
    "ftp://127.0.0.1:{port}/model",
    "gs://bucket/model",
    "hdfs://127.0.0.1:{port}/model",
    "dbfs:/model",
    "runs:/../../x",
    "models:/x/../..",
]


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest, "PAUSES", (0, 0))


@pytest.fixture
def listener() -> Iterator[tuple[str, list[str]]]:
    """A server that nobody named, and what reached it."""
    reached: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            reached.append(self.path)
            self.send_response(200)
            self.end_headers()

        do_PUT = do_HEAD = do_POST = do_GET

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", reached
    server.shutdown()
    server.server_close()


def test_a_model_in_a_bucket_is_taken_over(
    s3_store: ArtifactStore,
    bucket: Bucket,
    model: RegisteredModel,
    data_scientist: User,
    tmp_path: Path,
    no_tracking: None,
) -> None:
    bucket.put_model("team-a/scoring")
    bucket.put("models/team-a/scoring/data/deep er/x=1.bin", b"deep")

    version = services.create_version(
        model, source="s3://models/team-a/scoring/", by=data_scientist
    )
    work_once()

    version.refresh_from_db()
    assert (version.state, version.status_message) == (VersionState.READY, "")
    assert (version.store, version.artifact_path) == (s3_store, "s3://models/team-a/scoring")
    assert {a.path: a.size for a in version.artifacts.all()} == {
        **{path: len(content) for path, content in MODEL_FILES.items()},
        "data/deep er/x=1.bin": 4,
    }
    assert storage.materialise(version, tmp_path / "out") == version.artifact_digest
    assert not version.is_behind_the_pass_through


def test_a_model_in_a_folder_is_taken_over(
    file_store: ArtifactStore,
    folder: Path,
    model: RegisteredModel,
    data_scientist: User,
    no_tracking: None,
) -> None:
    put_model(folder / "scoring")

    for source in (f"file://{folder}/scoring", f"{folder}/scoring", f"file:{folder}/scoring/"):
        version = services.create_version(model, source=source, by=data_scientist)
        work_once()
        version.refresh_from_db()
        assert (version.state, version.status_message) == (VersionState.READY, "")
        assert version.artifact_path == f"file://{folder}/scoring"


def test_what_lies_outside_the_stores_is_refused_at_once_and_opens_nothing(
    s3_store: ArtifactStore,
    file_store: ArtifactStore,
    folder: Path,
    model: RegisteredModel,
    data_scientist: User,
    listener: tuple[str, list[str]],
    no_tracking: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url, reached = listener
    connected: list[Any] = []
    put_model(folder.parent / "secret")
    put_model(folder.parent / "models-2" / "scoring")
    with monkeypatch.context() as watched:
        watched.setattr(socket.socket, "connect", lambda _, to: connected.append(to))
        for source in OUTSIDE:
            source = source.format(folder=folder, listener=url, port=url.rpartition(":")[2])
            began = time.monotonic()
            with pytest.raises((Invalid, NotFound)):
                services.create_version(model, source=source, by=data_scientist)
            assert time.monotonic() - began < 2, source

    assert (connected, reached) == ([], [])
    assert not ModelVersion.objects.exists()


def test_a_refusal_says_whom_to_ask(
    bucket: Bucket, project: Project, model: RegisteredModel, data_scientist: User
) -> None:
    with pytest.raises(Invalid, match="Ask an administrator to add the store"):
        services.create_version(model, source="s3://models/team-a/x", by=data_scientist)


def test_links_in_a_folder_are_not_followed(
    file_store: ArtifactStore,
    folder: Path,
    tmp_path: Path,
    model: RegisteredModel,
    data_scientist: User,
    no_tracking: None,
) -> None:
    put_model(tmp_path / "secret")
    put_model(folder / "outside")
    (folder / "outside" / "~key").symlink_to(tmp_path / "secret" / "MLmodel")
    put_model(folder / "pipe")
    os.mkfifo(folder / "pipe" / "~waiting")
    (folder / "link").symlink_to(tmp_path / "secret")

    with pytest.raises(Invalid, match="link"):
        services.create_version(model, source=f"{folder}/link", by=data_scientist)
    for name in ("outside", "pipe"):
        version = services.create_version(model, source=f"{folder}/{name}", by=data_scientist)
        work_once()
        version.refresh_from_db()
        assert version.state == VersionState.FAILED
        assert "does not follow" in version.status_message


def test_a_link_that_is_put_there_in_between_is_not_followed_either(
    file_store: ArtifactStore, folder: Path, project: Project, tmp_path: Path
) -> None:
    put_model(folder / "scoring")
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "MLmodel").write_text("secret")
    reader = places.reader(file_store, project)
    listed = [f.path for f in reader.list_artifacts(f"file://{folder}/scoring")]
    assert sorted(listed) == sorted(MODEL_FILES)

    (folder / "scoring").rename(folder / "before")
    (folder / "scoring").symlink_to(tmp_path / "secret")

    with (
        pytest.raises(Invalid, match="link"),
        reader.open_artifact(f"file://{folder}/scoring/MLmodel"),
    ):
        pass


def test_a_folder_that_the_operator_takes_back_is_not_read_any_more(
    file_store: ArtifactStore, folder: Path, project: Project, settings: Any
) -> None:
    put_model(folder / "scoring")
    settings.MLGOV_FILE_ROOTS = []

    with pytest.raises(Invalid, match="MLGOV_FILE_ROOTS"):
        list(places.reader(file_store, project).list_artifacts(f"file://{folder}/scoring"))


def test_a_project_reads_its_own_stores_only(
    s3_store: ArtifactStore, bucket: Bucket, stranger: User, data_scientist: User
) -> None:
    bucket.put_model("team-a/scoring")
    elsewhere = Project.objects.get(slug="elsewhere")

    with pytest.raises(Invalid, match="has no store"):
        sources.resolve("s3://models/team-a/scoring", project=elsewhere, user=stranger)


def test_the_innermost_store_is_read(
    s3_store: ArtifactStore, bucket: Bucket, project: Project
) -> None:
    inner = ArtifactStore.objects.create(
        slug="inner", name="Inner", root="s3://models/team-a/inner", endpoint_url=bucket.endpoint
    )
    StoreAccess.objects.create(project=project, store=inner)

    assert places.place_of("s3://models/team-a/inner/x", project=project).store == inner
    assert places.place_of("s3://models/team-a/innermost/x", project=project).store == s3_store


def test_nothing_there_is_said_at_once(
    s3_store: ArtifactStore,
    file_store: ArtifactStore,
    folder: Path,
    model: RegisteredModel,
    data_scientist: User,
) -> None:
    for source in ("s3://models/team-a/nothing", f"{folder}/nothing"):
        with pytest.raises(NotFound):
            services.create_version(model, source=source, by=data_scientist)


def test_a_store_that_is_down_says_so(
    s3_store: ArtifactStore, model: RegisteredModel, data_scientist: User
) -> None:
    s3_store.endpoint_url = "http://127.0.0.1:1"
    s3_store.save()

    with pytest.raises(Unavailable, match="does not answer"):
        services.create_version(model, source="s3://models/team-a/x", by=data_scientist)


class _Answers:
    """A server that gives every request the same answer, and keeps what came."""

    def __init__(self, status: int, **headers: str) -> None:
        self.headers: list[dict[str, str]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.headers.append(dict(self.headers))
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_HEAD = do_GET

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    def __enter__(self) -> "_Answers":
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        return self

    def __exit__(self, *_: Any) -> None:
        self._server.shutdown()
        self._server.server_close()


def test_a_store_cannot_send_us_elsewhere(
    s3_store: ArtifactStore,
    model: RegisteredModel,
    data_scientist: User,
    listener: tuple[str, list[str]],
) -> None:
    url, reached = listener
    for status in (301, 302, 307):
        with _Answers(status, Location=f"{url}/x", **{"x-amz-bucket-region": "eu-west-1"}) as other:
            s3_store.endpoint_url = other.url
            s3_store.save()
            with pytest.raises(DomainError):
                services.create_version(model, source="s3://models/team-a/x", by=data_scientist)
            assert other.headers

    assert reached == []


def test_only_the_credentials_of_the_project_are_sent(
    s3_store: ArtifactStore,
    project: Project,
    model: RegisteredModel,
    data_scientist: User,
    owner: User,
    monkeypatch: pytest.MonkeyPatch,
    listener: tuple[str, list[str]],
) -> None:
    url, reached = listener
    for name, value in {
        "AWS_ACCESS_KEY_ID": "AKIAOFTHEMACHINE",
        "AWS_SECRET_ACCESS_KEY": "of the machine",
        "AWS_PROFILE": "nobody",
        "AWS_ENDPOINT_URL": url,
        "AWS_EC2_METADATA_SERVICE_ENDPOINT": url,
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": url,
        "HTTP_PROXY": url,
        "http_proxy": url,
    }.items():
        monkeypatch.setenv(name, value)
    with _Answers(403) as store:
        s3_store.endpoint_url = store.url
        s3_store.save()
        with pytest.raises(Refused, match="credentials of the project"):
            services.create_version(model, source="s3://models/team-a/x", by=data_scientist)
        assert f"Credential={KEY_ID}/" in store.headers[0]["Authorization"]
        assert SECRET not in str(store.headers)

        tracking_services.set_store_access(project, store=s3_store, by=owner)
        with pytest.raises(Refused):
            services.create_version(model, source="s3://models/team-a/x", by=data_scientist)
        assert "Authorization" not in store.headers[-1]
    assert reached == []


def test_this_machine_is_read_only_where_the_operator_allows_it(
    s3_store: ArtifactStore, model: RegisteredModel, data_scientist: User, settings: Any
) -> None:
    settings.MLGOV_LOCAL_SOURCES = False
    # "localhost" is a name, which stands for loopback only when it is looked up.
    for host in ("127.0.0.1", "localhost"):
        s3_store.endpoint_url = f"http://{host}:9"
        s3_store.save()
        with pytest.raises(Invalid, match="MLGOV_LOCAL_SOURCES"):
            services.create_version(model, source="s3://models/team-a/x", by=data_scientist)


def test_artifacts_that_a_run_keeps_in_a_bucket_are_read_there(
    tracking: Tracking,
    s3_store: ArtifactStore,
    bucket: Bucket,
    model: RegisteredModel,
    data_scientist: User,
) -> None:
    body = {
        "name": f"in-a-bucket-{time.time()}",
        "artifact_location": "s3://models/team-a/experiment",
        "tags": [{"key": "mlgov.project", "value": "credit"}],
    }
    tracking.experiment = tracking.call("POST", "experiments/create", body)["experiment_id"]
    run_id = tracking.make_run(**{"mlflow.user": "ada"})["info"]["run_id"]
    bucket.put_model(f"team-a/experiment/{run_id}/artifacts/model")
    logged = tracking.make_logged_model(run_id, name="other")
    bucket.put_model(logged["artifact_uri"].removeprefix("s3://models/"))
    sources_of_it = [
        (f"runs:/{run_id}/model", ""),
        (f"s3://models/team-a/experiment/{run_id}/artifacts/model", run_id),
        (f"models:/{logged['model_id']}", ""),
    ]

    for source, run in sources_of_it:
        version = services.create_version(model, source=source, run_id=run, by=data_scientist)
        work_once()
        version.refresh_from_db()
        assert (version.state, version.status_message) == (VersionState.READY, "")
        assert (version.source_run_id, version.claimed_author) == (run_id, "ada")
        assert version.store == s3_store


def test_what_the_project_may_not_read_any_more_fails_with_a_reason_and_can_be_retried(
    s3_store: ArtifactStore,
    bucket: Bucket,
    project: Project,
    model: RegisteredModel,
    data_scientist: User,
    owner: User,
) -> None:
    bucket.put_model("team-a/scoring")
    version = services.create_version(model, source="s3://models/team-a/scoring", by=data_scientist)
    tracking_services.remove_store_access(StoreAccess.objects.get(), by=owner)
    work_once()

    version.refresh_from_db()
    assert version.state == VersionState.FAILED
    assert "may not read the store" in version.status_message
    assert version.ingests.get().run.error_code == "registry.platform.source-refused"

    tracking_services.set_store_access(
        project, store=s3_store, access_key_id=KEY_ID, secret_access_key=SECRET, by=owner
    )
    services.retry_ingest(version, by=data_scientist)
    work_once()
    version.refresh_from_db()
    assert version.state == VersionState.READY


def test_a_copy_shares_the_bytes_of_what_came_from_a_store(
    s3_store: ArtifactStore, bucket: Bucket, model: RegisteredModel, data_scientist: User
) -> None:
    bucket.put_model("team-a/scoring")
    services.create_version(model, source="s3://models/team-a/scoring", by=data_scientist)
    work_once()
    copy = services.create_version(model, source="models:/scoring/latest", by=data_scientist)
    work_once()

    copy.refresh_from_db()
    assert (copy.state, copy.source, copy.store) == (
        VersionState.READY,
        "models:/scoring/1",
        s3_store,
    )


def test_who_lets_a_project_into_a_store(
    folder: Path,
    bucket: Bucket,
    project: Project,
    owner: User,
    data_scientist: User,
    administrator: User,
) -> None:
    nfs = ArtifactStore.objects.create(slug="nfs", name="NFS", root=f"file://{folder}")
    s3 = ArtifactStore.objects.create(slug="s3", name="S3", root="s3://models")
    twin = ArtifactStore.objects.create(slug="twin", name="Twin", root="s3://models")

    refusals: list[tuple[User, ArtifactStore, type[DomainError]]] = [
        (data_scientist, s3, NotPermitted),
        (owner, nfs, NotPermitted),
    ]
    for user, store, refusal in refusals:
        with pytest.raises(refusal):
            tracking_services.set_store_access(project, store=store, by=user)
    with pytest.raises(Invalid):
        tracking_services.set_store_access(project, store=s3, access_key_id=KEY_ID, by=owner)
    tracking_services.set_store_access(project, store=s3, by=owner)
    tracking_services.set_store_access(project, store=nfs, by=administrator)
    with pytest.raises(Conflict, match="Remove that first"):
        tracking_services.set_store_access(project, store=twin, by=owner)

    assert set(StoreAccess.objects.values_list("store__slug", flat=True)) == {"s3", "nfs"}


def test_an_empty_secret_stays_only_beside_its_own_key(
    s3_store: ArtifactStore, project: Project, owner: User
) -> None:
    kept = tracking_services.set_store_access(
        project, store=s3_store, access_key_id=KEY_ID, by=owner
    )
    assert kept.secret_access_key == SECRET
    with pytest.raises(Invalid, match="secret"):
        tracking_services.set_store_access(
            project, store=s3_store, access_key_id="AKIAANOTHER", by=owner
        )
    assert StoreAccess.objects.get().access_key_id == KEY_ID
