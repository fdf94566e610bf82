"""The card in the order of a regulation: which field speaks to which item, and what it says.

No view claims that a duty is met: it lists what is there, what is not, and what no card can say.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from apps.cards.formats import page
from apps.cards.formats.base import Context, Document, Exported
from apps.cards.formats.fields import EMPTY, get, spec_of, title_of
from apps.cards.formats.mapping import fields_at, homeless
from apps.cards.formats.markdown import grid, inline, shown
from apps.cards.formats.outline import Entry, is_short, name_of, said

VIEWS: dict[str, Any] = json.loads(
    (Path(__file__).resolve().parent / "regulations.json").read_text()
)
ANNEX_IV, SR_26_2, ANNEX_XI = "annex_iv", "sr_26_2", "annex_xi"
ORDERS = (ANNEX_IV, SR_26_2)
GENERAL_PURPOSE = ("gpai", "gpai-systemic")


@dataclass(frozen=True)
class Item:
    """One item: the fields that say something, those that could, and what no card can say."""

    key: str
    title: str
    filled: list[Entry]
    empty: list[str]
    limit: str
    # Those that are not for whoever gets the file, whether they say something or not.
    withheld: list[str] = field(default_factory=list)

    @property
    def state(self) -> str:
        count = len(self.filled) + len(self.empty)
        if not count and self.withheld:
            return "For others to read"
        if not count:
            return "Not answered by any card"
        if not self.filled:
            return "Nothing yet"
        return f"{len(self.filled)} of {count} fields say something"

    @property
    def name(self) -> str:
        return f"{self.key} {self.title}" if self.key[0].isdigit() else f"{self.key}: {self.title}"


@dataclass(frozen=True)
class View:
    title: str
    about: str
    items: list[Item]


def views(key: str, document: Document, context: Context | None = None) -> Iterator[View]:
    """What the card says in the order of this regulation. Some models have a second list."""
    withheld = {section for section, _ in context.withheld} if context else set()
    yield _view(key, document, withheld)
    if key == ANNEX_IV and get(document, "classification.eu_ai_act_class") in GENERAL_PURPOSE:
        yield _view(ANNEX_XI, document, withheld)


def export_markdown(key: str, document: Document, context: Context) -> Exported:
    content = "\n".join(_markdown(key, document, context)).rstrip() + "\n"
    return _exported(key, document, content, "text/markdown; charset=utf-8", ".md")


def export_html(key: str, document: Document, context: Context) -> Exported:
    title = f"{VIEWS[key]['title']} · {name_of(document)}"
    content = page.sheet(title, _html(key, document, context))
    return _exported(key, document, content, page.MEDIA_TYPE, page.SUFFIX)


def _exported(key: str, document: Document, content: str, kind: str, suffix: str) -> Exported:
    named = f".{key.replace('_', '-')}{suffix}"
    return Exported(content.encode(), kind, named, lost=homeless(document, key))


def _view(key: str, document: Document, withheld: set[str]) -> View:
    told = VIEWS[key]
    items = [_item(key, item, document, withheld) for item in told["items"]]
    return View(told["title"], told["about"], items)


def _item(key: str, told: dict[str, Any], document: Document, withheld: set[str]) -> Item:
    fields = told["fields"] if "fields" in told else fields_at(told["labels"], key)
    values = {field: get(document, field) for field in fields}
    filled = [
        Entry(field, title_of(field), spec_of(field), value)
        for field, value in values.items()
        if value not in EMPTY
    ]
    unsaid: dict[bool, list[str]] = {True: [], False: []}
    for name, value in values.items():
        if value in EMPTY:
            unsaid[name.split(".", 1)[0] in withheld].append(title_of(name))
    limit = told.get("limit", "")
    return Item(told["key"], told["title"], filled, unsaid[False], limit, unsaid[True])


def _markdown(key: str, document: Document, context: Context) -> Iterator[str]:
    for view in views(key, document, context):
        yield f"# {inline(view.title)}: {inline(name_of(document))}\n"
        yield f"{inline(view.about)}\n"
        if context.url:
            yield f"The card: {inline(context.url)}\n"
        if context.left_out:
            yield f"{inline(context.left_out)}\n"
        rows = [[inline(item.name), inline(item.state)] for item in view.items]
        yield from grid(["Item", "What the card has"], rows)
        for item in view.items:
            yield f"\n## {inline(item.name)}\n"
            for entry in item.filled:
                if is_short(entry):
                    yield f"**{inline(entry.title)}:** {inline(said(entry.value))}\n"
                    continue
                yield f"**{inline(entry.title)}**\n"
                yield from shown(entry)
                yield ""
            if item.empty:
                yield f"Nothing yet in: {inline(', '.join(item.empty))}.\n"
            if item.withheld:
                yield f"For others to read: {inline(', '.join(item.withheld))}.\n"
            if item.limit:
                yield f"*What the card cannot say:* {inline(item.limit)}"
        yield ""


def _html(key: str, document: Document, context: Context) -> Iterator[SafeString]:
    for view in views(key, document, context):
        yield format_html(
            '<header>\n<h1>{}</h1>\n<p class="lead">{}</p>\n<p class="about">{}</p>\n</header>',
            view.title,
            name_of(document),
            view.about,
        )
        rows = ((item.name, item.state) for item in view.items)
        yield format_html(
            '<table>\n<thead><tr><th scope="col">Item</th><th scope="col">What the card has</th>'
            "</tr></thead>\n<tbody>\n{}</tbody>\n</table>",
            format_html_join("", "<tr><td>{}</td><td>{}</td></tr>\n", rows),
        )
        for item in view.items:
            yield format_html("<h2>{}</h2>", item.name)
            yield page.joined(page.listed(item.filled, context))
            if item.empty:
                yield format_html('<p class="about">Nothing yet in: {}.</p>', ", ".join(item.empty))
            if item.withheld:
                names = ", ".join(item.withheld)
                yield format_html('<p class="about">For others to read: {}.</p>', names)
            if item.limit:
                yield format_html('<p class="about">What the card cannot say: {}</p>', item.limit)
    yield page.footer(document, context)
