"""Standards whose files are a tree of JSON: writing, reading, and what gets lost in between."""

import json
import re
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from apps.cards.formats.base import Context, Document, Exported, Imported
from apps.cards.formats.fields import FIELDS, drop, filled, get, has, is_text
from apps.cards.formats.fitting import fit
from apps.cards.formats.leftovers import keep, unsaid
from apps.cards.formats.mapping import homeless
from apps.cards.formats.reading import from_json, from_json_text
from apps.core.digests import canonical_json
from apps.core.errors import Invalid

Tree = dict[str, Any]
PREFIX = "mlgov:"
ABSENT = f"{PREFIX}absent"


# What strict readers take for an address.
ADDRESS = re.compile(r"https?://[A-Za-z0-9._~:/?@!$&()*+,;=%-]+(#[A-Za-z0-9._~/=%-]*)?", re.ASCII)
BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")


@dataclass(frozen=True)
class Dialect:
    """One standard.

    `native` writes what the standard has a place for, `understood` reads that from any file.
    `extend` and `extensions` write and read names and texts at the standard's own place for what it
    does not know; without them that is lost.
    """

    key: str
    media_type: str
    suffix: str
    native: Callable[[Document, Context], Tree]
    understood: Callable[[Tree], tuple[Document, Context]]
    check: Callable[[Any], Tree]
    extend: Callable[[Tree, dict[str, str], Context], None] | None = None
    extensions: Callable[[Tree], dict[str, str]] | None = None
    # The same tree with everything where `native` would put it.
    arranged: Callable[[Tree], Tree] | None = None


def export(dialect: Dialect, document: Document, context: Context) -> Exported:
    tree = written(dialect, document, context)
    again = imported(dialect, deepcopy(tree)).document
    lost = homeless(document, dialect.key)
    return Exported(
        json.dumps(tree, ensure_ascii=False, indent=1, allow_nan=False).encode(),
        dialect.media_type,
        dialect.suffix,
        lost=lost,
        altered=tuple(
            field
            for field, value in filled(document)
            if field not in lost and not same(get(again, field), value)
        ),
    )


def read(dialect: Dialect, content: bytes) -> Imported:
    return imported(dialect, dialect.check(from_json(content)))


def written(dialect: Dialect, document: Document, context: Context) -> Tree:
    tree = dialect.native(document, context)
    if dialect.extend:
        seen, _ = dialect.understood(deepcopy(tree))
        dialect.extend(tree, _unclear(document, seen), context)
    return tree


def imported(dialect: Dialect, tree: Tree) -> Imported:
    """The document that a tree says, with the rest of the tree kept aside."""
    document, context = dialect.understood(tree)
    if dialect.extensions:
        _complete(document, dialect.extensions(tree))
    fit(document)
    arranged = dialect.arranged(tree) if dialect.arranged else tree
    rest = unsaid(arranged, written(dialect, document, context))
    kept = keep(document, dialect.key, rest)
    return Imported(document, context.pictures, kept)


def same(one: Any, other: Any) -> bool:
    """Whether two JSON values are spelled alike: 1, 1.0 and true are three values."""
    return canonical_json(one) == canonical_json(other)


def _unclear(document: Document, seen: Document) -> dict[str, str]:
    """The fields that a reader of the native places would get wrong, as names and texts."""
    found: dict[str, str] = {}
    absent = []
    for field in FIELDS:
        if not has(document, field):
            if has(seen, field):
                absent.append(field)
        elif not has(seen, field) or not same(get(document, field), get(seen, field)):
            found[PREFIX + field] = _text(field, get(document, field))
    if absent:
        found[ABSENT] = " ".join(absent)
    return found


def _text(field: str, value: Any) -> str:
    # Text stays text, for those who read it there.
    if is_text(field) and isinstance(value, str):
        return value
    return canonical_json(value).decode()


def _complete(document: Document, said: dict[str, str]) -> None:
    for name, text in said.items():
        field = name.removeprefix(PREFIX)
        if field not in FIELDS or field == name:
            continue
        try:
            value = text if is_text(field) else from_json_text(text, f"“{name}”")
        except Invalid:
            continue  # it stays where it was, as it was
        section, key = field.split(".", 1)
        document.setdefault(section, {})[key] = value
    for field in said.get(ABSENT, "").split():
        if field in FIELDS:
            drop(document, field)


def address(url: str | None) -> str | None:
    """The address, where it is one that every reader takes."""
    return url if url and ADDRESS.fullmatch(url) and not BROKEN_ESCAPE.search(url) else None


def number(text: Any) -> Any:
    """A number where it is written as one would write it; else the text as it is."""
    try:
        value = json.loads(text)
    except (TypeError, ValueError, RecursionError):
        return text
    if isinstance(value, int | float) and not isinstance(value, bool) and json.dumps(value) == text:
        return value
    return text


def dicts(value: Any) -> list[dict[str, Any]]:
    """The objects in a list; nothing where it is none."""
    return [found for found in value if isinstance(found, dict)] if isinstance(value, list) else []


def part(tree: Any, *path: str) -> Any:
    """What stands at a place, or None."""
    for name in path:
        tree = tree.get(name) if isinstance(tree, dict) else None
    return tree


def text(tree: Any, *path: str) -> str | None:
    found = part(tree, *path)
    return found if isinstance(found, str) and found else None


def texts(value: Any) -> list[str]:
    return [v for v in value if isinstance(v, str)] if isinstance(value, list) else []


def without_nothing(values: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value not in (None, "", [], {})}
