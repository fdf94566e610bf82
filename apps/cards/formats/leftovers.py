"""What an import found no field for. Nothing that was sent is dropped."""

from typing import Any

from apps.cards.documents import is_number
from apps.cards.formats.base import Document

# So many values are compared with others; what is beyond is kept, and not searched for.
COMPARED = 200_000


def unsaid(sent: Any, said: Any) -> Any:
    """The parts of `sent` that `said` does not hold; None where it holds all.

    `said` is the imported document, written in the same format again. A text counts as said where
    it stands within a longer one or alone in a list, and an element of a list wherever it stands in
    the other list.
    """
    return _unsaid(sent, said, _Patience())


class _Patience:
    """Lists within lists take long to compare: this ends."""

    def __init__(self) -> None:
        self.left = COMPARED

    def is_over(self) -> bool:
        self.left -= 1
        return self.left < 0


def _unsaid(sent: Any, said: Any, patience: _Patience) -> Any:
    if patience.is_over():
        return sent
    if isinstance(sent, str):
        if not sent.strip():
            return None
        if said == [sent]:
            return None
        return None if isinstance(said, str) and sent.strip() in said else sent
    if isinstance(sent, dict):
        other = said if isinstance(said, dict) else {}
        rest = {key: _unsaid(value, other.get(key), patience) for key, value in sent.items()}
        rest = {key: value for key, value in rest.items() if value is not None}
        return rest or None
    if isinstance(sent, list):
        return _elements_unsaid(sent, said if isinstance(said, list) else [], patience) or None
    if sent is None or (type(sent) is type(said) and sent == said):
        return None
    if is_number(sent) and is_number(said) and sent == said:
        return None
    return sent


def keep(document: Document, key: str, rest: Any) -> bool:
    """Put what is left below `custom.values.imported.<key>`. Whether there was something."""
    if rest is None:
        return False
    values = document.setdefault("custom", {}).setdefault("values", {})
    imported = values.setdefault("imported", {})
    if not isinstance(imported, dict):
        imported = values["imported"] = {"value": imported}
    before = imported.get(key)
    if isinstance(before, dict) and isinstance(rest, dict):
        rest = {**before, **rest}
    elif before is not None:
        rest = {"before": before, "now": rest}
    imported[key] = rest
    return True


def _elements_unsaid(sent: list[Any], said: list[Any], patience: _Patience) -> list[Any]:
    # Most elements come back as they were: only the others are compared with each one.
    same = {repr(value) for value in said}
    return [
        value
        for value in sent
        if repr(value) not in same
        and (patience.left < 0 or all(_unsaid(value, o, patience) is not None for o in said))
    ]
