from html.parser import HTMLParser

import pytest

from apps.accounts.models import User
from apps.cards import queries, services
from apps.cards.rendering import to_html
from apps.core.errors import Conflict, Invalid, NotFound, NotPermitted
from apps.registry.models import ModelVersion


class Elements(HTMLParser):
    """The elements of a page and their attributes, as a browser would see them."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, list[tuple[str, str | None]]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, attrs))


def test_an_edit_is_a_new_revision(version: ModelVersion, data_scientist: User) -> None:
    services.edit_card(
        version,
        by=data_scientist,
        changes={"/overview/description": "Who it is for."},
        base_revision=1,
    )
    card = queries.current_card(version)
    assert (card.number, card.description, card.author) == (2, "Who it is for.", data_scientist)
    assert card.digest == card.content_digest()


def test_two_people_editing_lose_nothing(
    version: ModelVersion, data_scientist: User, owner: User
) -> None:
    services.edit_card(
        version, by=data_scientist, changes={"/overview/description": "First."}, base_revision=1
    )
    with pytest.raises(Conflict, match="saved revision 2 while you were writing"):
        services.edit_card(
            version, by=owner, changes={"/overview/description": "Second."}, base_revision=1
        )
    assert queries.current_card(version).description == "First."


def test_the_same_text_is_no_revision(version: ModelVersion, data_scientist: User) -> None:
    services.edit_card(
        version, by=data_scientist, changes={"/overview/description": ""}, base_revision=1
    )
    assert version.card_revisions.count() == 1


def test_editing_needs_the_right(version: ModelVersion, viewer: User, stranger: User) -> None:
    with pytest.raises(NotPermitted):
        services.edit_card(
            version, by=viewer, changes={"/overview/description": "x"}, base_revision=1
        )
    with pytest.raises(NotFound):
        services.edit_card(
            version, by=stranger, changes={"/overview/description": "x"}, base_revision=1
        )


def test_a_novel_is_refused(version: ModelVersion, data_scientist: User) -> None:
    with pytest.raises(Invalid, match="100,001 characters"):
        services.edit_card(
            version,
            by=data_scientist,
            changes={"/overview/description": "x" * 100_001},
            base_revision=1,
        )


@pytest.mark.parametrize(
    "attack",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "[x](javascript:alert(1))",
        "[x](data:text/html,<script>alert(1)</script>)",
        "![x](https://tracker.example/p.png)",
        '<a href="https://x" onclick="alert(1)">x</a>',
        "<style>*{display:none}</style>",
        "<iframe src=//evil.example></iframe>",
        "[x](  JaVaScRiPt:alert(1))",
        "```\n</code></pre><script>alert(1)</script>\n```",
    ],
)
def test_markdown_does_no_harm(attack: str) -> None:
    parser = Elements()
    parser.feed(to_html(attack))
    tags = {tag for tag, _ in parser.found}
    attributes = [item for _, attrs in parser.found for item in attrs]
    assert tags <= {"p", "pre", "code", "a"}
    assert {name for name, _ in attributes} <= {"href", "rel"}
    assert all((value or "").startswith("https://") for name, value in attributes if name == "href")


def test_markdown_renders_what_people_use() -> None:
    html = to_html("# Purpose\n\n| a | b |\n|---|---|\n| 1 | **2** |\n\n[docs](https://x.example)")
    assert "<h1>Purpose</h1>" in html
    assert "<strong>2</strong>" in html
    assert 'href="https://x.example"' in html
