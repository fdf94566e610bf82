"""Files of cards: in which format one is, and what an export says of itself."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mlgov_client.errors import Misused

IMPORTED = ("json", "huggingface", "cyclonedx", "mct", "sagemaker")
LARGEST = 2_000_000
# What stands at the top of a file in each of the formats of JSON.
KNOWN_BY = {
    "cyclonedx": "bomFormat",
    "sagemaker": "model_overview",
    "mct": "model_details",
    "json": "schema_version",
}


@dataclass(frozen=True)
class CardFile:
    """A card in some format.

    `lost` names fields for which the format has no place, `withheld` sections that are for others
    to read.
    """

    content: bytes
    name: str
    lost: tuple[str, ...] = ()
    withheld: tuple[str, ...] = ()

    @classmethod
    def of(cls, content: bytes, headers: Mapping[str, str]) -> CardFile:
        said = headers.get("Content-Disposition", "")
        name = said.partition('filename="')[2].partition('"')[0] or "card"
        lost, withheld = (
            tuple(filter(None, headers.get(header, "").split(",")))
            for header in ("X-Card-Lost", "X-Card-Withheld")
        )
        # A name of the server is not a path here.
        return cls(content, Path(name).name, lost, withheld)

    def save(self, path: str | os.PathLike[str] | None = None) -> Path:
        """Write it, under the name that mlgov gives it where no other is given."""
        target = Path(path or self.name)
        try:
            target.write_bytes(self.content)
        except OSError as error:
            raise Misused(f"{target} cannot be written: {error.strerror or error}.") from error
        return target


def text_of(path: str | os.PathLike[str]) -> str:
    """What a file of a card says."""
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise Misused(f"{path} cannot be read: {error.strerror or error}.") from error
    if len(content) > LARGEST:
        raise Misused(f"{path} has {len(content):,} bytes; cards have at most {LARGEST:,}.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Misused(f"{path} is not text in UTF-8. Save it as UTF-8.") from None


def format_of(text: str, name: str) -> str:
    """The format that a file is in: by its content, as endings are often changed."""
    if text.lstrip().startswith("{"):
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            value = {}
        for key, mark in KNOWN_BY.items():
            if mark in value:
                return key
    elif Path(name).suffix.lower() in (".md", ".markdown"):
        return "huggingface"
    raise Misused(
        f"Of {name} it cannot be told which format it is in. Say it: {', '.join(IMPORTED)}."
    )
