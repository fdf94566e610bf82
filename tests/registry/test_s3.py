"""The artifact store in S3, on a server that answers, refuses, and is gone."""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import storages

from apps.accounts.models import User
from apps.builds import services as builds
from apps.core.errors import Unavailable
from apps.registry import ingest, s3, services, storage
from apps.registry.models import ModelVersion, RegisteredModel
from apps.registry.states import VersionState
from tests import factories
from tests.builds.parts import drive, in_memory_parts
from tests.s3 import REGION, S3Server
from tests.tracking import MODEL_FILES, Tracking, work_once

__all__ = ["in_memory_parts"]
pytestmark = pytest.mark.django_db(transaction=True)
BUCKET = "models"
Configure = Callable[..., None]


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    server = S3Server()
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest, "PAUSES", (0, 0))
    monkeypatch.setattr(s3, "ATTEMPTS", 1)


@pytest.fixture(autouse=True)
def configure(server: S3Server, settings: Any, tmp_path: Path) -> Iterator[Configure]:
    """mlgov's artifacts are in S3. What a test changes of that, it names."""
    settings.MLGOV_DATA_DIR = tmp_path / "data"
    server.make_bucket(BUCKET)

    def change(**options: str) -> None:
        given = {
            "bucket_name": BUCKET,
            "endpoint_url": server.url,
            "region_name": REGION,
            "access_key": server.key_id,
            "secret_key": server.secret,
        }
        ours = {"BACKEND": "apps.registry.s3.S3ArtifactStorage", "OPTIONS": given | options}
        settings.STORAGES = {**settings.STORAGES, "artifacts": ours}

    change()
    yield change
    server.remove_bucket(BUCKET)


def keys_of(files: dict[str, bytes]) -> dict[str, bytes]:
    return {storage.key_of(hashlib.sha256(c).hexdigest()): c for c in files.values()}


def register(tracking: Tracking, model: RegisteredModel, by: User) -> ModelVersion:
    logged = tracking.log_model()
    version = services.create_version(model, source=f"models:/{logged['model_id']}", by=by)
    work_once()
    version.refresh_from_db()
    return version


def incoming(settings: Any) -> list[Path]:
    directory: Path = settings.MLGOV_DATA_DIR / "incoming"
    return list(directory.iterdir()) if directory.exists() else []


def test_a_version_is_stored_once_and_comes_out_as_it_went_in(
    server: S3Server,
    tracking: Tracking,
    model: RegisteredModel,
    data_scientist: User,
    settings: Any,
    tmp_path: Path,
) -> None:
    first = register(tracking, model, data_scientist)
    written_at = {
        entry["Key"]: entry["LastModified"]
        for entry in server.client.list_objects_v2(Bucket=BUCKET)["Contents"]
    }
    second = register(tracking, model, data_scientist)

    assert (first.state, second.state) == (VersionState.READY, VersionState.READY)
    assert first.artifact_digest == second.artifact_digest
    assert server.content(BUCKET) == keys_of(MODEL_FILES)
    assert written_at == {
        entry["Key"]: entry["LastModified"]
        for entry in server.client.list_objects_v2(Bucket=BUCKET)["Contents"]
    }
    assert storage.materialise(first, tmp_path / "out") == first.artifact_digest
    written = {path: (tmp_path / "out" / path).read_bytes() for path in MODEL_FILES}
    assert written == MODEL_FILES
    assert incoming(settings) == []


def test_a_file_that_is_longer_than_one_part_is_whole(server: S3Server, settings: Any) -> None:
    content = b"0123456789abcdef" * (1024 * 1024)

    blob = storage.save([content], limit=len(content))

    with storage.open_blob(blob.sha256) as file:
        assert hashlib.sha256(file.read()).hexdigest() == hashlib.sha256(content).hexdigest()
    assert server.unfinished_uploads(BUCKET) == []
    assert incoming(settings) == []


def test_half_of_a_file_is_replaced(server: S3Server) -> None:
    content = b"a file that was cut off"
    key = storage.key_of(hashlib.sha256(content).hexdigest())
    storages["artifacts"].save(key, ContentFile(content[:5]))

    storage.save([content], limit=100)

    assert server.content(BUCKET) == {key: content}


