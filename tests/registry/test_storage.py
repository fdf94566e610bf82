"""The content-addressed store."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

from apps.core.errors import Invalid, TooLarge, Unavailable
from apps.registry import storage
from apps.registry.models import Artifact, ModelVersion, RegisteredModel
from tests import factories


def incoming() -> list[Path]:
    return list((settings.MLGOV_DATA_DIR / "incoming").iterdir())


def test_bytes_lie_under_their_digest_and_once() -> None:
    first = storage.save([b"some ", b"bytes"], limit=100)
    second = storage.save([b"some bytes"], limit=100)

    assert first == second == storage.Blob(hashlib.sha256(b"some bytes").hexdigest(), 10)
    with storage.open_blob(first.sha256) as file:
        assert file.read() == b"some bytes"
    folder = settings.MLGOV_DATA_DIR / "artifacts" / storage.key_of(first.sha256)
    assert [path.name for path in folder.parent.glob(f"{first.sha256}*")] == [first.sha256]
    assert incoming() == []


def test_half_of_a_file_that_a_crash_left_is_replaced() -> None:
    content = b"a file that was cut off"
    path = settings.MLGOV_DATA_DIR / "artifacts"
    path = path / storage.key_of(hashlib.sha256(content).hexdigest())
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content[:5])

    storage.save([content], limit=100)

    assert path.read_bytes() == content


def test_too_many_bytes_leave_nothing_behind() -> None:
    with pytest.raises(TooLarge):
        storage.save([b"x" * 60, b"y" * 60], limit=100)

    assert incoming() == []
    with pytest.raises(Unavailable):
        storage.open_blob(hashlib.sha256(b"x" * 60 + b"y" * 60).hexdigest())


def test_a_source_that_breaks_off_leaves_nothing_behind() -> None:
    def broken() -> Iterator[bytes]:
        yield b"half"
        raise Unavailable("gone")

    with pytest.raises(Unavailable):
        storage.save(broken(), limit=100)

    assert incoming() == []


def test_materialise_gives_the_digest_of_the_bytes_and_not_of_the_records(
    model: RegisteredModel, tmp_path: Path
) -> None:
    version = factories.make_stored_version(model, by=model.created_by)
    assert storage.materialise(version, tmp_path / "a") == version.artifact_digest
    assert (tmp_path / "a" / "MLmodel").read_bytes() == b"scoring-1"

    blob = storage.save([b"scoring-X"], limit=100)
    stored = settings.MLGOV_DATA_DIR / "artifacts" / storage.key_of(version.artifacts.get().sha256)
    try:
        stored.write_bytes(b"scoring-X")
        assert storage.materialise(version, tmp_path / "b") != version.artifact_digest
        assert blob.size == 9
    finally:
        # Other tests store the same bytes, and the store is theirs as well.
        stored.write_bytes(b"scoring-1")


@pytest.mark.parametrize("path", ["../x", "/etc/passwd", "a//b", "a/./b", "a\\b", "a\nb", ""])
def test_a_path_that_leads_elsewhere_is_never_written(
    version: ModelVersion, tmp_path: Path, path: str
) -> None:
    Artifact.objects.filter(version=version).update(path=path)

    with pytest.raises(Invalid):
        storage.materialise(version, tmp_path / "inside")

    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []
