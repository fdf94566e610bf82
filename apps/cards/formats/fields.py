"""The fields of a document as the schema lists them."""

from collections.abc import Iterator, Mapping
from typing import Any

from apps.cards.formats.base import Document
from apps.cards.schema import DOCUMENT as SCHEMA
from apps.cards.schema import resolved

# "section.field" -> its part of the schema, in the order of the card
FIELDS: dict[str, dict[str, Any]] = {
    f"{section}.{name}": spec
    for section, part in SCHEMA["properties"].items()
    for name, spec in part.get("properties", {}).items()
}
EMPTY: tuple[Any, ...] = (None, "", [], {})


def spec_of(field: str) -> Mapping[str, Any]:
    """What the schema says of a field, with what it refers to."""
    return resolved(FIELDS[field])


def is_text(field: str) -> bool:
    return spec_of(field).get("type") == "string"


def is_markdown(spec: Mapping[str, Any]) -> bool:
    return spec.get("contentMediaType") == "text/markdown"


def title_of(field: str) -> str:
    name = field.rsplit(".", 1)[-1]
    return str(FIELDS[field].get("title") or words(name))


def section_title(section: str) -> str:
    return str(SCHEMA["properties"][section].get("title") or words(section))


def words(name: str) -> str:
    """A name of the schema as a person would write it."""
    said = name.replace("_", " ")
    return said[:1].upper() + said[1:]


def get(document: Document, field: str) -> Any:
    """The value of a field, or None."""
    section, name = field.split(".", 1)
    part = document.get(section)
    return part.get(name) if isinstance(part, dict) else None


def has(document: Document, field: str) -> bool:
    section, name = field.split(".", 1)
    part = document.get(section)
    return isinstance(part, dict) and name in part


def put(document: Document, field: str, value: Any) -> None:
    """Set a field. What says nothing is not set, so that an import does not fill in blanks."""
    section, name = field.split(".", 1)
    if value not in EMPTY:
        document.setdefault(section, {})[name] = value


def drop(document: Document, field: str) -> None:
    section, name = field.split(".", 1)
    part = document.get(section, {})
    part.pop(name, None)
    if not part and section != "overview":
        document.pop(section, None)


def filled(document: Document) -> Iterator[tuple[str, Any]]:
    """The fields that say something, in the order of the card."""
    for field in FIELDS:
        value = get(document, field)
        if value not in EMPTY:
            yield field, value


def tidy(document: Document) -> Document:
    """The document without sections that hold nothing."""
    return {name: part for name, part in document.items() if part != {} or name == "overview"}
