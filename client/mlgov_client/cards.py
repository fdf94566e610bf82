"""A model card, also as one Markdown document: facts, the people's description, the lineage."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from mlgov_client.shapes import VersionDetails, as_dict, moment


@dataclass(frozen=True)
class Card:
    """What people wrote about a version, and where it comes from."""

    version: VersionDetails
    revision: int
    description: str  # Markdown
    author: str
    created_at: datetime
    digest: str
    lineage: dict[str, Any]  # empty while it has not been read from the tracking server

    @classmethod
    def read(cls, data: Any, version: VersionDetails, lineage: dict[str, Any]) -> Card:
        return cls(
            version=version,
            revision=data["revision"],
            description=data["description"],
            author=data["author"]["username"],
            created_at=moment(data["created_at"]),
            digest=data["digest"],
            lineage=lineage,
        )

    @property
    def markdown(self) -> str:
        """The whole card as a document; `description` is what people wrote, as they wrote it."""
        return to_markdown(self)

    @property
    def json(self) -> str:
        return json.dumps(as_dict(self), indent=2, ensure_ascii=False)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the Markdown, or JSON where the name ends in `.json`."""
        target = Path(path)
        text = self.json + "\n" if target.suffix == ".json" else self.markdown
        target.write_text(text, encoding="utf-8")
        return target


def to_markdown(card: Card) -> str:
    version, lineage = card.version, card.lineage
    run, source = lineage.get("run") or {}, lineage.get("source") or {}
    facts = [
        ("Project", version.project),
        ("Stage", version.stage or "none"),
        ("Aliases", ", ".join(version.aliases)),
        ("Registered", f"{version.created_at:%Y-%m-%d %H:%M} UTC by {version.registered_by}"),
        ("Artifact", version.artifact_digest),
        ("Run", " ".join(filter(None, [run.get("name"), run.get("id")]))),
        ("Experiment", run.get("experiment")),
        ("Code", " ".join(filter(None, [source.get("name"), source.get("git_commit")]))),
        ("Python", version.python_version),
        ("Card", f"revision {card.revision} by {card.author}, {card.digest}"),
        ("Page", version.url),
    ]
    parts = [
        f"# {_plain(version.model)}, version {version.number}",
        _table(("", ""), [(name, value) for name, value in facts if value]),
        card.description.strip() or "Nobody has described this version yet.",
        *_section(
            "Data",
            ("Data set", "Context", "Rows", "Digest"),
            [
                (row.get("name"), row.get("context"), row.get("rows"), row.get("digest"))
                for row in lineage.get("datasets") or []
            ],
        ),
        *_section(
            "Metrics",
            ("Metric", "Value", "Data set"),
            [
                (row.get("name"), row.get("value"), row.get("dataset"))
                for row in lineage.get("metrics") or []
            ],
        ),
        *_section(
            "Parameters",
            ("Parameter", "Value"),
            sorted((lineage.get("parameters") or {}).items()),
        ),
    ]
    if version.requirements:
        parts += ["## Requirements", "\n".join(f"    {_plain(r)}" for r in version.requirements)]
    return "\n\n".join(parts) + "\n"


def _section(title: str, head: Sequence[str], rows: Iterable[Sequence[Any]]) -> list[str]:
    found = list(rows)
    return [f"## {title}", _table(head, found)] if found else []


def _table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(_plain(cell) for cell in line)} |" for line in lines)


def _plain(value: Any) -> str:
    """In one line, and without what would end a cell of a table."""
    text = "" if value is None else str(value)
    return " ".join(text.split()).replace("\\", "\\\\").replace("|", "\\|")
