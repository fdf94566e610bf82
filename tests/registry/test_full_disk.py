"""Registrations on a disk that is really full."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from apps.accounts.models import User
from apps.registry import services, storage
from apps.registry.models import RegisteredModel
from apps.registry.states import VersionState
from tests.disks import Disk, small_disk
from tests.tracking import MODEL_FILES, Tracking, work_once

pytestmark = pytest.mark.django_db(transaction=True)
BIG = {**MODEL_FILES, "weights.bin": bytes(3 * 1024 * 1024)}


def use(settings: Any, home: Path) -> None:
    settings.MLGOV_DATA_DIR = home
    settings.STORAGES = {
        **settings.STORAGES,
        "artifacts": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": home / "artifacts"},
        },
    }


@pytest.fixture(params=["one disk", "a disk of their own for artifacts"])
def disk(request: pytest.FixtureRequest, settings: Any, tmp_path: Path) -> Iterator[Disk]:
    """Where artifacts are kept. What comes in lies on the same disk, or on one with room."""
    home = tmp_path / "data"
    with small_disk(home if request.param == "one disk" else home / "artifacts") as disk:
        use(settings, home)
        yield disk


def files_below(home: Path, disk: Disk) -> list[Path]:
    return [path for path in home.rglob("*") if path.is_file() and path != disk.filling]


def test_a_version_that_does_not_fit_leaves_nothing_and_fits_when_there_is_room(
    disk: Disk, settings: Any, tracking: Tracking, model: RegisteredModel, data_scientist: User
) -> None:
    # One file after the other is copied, so the small ones find room and the large one does not.
    disk.fill(leave=1024 * 1024)
    logged = tracking.log_model(BIG)
    version = services.create_version(
        model, source=f"models:/{logged['model_id']}", by=data_scientist
    )
    work_once()

    version.refresh_from_db()
    run = version.ingests.get().run
    assert (version.state, run.error_code) == (VersionState.FAILED, "registry.platform.disk-full")
    assert "no room left" in version.status_message
    assert version.artifacts.count() == 0
    # What has come in is whole, and lies under its digest; of the file that did not fit, nothing.
    left = {path.stat().st_size for path in files_below(settings.MLGOV_DATA_DIR, disk)}
    assert left <= {len(content) for content in MODEL_FILES.values()}
    assert not any((settings.MLGOV_DATA_DIR / "incoming").iterdir())

    disk.make_room()
    services.retry_ingest(version, by=data_scientist)
    work_once()

    version.refresh_from_db()
    assert version.state == VersionState.READY
    assert {a.path: a.size for a in version.artifacts.all()} == {p: len(c) for p, c in BIG.items()}
    for artifact in version.artifacts.all():
        with storage.open_blob(artifact.sha256) as file:
            assert file.read() == BIG[artifact.path]
