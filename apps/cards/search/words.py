"""Words of texts and of questions, cut in one way for both, and for each database.

The databases would cut them differently, each after its own idea of a language. They are given
words that are cut already, with single spaces between them, and only look them up.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from apps.core.errors import Invalid

LONGEST_QUERY = 500
MOST_TERMS = 20
LONGEST_WORD = 100
SHORTEST_BEGINNING = 2
_WORD = re.compile(r"[^\W_]+")
# Every text matches it, and no part of it can be taken in more than one way.
_TERM = re.compile(r'(-?)(?:"([^"]*)"?|([^\s"]+))')
# Of plurals whose singular ends in a hiss.
_LONG_PLURALS = ("sses", "xes", "ches", "shes")


@dataclass(frozen=True)
class Wording:
    """Words that stand one after the other; of the last one perhaps the beginning only."""

    words: tuple[str, ...]
    is_beginning: bool = False

    def stands_in(self, words: Sequence[str], at: int) -> bool:
        last = at + len(self.words) - 1
        if last >= len(words):
            return False
        *before, end = self.words
        if list(words[at:last]) != before:
            return False
        return words[last].startswith(end) if self.is_beginning else words[last] == end


@dataclass(frozen=True)
class Term:
    """A word or a phrase of a question, in each wording that will do."""

    text: str
    wordings: tuple[Wording, ...]
    is_unwanted: bool = False


@dataclass(frozen=True)
class Token:
    """A run of letters and digits of a text, and the words that it is found by."""

    start: int
    end: int
    words: tuple[str, ...]


def tokens(text: str) -> Iterator[Token]:
    for found in _WORD.finditer(text):
        yield Token(found.start(), found.end(), tuple(_normal(found.group())))


def words_of(text: str) -> Iterator[str]:
    for found in _WORD.finditer(composed(text)):
        yield from _normal(found.group())


def composed(text: str) -> str:
    """Letters with their accents in one: for Python, an accent of its own ends a word."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def folded(text: str) -> str:
    """A name as it is compared: in any case of letters."""
    return unicodedata.normalize("NFKC", text).casefold().strip()


def terms(query: str) -> tuple[Term, ...]:
    """What is asked for: words, "phrases", -without, begin*. Raises `Invalid`, in words."""
    if len(query) > LONGEST_QUERY:
        raise Invalid.at("q", f"Ask in at most {LONGEST_QUERY} characters.")
    if "\x00" in query:
        raise Invalid.at("q", "The question holds a NUL character. Remove it.")
    found = []
    for sign, phrase, chunk in _TERM.findall(query):
        if term := _term(phrase or chunk, is_phrase=bool(phrase), is_unwanted=bool(sign)):
            found.append(term)
    if query.strip() and not found:
        raise Invalid.at(
            "q", "There is no word in the question. Write letters or digits, such as fraud or 2026."
        )
    if len(found) > MOST_TERMS:
        raise Invalid.at("q", f"Ask for at most {MOST_TERMS} words and phrases at once.")
    return tuple(found)


def _term(text: str, *, is_phrase: bool, is_unwanted: bool) -> Term | None:
    is_beginning = not is_phrase and text.endswith("*")
    pieces = [found.group() for found in _WORD.finditer(composed(text))]
    words = [word for piece in pieces for word in _normal(piece)]
    if not words:
        return None
    if not is_beginning:
        return Term(text, (Wording(tuple(words)),), is_unwanted)
    before, last = words[:-1], list(_plain(pieces[-1]))[-1]
    if len(last) < SHORTEST_BEGINNING:
        raise Invalid.at(
            "q", f"Write at least {SHORTEST_BEGINNING} letters before the *: {text[:20]}"
        )
    # The index holds singulars: of a plural that begins so, it may hold less than what was typed.
    whole = dict.fromkeys([_singular(last), _singular(f"{last}s")])
    wordings = [Wording((*before, last), is_beginning=True)]
    wordings += [Wording((*before, word)) for word in whole if not word.startswith(last)]
    return Term(text, tuple(wordings), is_unwanted)


def _normal(token: str) -> Iterator[str]:
    return map(_singular, _plain(token))


def _plain(token: str) -> Iterator[str]:
    if token.isascii():
        yield token.lower()[:LONGEST_WORD]
        return
    # Compatible forms may fall apart: ½ is 1⁄2.
    for found in _WORD.finditer(unicodedata.normalize("NFKC", token).casefold()):
        yield found.group()[:LONGEST_WORD]


def _singular(word: str) -> str:
    """Plurals are found by their singulars. It only cuts off: beginnings stay beginnings."""
    if len(word) < 4 or not word.isascii() or word[-1] != "s":
        return word
    if word.endswith(_LONG_PLURALS):
        return word[:-2]
    return word if word.endswith(("ss", "us", "is")) else word[:-1]
