"""A card as one HTML file: nothing is loaded from elsewhere, and nothing in it runs."""

import base64
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from apps.cards.formats.base import Context, Document, Exported, Picture
from apps.cards.formats.fields import EMPTY, get, is_markdown
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
from apps.cards.rendering import to_html
from apps.core.digests import digest_of

KEY = "html"
MEDIA_TYPE = "text/html; charset=utf-8"
SUFFIX = ".html"
# The file's own words to the browser, should a value ever get past the cleaning.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
STYLE = (Path(__file__).resolve().parent / "page.css").read_text()
# Pictures that are only pictures: SVG is a document of its own.
PICTURES = {"image/png", "image/jpeg", "image/gif", "image/webp"}
COLUMNS = 6
CELL = 80


def export(document: Document, context: Context) -> Exported:
    missing = tuple(
        "evaluation.graphics"
        for graphic in get(document, "evaluation.graphics") or []
        if not _shows(context.picture(graphic["sha256"]))
    )[:1]
    return Exported(written(document, context).encode(), MEDIA_TYPE, SUFFIX, altered=missing)


def written(document: Document, context: Context) -> str:
    return sheet(name_of(document), _content(document, context))


def sheet(title: str, content: Iterable[SafeString]) -> str:
    """A whole file around content that is HTML already."""
    return format_html(
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta http-equiv="Content-Security-Policy" content="{}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n'
        "<title>{}</title>\n<style>\n{}</style>\n</head>\n<body>\n{}</body>\n</html>\n",
        POLICY,
        title,
        mark_safe(STYLE),  # nosec B703 - our own file
        joined(content),
    )


def joined(parts: Iterable[SafeString]) -> SafeString:
    return format_html_join("", "{}\n", ((part,) for part in parts))


def _content(document: Document, context: Context) -> Iterator[SafeString]:
    summary = get(document, "overview.summary") or ""
    yield format_html(
        '<header>\n<h1>{}</h1>\n<p class="lead">{}</p>\n</header>', name_of(document), summary
    )
    for part in parts(document):
        yield format_html('<section id="{}">\n<h2>{}</h2>', part.section, part.title)
        yield joined(listed(part.entries, context))
        yield mark_safe("</section>")  # nosec B703 - our own words
    yield footer(document, context)


def listed(entries: list[Entry], context: Context) -> Iterator[SafeString]:
    """Fields with their names: short ones side by side, others below a heading."""
    for entry, *others in runs(entries):
        if is_short(entry):
            yield _definitions((e.title, said(e.value)) for e in [entry, *others])
            continue
        yield format_html("<h3>{}</h3>\n{}", entry.title, shown(entry))
        if entry.field == "evaluation.graphics":
            yield joined(_figures(entry.value, context))


def footer(document: Document, context: Context) -> SafeString:
    where = format_html(' · <a href="{0}">{0}</a>', context.url) if _is_web(context.url) else ""
    left_out = format_html('<p class="about">{}</p>\n', context.left_out)
    return format_html(
        '<footer>\n{}<p class="about">Written by mlgov{}</p>\n'
        '<p class="about">Digest of {}: <code>{}</code></p>\n</footer>',
        left_out if context.left_out else "",
        where,
        "what is here" if context.left_out else "the card",
        digest_of(document),
    )


def shown(entry: Entry) -> SafeString:
    """The value of a field."""
    value = entry.value
    found = table(value, entry.spec) if isinstance(value, list) else None
    if is_loose(entry):
        spelled = json.dumps(value, ensure_ascii=False, indent=2)
        return format_html("<pre>{}</pre>", spelled)
    if isinstance(value, str) and is_markdown(entry.spec):
        return format_html('<div class="said">{}</div>', to_html(value))
    if found is not None:
        return _grid(found) if _is_narrow(found) else joined(_lists(found))
    if (named := pairs(entry)) is not None:
        return _definitions((name, said(inner)) for name, inner in named)
    if isinstance(value, list):
        return format_html(
            "<ul>\n{}</ul>",
            format_html_join("", "<li>{}</li>\n", ((said(inner),) for inner in value)),
        )
    return format_html("<p>{}</p>", said(value))


def _is_narrow(found: Table) -> bool:
    return len(found.heads) <= COLUMNS + 2 and all(
        len(cell) <= CELL for row in found.rows for cell in row
    )


def _grid(found: Table) -> SafeString:
    heads = format_html_join("", '<th scope="col">{}</th>', ((head,) for head in found.heads))
    rows = ((format_html_join("", "<td>{}</td>", ((cell,) for cell in row)),) for row in found.rows)
    return format_html(
        "<table>\n<thead><tr>{}</tr></thead>\n<tbody>\n{}</tbody>\n</table>",
        heads,
        format_html_join("", "<tr>{}</tr>\n", rows),
    )


def _lists(found: Table) -> Iterator[SafeString]:
    for row in found.rows:
        yield _definitions(zip(found.heads, row, strict=True))


def _definitions(pairs: Iterable[tuple[str, str]]) -> SafeString:
    named = ((name, value) for name, value in pairs if value)
    return format_html("<dl>\n{}</dl>", format_html_join("", "<dt>{}</dt><dd>{}</dd>\n", named))


def _figures(graphics: list[dict[str, Any]], context: Context) -> Iterator[SafeString]:
    for graphic in graphics:
        picture = context.picture(graphic["sha256"])
        if picture is None or not _shows(picture):
            continue
        alt = graphic.get("alt") or graphic["title"]
        yield format_html(
            '<figure><img src="data:{};base64,{}" alt="{}"><figcaption>{}</figcaption></figure>',
            picture.media_type,
            base64.b64encode(picture.content).decode(),
            alt,
            graphic["title"],
        )


def _shows(picture: Picture | None) -> bool:
    return picture is not None and picture.media_type in PICTURES


def _is_web(url: str) -> bool:
    return url not in EMPTY and url.startswith(("https://", "http://"))
