"""What is read alike from tracking servers and stores: files below a folder."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from apps.core.errors import Invalid

CHUNK = 256 * 1024
MOST_FILES = 10_000
DEEPEST_FOLDER = 32


@dataclass(frozen=True)
class RemoteFile:
    """A file below a folder: its path from there, and the size that the other side names."""

    path: str
    size: int


class Files(Protocol):
    """Raises `NotFound`, `Unavailable`, and `Refused` where the credentials do not suffice."""

    def list_artifacts(self, root: str) -> Iterator[RemoteFile]:
        """Every file below a folder."""

    def open_artifact(self, path: str) -> AbstractContextManager[Iterator[bytes]]:
        """The bytes of a file, in chunks."""


class Refused(Invalid):
    """The other side does not let us in: somebody has to look at what was entered for it."""

    code = "source_refused"


def require_reasonable(path: str, *, found: int) -> None:
    """Raise `Invalid` at a path that lies too deep, or at the file that is one too many."""
    if found > MOST_FILES or path.count("/") > DEEPEST_FOLDER:
        raise Invalid(
            f"The model has more than {MOST_FILES} files, or folders deeper than "
            f"{DEEPEST_FOLDER} levels. Pack them into fewer files."
        )
