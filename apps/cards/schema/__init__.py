"""What a model card holds: one JSON Schema, of which forms, gates, diffs and exports are made.

Each field says under `x-mlgov` who fills it (`source`) and from when on it is needed (`gate`).
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Any

VERSION = "1"
DOCUMENT: dict[str, Any] = json.loads(
    (Path(__file__).parent / f"model-card-{VERSION}.json").read_text(encoding="utf-8")
)


class Source(StrEnum):
    """Who fills a field."""

    AUTO = "auto"
    AUTO_OR_PERSON = "auto+edit"
    PERSON = "person"
    SYSTEM = "system"


class Needed(StrEnum):
    """From when on a field is needed; `NEVER` for those that nobody has to fill."""

    NEVER = ""
    REVIEW = "review"
    HIGH = "high"
    APPROVAL = "approve"


class Kind(StrEnum):
    """How a value is shown and typed."""

    TEXT = "text"
    MARKDOWN = "markdown"
    CHOICE = "choice"
    DATE = "date"
    MOMENT = "moment"
    NUMBER = "number"
    YES_OR_NO = "boolean"
    LINES = "lines"
    OBJECT = "object"
    OBJECTS = "objects"
    PAIRS = "pairs"
    ANYTHING = "anything"


@dataclass(frozen=True)
class Part:
    """A value of a known shape: a field of the card, or a property of an object in it."""

    key: str
    node: Mapping[str, Any]
    is_required: bool = False

    @property
    def title(self) -> str:
        return str(self.node.get("title") or self.key.replace("_", " ").capitalize())

    @property
    def help(self) -> str:
        return str(self.node.get("description") or "")

    @cached_property
    def shape(self) -> Mapping[str, Any]:
        """The schema of the value, with a reference put in its place."""
        return resolved(self.node)

    @cached_property
    def kind(self) -> Kind:
        return _kind(self.shape)

    @property
    def choices(self) -> list[str]:
        return list(self.shape.get("enum") or [])

    @cached_property
    def parts(self) -> tuple["Part", ...]:
        """The properties of the object, or of each object in the list."""
        shape = self.shape
        if self.kind == Kind.OBJECTS:
            shape = resolved(shape["items"])
        required = set(shape.get("required") or ())
        return tuple(
            Part(key, node, key in required)
            for key, node in (shape.get("properties") or {}).items()
        )


@dataclass(frozen=True)
class Field(Part):
    section: str = ""

    @property
    def pointer(self) -> str:
        """Section and field, as a JSON pointer (RFC 6901) spells them."""
        return f"/{self.section}/{self.key}"

    @property
    def source(self) -> Source:
        return Source(self.node["x-mlgov"]["source"])

    @property
    def needed(self) -> Needed:
        return Needed(self.node["x-mlgov"].get("gate", ""))

    @property
    def is_typed(self) -> bool:
        """Whether people may write it."""
        return self.source in (Source.AUTO_OR_PERSON, Source.PERSON)


@dataclass(frozen=True)
class Section:
    key: str
    title: str
    help: str
    fields: tuple[Field, ...]

    @property
    def typed(self) -> list[Field]:
        return [field for field in self.fields if field.is_typed]


@dataclass(frozen=True)
class Catalogue:
    """All that a card may say, in the order in which people read it."""

    sections: tuple[Section, ...]

    @cached_property
    def fields(self) -> dict[str, Field]:
        """By pointer."""
        return {field.pointer: field for section in self.sections for field in section.fields}

    @cached_property
    def typed(self) -> dict[str, Section]:
        """By key: sections in which people write."""
        return {section.key: section for section in self.sections if section.typed}


def resolved(node: Mapping[str, Any]) -> Mapping[str, Any]:
    """A part of the schema with what it refers to; what it says itself goes before that."""
    if "$ref" not in node:
        return node
    return {**DOCUMENT["$defs"][node["$ref"].rsplit("/", 1)[-1]], **node}


def spoken(value: str) -> str:
    """A value of an enumeration as people read it."""
    return value.replace("-", " ").capitalize()


def _kind(shape: Mapping[str, Any]) -> Kind:
    of = shape.get("type")
    if "enum" in shape:
        return Kind.CHOICE
    if of == "string":
        if shape.get("contentMediaType") == "text/markdown":
            return Kind.MARKDOWN
        return {"date": Kind.DATE, "date-time": Kind.MOMENT}.get(shape.get("format", ""), Kind.TEXT)
    if of in ("number", "integer"):
        return Kind.NUMBER
    if of == "boolean":
        return Kind.YES_OR_NO
    if of == "array":
        items = resolved(shape.get("items") or {})
        return Kind.OBJECTS if items.get("type") == "object" else Kind.LINES
    if of == "object":
        return Kind.OBJECT if shape.get("properties") else Kind.PAIRS
    return Kind.TEXT if isinstance(of, list) else Kind.ANYTHING


def _sections() -> Iterator[Section]:
    for key, node in DOCUMENT["properties"].items():
        if node.get("type") != "object":
            continue
        fields = tuple(Field(name, sub, section=key) for name, sub in node["properties"].items())
        yield Section(key, node["title"], node["description"], fields)


BUILT_IN = Catalogue(tuple(_sections()))
SECTIONS: tuple[Section, ...] = BUILT_IN.sections
FIELDS: dict[str, Field] = BUILT_IN.fields
