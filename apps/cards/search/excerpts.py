"""Where on a card the wanted words stand: a few lines around them, with the words marked."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from apps.cards.schema import FIELDS, SECTIONS
from apps.cards.search import index
from apps.cards.search.words import Term, Token, composed, tokens

LENGTH = 220
BEFORE = 60
# Of a very long field the end is not looked at: the section is named all the same.
LOOKED_AT = 50_000
MOST = 2
_TITLES = {section.key: section.title for section in SECTIONS}


@dataclass(frozen=True)
class Piece:
    """A part of a text; `is_found` for the words that were looked for."""

    text: str
    is_found: bool = False


@dataclass(frozen=True)
class Place:
    """A section of a card, or a field of it."""

    section: str
    key: str = ""

    @property
    def title(self) -> str:
        return _TITLES.get(self.section) or self.section.replace("_", " ").capitalize()

    @property
    def field_title(self) -> str:
        field = FIELDS.get(self.pointer)
        return field.title if field else self.key.replace("_", " ").capitalize()

    @property
    def label(self) -> str:
        """Section and field, once where both are called the same."""
        field = self.field_title
        return field if field == self.title else f"{self.title}, {field[:1].lower()}{field[1:]}"

    @property
    def pointer(self) -> str:
        return f"/{self.section}/{self.key}" if self.key else f"/{self.section}"

    @property
    def anchor(self) -> str:
        """Of the place on the page of the card."""
        return f"{self.section}-{self.key}" if self.key else f"card-{self.section}"


@dataclass(frozen=True)
class Excerpt:
    place: Place
    pieces: tuple[Piece, ...]


def excerpts(
    content: Mapping[str, Any], sections: Iterable[str], terms: Sequence[Term]
) -> list[Excerpt]:
    """Of the first field that holds one of the terms, and of one more that holds others."""
    found: list[Excerpt] = []
    told: set[int] = set()
    for section in sections:
        for key, value in index.fields_of(content.get(section)):
            if f"/{section}/{key}" in index.NOT_READ:
                continue
            text = composed(index.field_text(section, key, value))[:LOOKED_AT]
            spans = list(_spans(text, terms))
            held = {number for number, _, _ in spans}
            if held - told:
                told |= held
                pieces = _pieces(text, [(start, end) for _, start, end in spans])
                found.append(Excerpt(Place(section, key), pieces))
            if len(found) == MOST or len(told) == len(terms):
                return found
    return found


def marked(text: str, terms: Sequence[Term]) -> tuple[Piece, ...]:
    """A whole short text, such as a name, with the words marked."""
    text = composed(text)
    return _cut(text, 0, len(text), [(start, end) for _, start, end in _spans(text, terms)])


def _spans(text: str, terms: Sequence[Term]) -> Iterator[tuple[int, int, int]]:
    """The number of the term that stands there, and from where to where, in order."""
    words: list[str] = []
    of: list[Token] = []
    for token in tokens(text):
        for word in token.words:
            words.append(word)
            of.append(token)
    wanted = [(number, wording) for number, term in enumerate(terms) for wording in term.wordings]
    for at in range(len(words)):
        for number, wording in wanted:
            if wording.stands_in(words, at):
                yield number, of[at].start, of[at + len(wording.words) - 1].end


def _pieces(text: str, spans: list[tuple[int, int]]) -> tuple[Piece, ...]:
    """A stretch around the first of them, which begins and ends between words."""
    first, last = spans[0]
    start, end = max(0, first - BEFORE), len(text)
    if start:
        start = text.find(" ", start, first) + 1 or start
    if len(text) > start + LENGTH:
        space = text.rfind(" ", last, start + LENGTH)
        end = space if space > 0 else max(last, start + LENGTH)
    pieces = _cut(text, start, end, spans)
    before = (Piece("… "),) if start else ()
    after = (Piece(" …"),) if end < len(text) else ()
    return (*before, *pieces, *after)


def _cut(text: str, start: int, end: int, spans: list[tuple[int, int]]) -> tuple[Piece, ...]:
    pieces, at = [], start
    for first, last in spans:
        if first < at or last > end:
            continue
        pieces += [Piece(text[at:first]), Piece(text[first:last], is_found=True)]
        at = last
    pieces.append(Piece(text[at:end]))
    return tuple(piece for piece in pieces if piece.text)
