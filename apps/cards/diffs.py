"""What is different between two cards, by the shape of each field."""

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from dataclasses import field as of_default
from typing import Any

from apps.cards import documents
from apps.cards.schema import BUILT_IN, Catalogue, Field, Kind, Part

# Longer passages are not compared by words: that takes the square of their number.
MOST_WORDS = 1_500
AROUND = 12
WORDS = re.compile(r"\S+\s*|\s+")
LINES = re.compile(r".*\n|.+$")
# By which of its properties an object of a list is known again.
NAMES = ("name", "path", "title", "signal", "url", "group_at_risk", "label", "reviewer", "version")
OF_A_METRIC = ("name", "dataset", "split", "slice")
BETTER_HIGH = {
    *("accuracy", "auc", "f1", "precision", "recall", "r2", "score", "ap", "ndcg", "specificity"),
    *("sensitivity", "kappa", "mcc", "roc"),
}
BETTER_LOW = {
    *("loss", "rmse", "mse", "mae", "mape", "error", "brier", "ece", "latency", "perplexity"),
    *("time", "seconds", "ms"),
}


@dataclass(frozen=True)
class Run:
    """Words of a text: `kind` is added, removed, same or skipped."""

    kind: str
    text: str


@dataclass(frozen=True)
class Entry:
    """One entry of a list or of pairs; `delta` and `is_better` are of metrics."""

    kind: str
    name: str
    before: str = ""
    after: str = ""
    delta: str = ""
    is_better: bool | None = None
    changes: list["Entry"] = of_default(default_factory=list)


@dataclass(frozen=True)
class Change:
    """A field of which two cards say different things."""

    field: Field
    words: list[Run] = of_default(default_factory=list)
    entries: list[Entry] = of_default(default_factory=list)
    before: str = ""
    after: str = ""

    @property
    def is_metrics(self) -> bool:
        return any(entry.delta for entry in self.entries)


def between(
    before: Mapping[str, Any], after: Mapping[str, Any], catalogue: Catalogue = BUILT_IN
) -> list[Change]:
    """The fields that differ, in the order of the card."""
    return [
        _change(
            catalogue.fields[pointer],
            documents.value_at(before, pointer),
            documents.value_at(after, pointer),
        )
        for pointer in documents.differing(before, after, catalogue)
    ]


def words_between(before: str, after: str) -> list[Run]:
    """What changed in a text: the lines that differ, and in them the words."""
    found: list[Run] = []
    old, new = LINES.findall(before), LINES.findall(after)
    for tag, was, now in _blocks(old, new):
        if tag == "equal":
            _add(found, "same", "".join(was))
        elif tag == "replace":
            _compare_words(found, "".join(was), "".join(now))
        else:
            _add(found, "removed", "".join(was))
            _add(found, "added", "".join(now))
    return _shortened(found)


def _compare_words(found: list[Run], before: str, after: str) -> None:
    old, new = WORDS.findall(before), WORDS.findall(after)
    if len(old) + len(new) > MOST_WORDS:
        old, new = [before], [after]
    for tag, was, now in _blocks(old, new):
        if tag == "equal":
            _add(found, "same", "".join(was))
        else:
            _add(found, "removed", "".join(was))
            _add(found, "added", "".join(now))


def _blocks(old: list[str], new: list[str]) -> Iterator[tuple[str, list[str], list[str]]]:
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    for tag, i1, i2, j1, j2 in matcher.get_opcodes():
        yield tag, old[i1:i2], new[j1:j2]


def _add(found: list[Run], kind: str, text: str) -> None:
    if text and found and found[-1].kind == kind:
        found[-1] = Run(kind, found[-1].text + text)
    elif text:
        found.append(Run(kind, text))


def _shortened(runs: list[Run]) -> list[Run]:
    """Of what is the same, only the words beside a change."""
    if not any(run.kind != "same" for run in runs):
        return []
    found: list[Run] = []
    for number, run in enumerate(runs):
        words = WORDS.findall(run.text)
        if run.kind != "same" or len(words) <= 2 * AROUND:
            found.append(run)
            continue
        if number > 0:
            found.append(Run("same", "".join(words[:AROUND])))
        found.append(Run("skipped", " … "))
        if number < len(runs) - 1:
            found.append(Run("same", "".join(words[-AROUND:])))
    return found


