"""The content-addressed store: bytes lie under their SHA-256, are written once, never changed."""

import hashlib
import os
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from django.conf import settings
from django.core.files import File
from django.core.files.storage import Storage, storages

from apps.core.digests import CHUNK, tree_digest
from apps.core.errors import Invalid, TooLarge, Unavailable
from apps.core.full import is_full
from apps.registry.models import ModelVersion


class StoreFailed(Unavailable):
    """The store does not give out what it was given."""

    code = "store_failed"


@dataclass(frozen=True)
class Blob:
    sha256: str
    size: int


class _TemporaryFile(File):
    """A finished file that a store on the same disk may take over by renaming it."""

    def temporary_file_path(self) -> str:
        return str(self.name)


def key_of(sha256: str) -> str:
    return f"sha256/{sha256[:2]}/{sha256}"


def save(chunks: Iterable[bytes], *, limit: int) -> Blob:
    """Store bytes as they come. Storing the same bytes twice keeps one copy.

    Raises `TooLarge` beyond `limit` bytes, and `OSError` where the disk is full; nothing of an
    unfinished file stays behind.
    """
    incoming = settings.MLGOV_DATA_DIR / "incoming"
    incoming.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=incoming)
    path = Path(name)
    try:
        digest, size = hashlib.sha256(), 0
        with os.fdopen(handle, "wb") as file:
            for chunk in chunks:
                size += len(chunk)
                if size > limit:
                    raise TooLarge(f"A file is larger than the {limit} bytes that are left.")
                digest.update(chunk)
                file.write(chunk)
            file.flush()
            # A version that says it is ready must still be there after a power cut.
            os.fsync(file.fileno())
        blob = Blob(digest.hexdigest(), size)
        _take_over(path, blob)
        return blob
    finally:
        path.unlink(missing_ok=True)


def _take_over(path: Path, blob: Blob) -> None:
    store, key = _store(), key_of(blob.sha256)
    if store.exists(key):
        if store.size(key) == blob.size:
            return
        # What a crash left of a store that does not write in one step.
        store.delete(key)
    try:
        with path.open("rb") as file:
            stored_as = store.save(key, _TemporaryFile(file, name=str(path)))
    except OSError:
        _remove_half(store, key, blob)
        raise
    if stored_as != key:
        # Somebody stored the same bytes meanwhile, so the store chose another name for ours.
        store.delete(stored_as)


def _remove_half(store: Storage, key: str, blob: Blob) -> None:
    """What a copy from one disk to another, which is full, leaves behind."""
    with suppress(OSError):
        if store.exists(key) and store.size(key) != blob.size:
            store.delete(key)


def open_blob(sha256: str) -> File:
    """The stored bytes. Raises `StoreFailed` where they are missing or cannot be had."""
    try:
        return _store().open(key_of(sha256), "rb")
    except FileNotFoundError as error:
        raise _failed(sha256, "it is not there") from error
    except OSError as error:
        if is_full(error):
            raise
        raise _failed(sha256, error.strerror or str(error)) from error


def _failed(sha256: str, reason: str) -> StoreFailed:
    return StoreFailed(
        f"The artifact store does not give out the file with digest sha256:{sha256}: {reason}. "
        "Tell the platform's people to look at the store."
    )


def read_blob(sha256: str, *, limit: int) -> bytes:
    """The first `limit` bytes of a stored file."""
    with open_blob(sha256) as file:
        return file.read(limit)


def materialise(version: ModelVersion, directory: Path) -> str:
    """Write the artifacts of a version into a directory; return the digest of what was written.

    The digest is computed from the bytes, not from the records: whoever builds or starts a
    version compares it with the one that was approved.
    """
    written = []
    for artifact in version.artifacts.all():
        target = directory / safe_path(artifact.path)
        target.parent.mkdir(parents=True, exist_ok=True)
        digest, size = hashlib.sha256(), 0
        with open_blob(artifact.sha256) as source, target.open("wb") as file:
            while chunk := source.read(CHUNK):
                digest.update(chunk)
                size += len(chunk)
                file.write(chunk)
        written.append((artifact.path, size, digest.hexdigest()))
    return tree_digest(written)


def safe_path(path: str) -> PurePosixPath:
    """The path, if it stays inside the directory it is written to. Raises `Invalid`."""
    parts = path.split("/")
    if any(part in ("", ".", "..") for part in parts) or "\\" in path or not path.isprintable():
        raise Invalid(f"The model holds a file with an unusable path: “{path[:200]}”.")
    return PurePosixPath(path)


def _store() -> Storage:
    return storages["artifacts"]
