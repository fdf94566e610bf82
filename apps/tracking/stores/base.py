import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import ClassVar

from apps.core.errors import Invalid
from apps.tracking.files import RemoteFile

# One way to read an address is enough: nothing encoded, nothing that another reader cuts off.
NEVER = re.compile(r"[%\\?#\x00-\x1f\x7f]")


@dataclass(frozen=True)
class StoreOptions:
    """What an administrator named, and the credentials of the project that reads."""

    root: str
    endpoint_url: str = ""
    region: str = ""
    access_key_id: str = ""
    secret_access_key: str = field(default="", repr=False)


class Store(ABC):
    """A store that mlgov reads models from; nothing above its root.

    Raises `NotFound`, `Unavailable`, and `Refused` where the credentials do not suffice.
    """

    # Without it an administrator says which projects may read: nothing else would keep them apart.
    has_credentials: ClassVar[bool] = True

    def __init__(self, options: StoreOptions) -> None:
        self.options = options

    @staticmethod
    @abstractmethod
    def location(address: str) -> str:
        """The only spelling of an address, `scheme://…`. Raises `Invalid` for what has several."""

    @abstractmethod
    def check_options(self) -> None:
        """Raises `Invalid` where an administrator may not name a store like this."""

    @abstractmethod
    def list_artifacts(self, root: str) -> Iterator[RemoteFile]:
        """Every file below a location."""

    @abstractmethod
    def open_artifact(self, path: str) -> AbstractContextManager[Iterator[bytes]]:
        """The bytes of the file at a location, in chunks."""


def plain_path(path: str) -> str:
    """The path without slashes around it. Raises `Invalid` where it could be read otherwise."""
    path = path.strip("/")
    if NEVER.search(path):
        raise Invalid("its path holds an encoded or control character")
    if path and any(part in ("", ".", "..") for part in path.split("/")):
        raise Invalid("its path is not a plain one")
    return path


def is_within(location: str, root: str) -> bool:
    """Both as `Store.location` spells them; compared by segments, not by letters."""
    root = root.rstrip("/")
    return location == root or location.startswith(f"{root}/")