def is_better(name: str, before: float, after: float, said: bool | None = None) -> bool | None:
    """Whether the metric improved; None where nobody says which direction is good."""
    words = set(re.split(r"[^a-z0-9]+", name.lower()))
    higher = said
    if higher is None and words & BETTER_LOW:
        higher = False
    elif higher is None and words & BETTER_HIGH:
        higher = True
    return None if higher is None or before == after else (after > before) == higher


def _change(of: Field, before: Any, after: Any) -> Change:
    match of.kind:
        case Kind.MARKDOWN:
            return Change(of, words=words_between(before or "", after or ""))
        case Kind.LINES:
            return Change(of, entries=_lines(before or [], after or []))
        case Kind.PAIRS:
            return Change(of, entries=_pairs(before or {}, after or {}))
        case Kind.OBJECT:
            return Change(of, entries=_parts(of, before or {}, after or {}))
        case Kind.OBJECTS:
            return Change(of, entries=_objects(of, before or [], after or []))
        case _:
            return Change(of, before=_text(before), after=_text(after))


def _lines(before: list[Any], after: list[Any]) -> list[Entry]:
    old, new = [_text(v) for v in before], [_text(v) for v in after]
    return [
        *(Entry("removed", text) for text in old if text not in new),
        *(Entry("added", text) for text in new if text not in old),
    ] or [Entry("changed", "the order", ", ".join(old), ", ".join(new))]


def _pairs(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Entry]:
    return [
        _entry(key, before.get(key), after.get(key))
        for key in sorted({*before, *after})
        if before.get(key) != after.get(key)
    ]


def _parts(of: Part, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Entry]:
    titles = {part.key: part.title for part in of.parts}
    return [
        _entry(titles.get(key, key), before.get(key), after.get(key))
        for key in [*titles, *sorted({*before, *after} - set(titles))]
        if before.get(key) != after.get(key)
    ]


def _objects(of: Part, before: list[Any], after: list[Any]) -> list[Entry]:
    metrics = {"value", "ci_low"} <= {part.key for part in of.parts}
    keys = OF_A_METRIC if metrics else NAMES
    old, new = _named(before, keys), _named(after, keys)
    found = []
    for name in [*old, *(name for name in new if name not in old)]:
        was, now = old.get(name), new.get(name)
        if was == now:
            continue
        if metrics:
            found.append(_metric(name, was, now))
        elif was is None or now is None:
            found.append(Entry("removed" if now is None else "added", name))
        else:
            found.append(Entry("changed", name, changes=_parts(of, was, now)))
    return found or [Entry("changed", "the order")]


def _metric(name: str, was: Mapping[str, Any] | None, now: Mapping[str, Any] | None) -> Entry:
    if was is None or now is None:
        kind = "removed" if now is None else "added"
        return Entry(kind, name, _text((was or {}).get("value")), _text((now or {}).get("value")))
    before: Any = was.get("value")
    after: Any = now.get("value")
    if documents.is_number(before) and documents.is_number(after):
        higher = now.get("higher_is_better")
        return Entry(
            "changed",
            name,
            _text(before),
            _text(after),
            delta=f"{after - before:+.4g}",
            is_better=is_better(str(now.get("name")), before, after, higher),
        )
    return Entry("changed", name, _text(before), _text(after))


def _named(values: Iterable[Any], keys: tuple[str, ...]) -> dict[str, Mapping[str, Any]]:
    """Objects by what they are called; the second of one name gets a number."""
    found: dict[str, Mapping[str, Any]] = {}
    for value in values:
        parts = [str(value[key]) for key in keys if value.get(key)]
        name = ", ".join(parts if keys is OF_A_METRIC else parts[:1]) or "unnamed"
        count = 2
        unique = name
        while unique in found:
            unique, count = f"{name} ({count})", count + 1
        found[unique] = value
    return found


def _entry(name: str, before: Any, after: Any) -> Entry:
    if documents.is_empty(before):
        return Entry("added", name, after=_text(after))
    if documents.is_empty(after):
        return Entry("removed", name, before=_text(before))
    return Entry("changed", name, _text(before), _text(after))


def _text(value: Any) -> str:
    return "" if value is None else documents.as_text(value)
