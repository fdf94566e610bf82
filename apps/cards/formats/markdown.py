"""A document as Markdown that a value cannot break out of."""

import json
import re
from collections.abc import Iterator
from typing import Any

from markdown_it import MarkdownIt

from apps.cards.formats.base import Document
from apps.cards.formats.fields import is_markdown
from apps.cards.formats.outline import (
    Entry,
    Table,
    is_loose,
    is_short,
    name_of,
    pairs,
    parts,
    runs,
    said,
    table,
)

SPECIAL = re.compile(r"([\\`*_{}\[\]#|~!$])")
# What could begin a tag, a comment or a declaration; addresses in angle brackets stay links.
TAG = re.compile(r"<(?=[A-Za-z/!?])(?!(?:https?|mailto):[^\s<>]*>)")
BEGINS = re.compile(r"^(?:[-+](?=\s|$)|[-=]+$|\d+(?=[.)](?:\s|$)))")
NARROW = 80
_markdown = MarkdownIt("commonmark").enable("table")
# What ends where it ends. All else is put into a quotation, which ends everything that was begun.
CALM = {
    "paragraph_open", "paragraph_close", "inline", "bullet_list_open", "bullet_list_close",
    "ordered_list_open", "ordered_list_close", "list_item_open", "list_item_close", "table_open",
    "table_close", "thead_open", "thead_close", "tbody_open", "tbody_close", "tr_open",
    "tr_close", "th_open", "th_close", "td_open", "td_close",
}  # fmt: skip


def body(document: Document) -> str:
    """The whole document: a heading for each section and field."""
    lines = [f"# {inline(name_of(document))}", ""]
    for part in parts(document):
        lines += [f"## {inline(part.title)}", ""]
        for run in runs(part.entries):
            if is_short(run[0]):
                lines += [f"- **{inline(e.title)}:** {inline(said(e.value))}" for e in run]
            else:
                lines += [f"### {inline(run[0].title)}", "", *shown(run[0])]
            lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def shown(entry: Entry) -> Iterator[str]:
    """The value of a field, as lines."""
    value = entry.value
    found = table(value, entry.spec) if isinstance(value, list) else None
    if is_loose(entry):
        yield from fenced(json.dumps(value, ensure_ascii=False, indent=2))
    elif isinstance(value, str) and is_markdown(entry.spec):
        yield contained(value)
    elif found is not None:
        yield from _narrow(found) if _is_narrow(found) else _wide(found)
    elif (named := pairs(entry)) is not None:
        for name, inner in named:
            yield f"- {inline(name)}: {inline(said(inner))}"
    elif isinstance(value, list):
        for inner in value:
            yield f"- {inline(said(inner))}"
    else:
        yield inline(said(value))


def inline(text: str) -> str:
    """Text that stands in a line and means itself."""
    text = SPECIAL.sub(r"\\\1", " ".join(text.split()))
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    # What begins a line could begin a list.
    return BEGINS.sub(lambda match: _entities(match[0]), text)


def _entities(text: str) -> str:
    return "".join(f"&#{ord(character)};" for character in text)


def contained(text: str) -> str:
    """Markdown that somebody typed, so that nothing in it reaches what follows."""
    text = TAG.sub("&lt;", text.replace("\r\n", "\n").replace("\r", "\n")).strip("\n")
    if all(token.type in CALM for token in _markdown.parse(text)):
        return text
    return "\n".join(f"> {line}".rstrip() for line in text.split("\n"))


def fenced(text: str) -> Iterator[str]:
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    yield from (f"{fence}json", text, fence)


def grid(heads: list[str], rows: list[list[Any]]) -> Iterator[str]:
    """A table of lines that are Markdown already."""
    yield f"| {' | '.join(heads)} |"
    yield f"|{'|'.join(['---'] * len(heads))}|"
    for row in rows:
        yield f"| {' | '.join(row)} |"


def _is_narrow(found: Table) -> bool:
    return len(found.heads) <= 8 and all(len(cell) <= NARROW for row in found.rows for cell in row)


def _narrow(found: Table) -> Iterator[str]:
    yield from grid(found.heads, [[inline(cell) for cell in row] for row in found.rows])


def _wide(found: Table) -> Iterator[str]:
    for row in found.rows:
        first, *others = zip(found.heads, row, strict=True)
        yield f"- **{inline(first[1])}**"
        for head, cell in others:
            if cell:
                yield f"  - {head}: {inline(cell)}"
