from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from apps.cards.formats import registry
from apps.cards.formats.base import Context, Picture
from tests.cards.documents import documents, example, full, picture

URL = "https://mlgov.example.org/models/credit-default/versions/3/"
ALLOWED = {
    "html", "head", "meta", "title", "style", "body", "header", "footer", "section", "h1", "h2",
    "h3", "h4", "h5", "h6", "p", "div", "ul", "ol", "li", "dl", "dt", "dd", "table", "thead",
    "tbody", "tr", "th", "td", "pre", "code", "figure", "figcaption", "img", "a", "blockquote",
    "em", "strong", "hr", "br", "s", "del",
}  # fmt: skip
ATTACKS = [
    "<script>alert(1)</script>",
    "</title><script>alert(1)</script>",
    "</style><script>alert(1)</script>",
    "</pre></body><img src=x onerror=alert(1)>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "[x](javascript:alert(1))",
    "![x](https://example.org/track.png)",
    "[x](data:text/html,<script>alert(1)</script>)",
    "<svg onload=alert(1)>",
    "<iframe srcdoc='<script>alert(1)</script>'>",
    "<base href=https://example.org/>",
    "<meta http-equiv=refresh content=0;url=https://example.org/>",
    "<link rel=stylesheet href=https://example.org/a.css>",
    "{{ 7*7 }}{% debug %}",
    "{0} {name}",
    "&lt;script&gt;",
    "\u2028</script>",
]


class _Seen(HTMLParser):
    """The elements of a page, and what they load or run."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: set[str] = set()
        self.loads: set[str] = set()
        self.runs: list[str] = []
        self.text: list[str] = []
        self.styles = 0
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.styles += tag == "style"
        for name, value in attrs:
            if name.startswith("on") or name == "style":
                self.runs.append(f"{tag} {name}")
            if name in ("src", "srcset", "poster", "data", "background"):
                self.loads.add((value or "").split(",")[0])
            if name == "href" and not (value or "").startswith(("https://", "http://", "mailto:")):
                self.runs.append(f"{tag} {name}={value}")

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def _page(document: dict[str, Any], *pictures: Picture) -> str:
    return registry.export("html", document, Context(URL, pictures)).content.decode()


def _check(html: str) -> _Seen:
    seen = _Seen(html)
    assert (seen.tags - ALLOWED, seen.runs, seen.styles) == (set(), [], 1)
    assert seen.loads <= {"data:image/png;base64"}
    return seen


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(documents)
def test_any_valid_document_is_a_page_that_loads_and_runs_nothing(document: dict[str, Any]) -> None:
    _check(_page(document, picture()))


@pytest.mark.parametrize("attack", ATTACKS)
def test_no_value_becomes_markup_that_loads_or_runs(attack: str) -> None:
    document = _everywhere(full(), attack)
    html = _page(document, Picture(attack, "image/png", picture().content))

    seen = _check(html)
    assert "img" in seen.tags
    # Where it stands as text, it reads as it was typed.
    assert attack in "".join(seen.text)


def _everywhere(value: Any, text: str) -> Any:
    if isinstance(value, dict):
        return {k: v if k == "sha256" else _everywhere(v, text) for k, v in value.items()}
    if isinstance(value, list):
        return [_everywhere(inner, text) for inner in value]
    return text if isinstance(value, str) and value.startswith("Said in") else value


def test_the_page_says_what_the_card_says_and_where_it_is() -> None:
    html = _page(example())

    for said in ("credit-default, version 3", "Loans of companies.", "roc_auc", "84b0b24e", URL):
        assert said in html
    assert "default-src &#x27;none&#x27;" in html


def test_pictures_stand_in_the_page_and_others_are_said_to_be_missing() -> None:
    with_picture = registry.export("html", full(), Context(URL, (picture(),)))
    without = registry.export("html", full(), Context(URL))
    drawing = Picture("ROC", "image/svg+xml", picture().content)
    as_svg = registry.export("html", full(), Context(URL, (drawing,)))

    assert b'<img src="data:image/png;base64,iVBOR' in with_picture.content
    assert with_picture.altered == ()
    for exported in (without, as_svg):
        assert b"<img" not in exported.content
        assert exported.altered == ("evaluation.graphics",)


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,x", "//example.org", ""])
def test_only_an_address_of_the_web_becomes_a_link(url: str) -> None:
    html = registry.export("html", example(), Context(url)).content.decode()

    assert "<a " not in html
