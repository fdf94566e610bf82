"""Two revisions of a card, as lines that were added, removed or kept."""

import difflib
from dataclasses import dataclass

AROUND = 3


@dataclass(frozen=True)
class Line:
    """`kind` is added, removed, same or skipped."""

    kind: str
    text: str


def lines_between(before: str, after: str) -> list[Line]:
    """What changed, with a few lines around each change."""
    old, new = before.splitlines(), after.splitlines()
    found: list[Line] = []
    seen = 0
    for group in difflib.SequenceMatcher(None, old, new, autojunk=False).get_grouped_opcodes(
        AROUND
    ):
        _skip(found, group[0][1] - seen)
        for tag, i1, i2, j1, j2 in group:
            if tag == "equal":
                found += [Line("same", text) for text in old[i1:i2]]
                continue
            found += [Line("removed", text) for text in old[i1:i2]]
            found += [Line("added", text) for text in new[j1:j2]]
        seen = group[-1][2]
    if found:
        _skip(found, len(old) - seen)
    return found


def _skip(found: list[Line], count: int) -> None:
    if count > 0:
        found.append(Line("skipped", f"{count} unchanged line{'s' if count != 1 else ''}"))
