"""Reading a model's files once: what is packed is what was hashed."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from apps.runs.failures import RunFailure


def files_of(directory: Path) -> Iterator[tuple[str, Path]]:
    """The files below `directory` by their path in it. A link or a device is refused."""
    for path in sorted(directory.rglob("*")):
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            name = path.relative_to(directory).as_posix()
            raise RunFailure(
                "builds.platform.digest-mismatch",
                f"{name} of the model is not a plain file, so its content cannot be vouched for.",
                "Log the model again with the file itself in place of the link.",
            )
        if path.is_file():
            yield path.relative_to(directory).as_posix(), path


class HashedFile:
    """A file that is hashed while somebody else reads it."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._digest = hashlib.sha256()
        self.size = 0

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self._digest.update(data)
        self.size += len(data)
        return data

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()


def require_same(found: str, approved: str) -> None:
    if found != approved:
        raise RunFailure(
            "builds.platform.digest-mismatch",
            f"The files of the model have the digest {found}, and {approved} was approved.",
            "Nothing was built. Check the artifact store for damage or tampering, then retry.",
        )
