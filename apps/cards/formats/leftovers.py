"""What an import found no field for. Nothing that was sent is dropped."""

from typing import Any

from apps.cards.formats.base import Document

# Each of so many elements is compared with each of so many; what is beyond is kept, not dropped.
COMPARED = 200


def unsaid(sent: Any, said: Any) -> Any:
    """The parts of `sent` that `said` does not hold; None where it holds all.

    `said` is the imported document, written in the same format again. A text counts as said where
    it stands within a longer one, and an element of a list wherever it stands in the other list.
    """
    if isinstance(sent, str):
        if not sent.strip():
            return None
        return None if isinstance(said, str) and sent.strip() in said else sent
    if isinstance(sent, dict):
        other = said if isinstance(said, dict) else {}
        rest = {key: unsaid(value, other.get(key)) for key, value in sent.items()}
        rest = {key: value for key, value in rest.items() if value is not None}
        return rest or None
    if isinstance(sent, list):
        return _elements_unsaid(sent, said if isinstance(said, list) else []) or None
    if sent is None or (type(sent) is type(said) and sent == said):
        return None
    if _is_number(sent) and _is_number(said) and sent == said:
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


def _elements_unsaid(sent: list[Any], said: list[Any]) -> list[Any]:
    # Most elements come back as they were: only the others are compared with each one.
    same = {_spelled(value) for value in said}
    others = [value for value in sent if _spelled(value) not in same]
    return [
        value
        for number, value in enumerate(others)
        if number >= COMPARED or all(unsaid(value, other) is not None for other in said[:COMPARED])
    ]


def _spelled(value: Any) -> str:
    return repr(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