def gone(server: S3Server, configure: Configure) -> None:
    server.stop()


def without_bucket(server: S3Server, configure: Configure) -> None:
    server.remove_bucket(BUCKET)


def with_another_secret(server: S3Server, configure: Configure) -> None:
    configure(secret_key="not the one")


def with_an_unknown_key(server: S3Server, configure: Configure) -> None:
    configure(access_key="AKIANOBODY")


def without_credentials(server: S3Server, configure: Configure) -> None:
    configure(access_key="", secret_key="")


def with_an_address_that_is_none(server: S3Server, configure: Configure) -> None:
    configure(endpoint_url="nowhere")


Trouble = Callable[[S3Server, Configure], None]
TROUBLES: list[tuple[Trouble, str]] = [
    (gone, "does not answer"),
    (without_bucket, "there is no bucket “models”"),
    (with_another_secret, "refuses the credentials"),
    (with_an_unknown_key, "refuses the credentials"),
    (without_credentials, "refuses the credentials"),
    (with_an_address_that_is_none, "S3 cannot be used"),
]


def mend(trouble: Trouble, server: S3Server, configure: Configure) -> None:
    configure()
    if trouble is gone:
        server.start()
    elif trouble is without_bucket:
        server.make_bucket(BUCKET)


@pytest.fixture(autouse=True)
def no_credentials_around(monkeypatch: pytest.MonkeyPatch, server: S3Server) -> None:
    """Those of the machine would be right, and must not be taken."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", server.key_id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", server.secret)
    monkeypatch.setenv("AWS_SESSION_TOKEN", "x")


@pytest.mark.parametrize(("trouble", "reason"), TROUBLES[:3])
def test_a_store_that_does_not_work_is_told_and_the_registration_is_retried(
    server: S3Server,
    configure: Configure,
    tracking: Tracking,
    model: RegisteredModel,
    data_scientist: User,
    settings: Any,
    trouble: Trouble,
    reason: str,
) -> None:
    trouble(server, configure)
    try:
        version = register(tracking, model, data_scientist)
    finally:
        mend(trouble, server, configure)

    run = version.ingests.get().run
    assert (version.state, run.error_code) == (
        VersionState.FAILED,
        "registry.platform.store-failed",
    )
    assert reason in version.status_message
    assert (version.artifacts.count(), server.content(BUCKET)) == (0, {})
    assert incoming(settings) == []

    services.retry_ingest(version, by=data_scientist)
    work_once()

    version.refresh_from_db()
    assert version.state == VersionState.READY
    assert server.content(BUCKET) == keys_of(MODEL_FILES)


@pytest.mark.parametrize(("trouble", "reason"), TROUBLES)
def test_a_file_that_the_store_does_not_give_out_is_a_refusal(
    server: S3Server, configure: Configure, trouble: Trouble, reason: str, tmp_path: Path
) -> None:
    blob = storage.save([b"some bytes"], limit=100)
    trouble(server, configure)
    try:
        with pytest.raises(Unavailable) as refused:
            storage.open_blob(blob.sha256)
    finally:
        mend(trouble, server, configure)

    assert refused.value.code == "store_failed"
    if trouble is not without_bucket:
        assert reason in refused.value.message
        with storage.open_blob(blob.sha256) as file:
            assert file.read() == b"some bytes"


def test_a_build_takes_its_files_from_the_bucket_and_says_when_it_cannot(
    server: S3Server, configure: Configure, model: RegisteredModel, data_scientist: User
) -> None:
    version = factories.make_stored_version(model, by=data_scientist)
    environment = factories.make_environment("sandbox", registry="registry.test:5000")

    def build() -> tuple[str, str]:
        digest = version.artifact_digest
        made = builds.request_build(version, environment, by=None, artifact_digest=digest)
        drive()
        made.run.refresh_from_db()
        return made.run.error_code, made.run.error_text

    server.stop()
    try:
        code, text = build()
    finally:
        server.start()
    assert (code, "does not answer" in text) == ("builds.platform.store-failed", True)

    assert build() == ("", "")
