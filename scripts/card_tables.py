"""The tables of card formats, and of where each field of a card stands in the standards."""

from collections.abc import Callable, Iterable, Sequence

from apps.cards.formats.mapping import PLACES, STANDARDS, coverage
from apps.cards.formats.registry import FORMATS

Table = Callable[[Sequence[str], Iterable[Sequence[str]]], str]


def formats(table: Table) -> str:
    rows = [
        (
            f"`{found.key}`",
            found.title,
            f"`{found.suffix}`",
            "yes" if found.read else "",
            "a worker" if found.in_worker else "at once",
        )
        for found in FORMATS.values()
    ]
    return table(("Key", "Format", "File ends in", "Can be imported", "Written by"), rows)


def standards(table: Table) -> str:
    rows = [
        (f"`{field}`", *(", ".join(places[standard]) or "-" for standard in STANDARDS))
        for field, places in PLACES.items()
    ]
    total = ("fields with a place", *(f"{coverage(standard)}" for standard in STANDARDS))
    return table(("Field", *STANDARDS.values()), [total, *rows])
