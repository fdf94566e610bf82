"""The words of all formats: what goes in, what comes out, and what a format is."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

Document = dict[str, Any]


@dataclass(frozen=True)
class Picture:
    """A picture that the card shows. `evaluation.graphics` names it by its digest."""

    title: str
    media_type: str
    content: bytes = field(repr=False)

    @cached_property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


@dataclass(frozen=True)
class Context:
    """What a document does not say about itself: where it is read, and its pictures.

    `withheld` are keys and titles of sections that are not for whoever gets the file.
    """

    url: str = ""
    pictures: tuple[Picture, ...] = ()
    withheld: tuple[tuple[str, str], ...] = ()

    @property
    def left_out(self) -> str:
        """That sections are not in the file, in a sentence; empty where all are."""
        names = ", ".join(title for _, title in self.withheld)
        return f"Left out, because others read it: {names}." if names else ""

    def picture(self, sha256: str) -> Picture | None:
        return next((found for found in self.pictures if found.sha256 == sha256), None)


@dataclass(frozen=True)
class Exported:
    """A file, and what of the document it does not hold.

    `lost` are fields for which the format has no place. `altered` are in the file, but shortened or
    merged with others, so that an import gives them back differently. Both name `section.field`.
    """

    content: bytes = field(repr=False)
    media_type: str
    suffix: str
    lost: tuple[str, ...] = ()
    altered: tuple[str, ...] = ()


@dataclass(frozen=True)
class Imported:
    """A valid document, and the pictures that came with it.

    What the document has no field for stands below `custom.values.imported.<format>`; `kept` says
    whether there is such a thing.
    """

    document: Document
    pictures: tuple[Picture, ...] = ()
    kept: bool = False


@dataclass(frozen=True)
class Format:
    key: str
    title: str
    media_type: str
    suffix: str
    export: Callable[[Document, Context], Exported]
    read: Callable[[bytes], Imported] | None = None
    # Takes seconds, or a library that web processes do not load.
    in_worker: bool = False
