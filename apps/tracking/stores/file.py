"""Folders of this machine, such as a mounted network folder.

Links are never followed below the root of a store, whoever made them and whenever: each segment of
a path is opened from the one before it.
"""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from django.conf import settings

from apps.core.errors import Invalid, NotFound, Unavailable
from apps.tracking.files import CHUNK, Refused, RemoteFile, require_reasonable
from apps.tracking.stores.base import Store, plain_path

SCHEME = "file://"
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Without O_NONBLOCK, a pipe would let us wait for somebody who writes to it.
FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class FileStore(Store):
    has_credentials = False

    @staticmethod
    def location(address: str) -> str:
        path = address.removeprefix("file:") if address.startswith("file:") else address
        if path.startswith("//"):
            # Three slashes have an empty host; two would name another machine.
            path = path.removeprefix("//")
        if not path.startswith("/") or path.startswith("//"):
            raise Invalid("a local path is written /folder or file:///folder")
        return f"{SCHEME}/{plain_path(path)}"

    def check_options(self) -> None:
        root = Path(self._path(self.options.root))
        if not root.is_dir():
            raise Invalid(f"There is no folder {root} on the machine of mlgov.")
        resolved = root.resolve()
        allowed = [Path(folder).resolve() for folder in settings.MLGOV_FILE_ROOTS]
        if not any(resolved.is_relative_to(folder) for folder in allowed):
            named = ", ".join(map(str, allowed)) or "no folder yet"
            raise Invalid(
                f"{root} lies outside what the operator set aside for models in "
                f"MLGOV_FILE_ROOTS, which names {named}."
            )
        data = Path(settings.MLGOV_DATA_DIR).resolve()
        if resolved.is_relative_to(data) or data.is_relative_to(resolved):
            raise Invalid("The folder in which mlgov keeps its own data is no store of models.")

    def list_artifacts(self, root: str) -> Iterator[RemoteFile]:
        # A root that is not allowed any more is not read any more.
        self.check_options()
        found = 0
        folders = [""]
        while folders:
            folder = folders.pop()
            opened = self._opened(f"{root}/{folder}" if folder else root, FOLDER)
            try:
                with os.scandir(opened) as entries:
                    listed = [(entry.name, entry.stat(follow_symlinks=False)) for entry in entries]
            except OSError as error:
                raise _told(error, root) from error
            finally:
                os.close(opened)
            for name, status in sorted(listed, key=lambda entry: entry[0]):
                inner = f"{folder}/{name}" if folder else name
                found += 1
                require_reasonable(inner, found=found)
                if stat.S_ISDIR(status.st_mode):
                    folders.append(inner)
                elif stat.S_ISREG(status.st_mode):
                    yield RemoteFile(inner, status.st_size)
                else:
                    raise Invalid(
                        f"“{inner}” is a link or no file, which mlgov does not follow. Put a copy "
                        "of what it stands for in its place."
                    )

    @contextmanager
    def open_artifact(self, path: str) -> Iterator[Iterator[bytes]]:
        self.check_options()
        opened = self._opened(path, FILE)
        if not stat.S_ISREG(os.fstat(opened).st_mode):
            os.close(opened)
            raise Invalid(f"“{self._path(path)}” is no file.")
        with os.fdopen(opened, "rb") as file:
            yield _chunks(file, path)

    def _opened(self, location: str, flags: int) -> int:
        """A file descriptor, reached from the root of the store without following a link."""
        root = self._path(self.options.root)
        inner = os.path.relpath(self._path(location), root)
        parts = [] if inner == "." else inner.split("/")
        if ".." in parts:
            raise Invalid("This path lies outside the store.")
        try:
            # The root itself may be a link: the administrator named it.
            current = os.open(root, FOLDER & ~os.O_NOFOLLOW)
            for index, part in enumerate(parts):
                is_last = index == len(parts) - 1
                try:
                    following = os.open(part, flags if is_last else FOLDER, dir_fd=current)
                finally:
                    os.close(current)
                current = following
        except OSError as error:
            raise _told(error, location) from error
        return current

    @staticmethod
    def _path(location: str) -> str:
        return location.removeprefix(SCHEME)


def _chunks(file: BinaryIO, path: str) -> Iterator[bytes]:
    try:
        while chunk := file.read(CHUNK):
            yield chunk
    except OSError as error:
        raise _told(error, path) from error


def _told(error: OSError, location: str) -> Exception:
    path = location.removeprefix(SCHEME)
    if error.errno == errno.ENOENT:
        return NotFound(f"There is nothing at {path} that mlgov could read.")
    if error.errno in (errno.ELOOP, errno.EMLINK, errno.ENOTDIR):
        # Systems name a link in place of a folder as either.
        return Invalid(f"A part of {path} is no folder, or a link, which mlgov does not follow.")
    if error.errno in (errno.EACCES, errno.EPERM):
        return Refused(f"mlgov may not read {path}. Ask the platform's people to allow it.")
    return Unavailable(f"{path} cannot be read now ({error.strerror or error}).")
