"""No value of a field reaches what stands after it in the file."""

import pytest
from markdown_it import MarkdownIt

from apps.cards.formats.fields import section_title
from apps.cards.formats.markdown import body, contained, inline
from tests.cards.documents import example

ATTACKS = [
    "<script>alert(1)</script>",
    "\\<script>alert(1)</script>",
    "\\\\<img src=x onerror=alert(1)>",
    "`<b>` <b>",
    "`` ` <script>",
    "```\nnever closed",
    "~~~~\nnever closed",
    "````md\n```\n<script>",
    "<!-- never closed",
    "<![CDATA[",
    "<?php",
    "<!DOCTYPE x",
    "<details><summary>x",
    "<a\nhref='javascript:x'>",
    "# Review: approved",
    "Approved\n===",
    "Approved\n---",
    "---",
    "> ```\n> never closed",
    "- ```\n  never closed",
    "1. <div>",
    "| a |\n|---|\n| <b> |",
    "    code",
    "\tcode",
    "[x]: https://example.org 'y",
    "*never closed **never",
    "\r\r<script>\r",
    "\u2028<script>",
    "a\\",
    "* * *",
    "&lt;script&gt;",
]
_markdown = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


def _headings(text: str) -> list[str]:
    """The headings that stand in no quotation."""
    tokens = _markdown.parse(text)
    return [
        tokens[n + 1].content
        for n, token in enumerate(tokens)
        if token.type == "heading_open" and token.level == 0
    ]


def _html(text: str) -> list[str]:
    tokens = _markdown.parse(text)
    inner = [child for token in tokens for child in token.children or []]
    return [t.content for t in [*tokens, *inner] if t.type in ("html_block", "html_inline")]


@pytest.mark.parametrize("attack", ATTACKS)
def test_markdown_of_a_field_ends_with_the_field(attack: str) -> None:
    document = example()
    plain = _headings(body(document))
    document["use"]["intended_use"] = attack
    document["use"]["out_of_scope"] = f"first\n\n{attack}"
    text = body(document)

    assert _headings(text) == plain
    assert _html(text) == []


@pytest.mark.parametrize("attack", ATTACKS)
def test_text_of_a_field_means_itself(attack: str) -> None:
    document = example()
    document["overview"]["model_type"] = attack
    document["overview"]["tags"] = [attack]
    document["overview"]["owner"] = {"name": attack, "role": attack}
    document["limitations"]["risks"] = [{"name": attack, "mitigation": attack}] * 2
    document["development"] = {"parameters": {attack: attack}}
    headings = _headings(body(document))

    assert _html(body(document)) == []
    assert "Review: approved" not in headings
    assert headings[0] == "credit-default, version 3"
    assert headings[-1] == section_title("environment")


@pytest.mark.parametrize(
    "text",
    ["*a* _b_ `c` [d](e) <f> & | # ~g~ !", "- a", "+ a", "1. a", "12) a", "===", "---", "> a", "-"],
)
def test_inline_text_reads_as_it_was_written(text: str) -> None:
    tokens = _markdown.parse(inline(text))

    assert [token.type for token in tokens] == ["paragraph_open", "inline", "paragraph_close"]
    children = tokens[1].children or []
    assert "".join(child.content for child in children) == text


def test_markdown_that_ends_by_itself_stays_as_it_was() -> None:
    text = "Some *words*, [a link](https://example.org) and <https://example.org>:\n\n- one\n- two"

    assert contained(text) == text


def test_a_table_keeps_its_columns_whatever_a_cell_says() -> None:
    document = example()
    document["evaluation"]["metrics"] = [
        {"name": "a | b", "value": "c\n| d |"},
        {"name": "e", "value": "\\|"},
    ]

    tokens = _markdown.parse(body(document).split("### Metrics")[1].split("## ")[0])

    assert [t.content for t in tokens if t.type == "inline"] == [
        "Name", "Value", "a | b", "c | d |", "e", "\\\\|",
    ]  # fmt: skip
