"""A card as people read it: sections with their state, and values in the form that fits them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from apps.cards import catalogues, completeness, documents, queries
from apps.cards.completeness import Missing
from apps.cards.models import CardRevision, ReportFile
from apps.cards.queries import Difference
from apps.cards.rendering import to_html
from apps.cards.schema import Field, Kind, Part, Section, Source
from apps.cards.sections import NO_RULES, Rights

# Longer lists are folded away.
SHORT = 12
# Fields whose entries name files, by digest.
FILES = ("/evaluation/reports", "/evaluation/graphics")
# Texts of this length fit into a cell of a table.
OF_A_CELL = 80


@dataclass(frozen=True)
class Shown:
    """A value with what its kind needs to be shown: `html`, `items`, `pairs` or a table."""

    part: Part
    value: Any
    html: str = ""
    pairs: list[tuple[str, Any]] = field(default_factory=list)
    inner: list["Shown"] = field(default_factory=list)
    columns: list[Part] = field(default_factory=list)
    rows: list[list["Shown"]] = field(default_factory=list)
    is_inner: bool = False

    @property
    def kind(self) -> str:
        return str(self.part.kind)

    @property
    def is_long(self) -> bool:
        return self.count > (0 if self.is_inner else SHORT)

    @property
    def count(self) -> int:
        return max(len(self.pairs), len(self.rows))


@dataclass(frozen=True)
class ShownReport:
    """A report or a picture that the card names, with its file where mlgov has it."""

    entry: Mapping[str, Any]
    file: ReportFile | None


@dataclass(frozen=True)
class ShownField:
    field: Field
    shown: Shown | None
    source: str
    difference: Difference | None
    differing: Shown | None
    unconfirmed: str
    missing: Missing | None
    guess: Any
    reports: list[ShownReport]

    @property
    def anchor(self) -> str:
        return f"{self.field.section}-{self.field.key}"

    @property
    def is_for_mlgov(self) -> bool:
        """Needed, and nothing that people could write."""
        return self.missing is not None and not self.field.is_typed


@dataclass(frozen=True)
class ShownSection:
    section: Section
    state: str
    fields: list[ShownField]
    missing: list[Missing]
    unconfirmed: int
    # Why the reader may not edit it, though he may edit the card.
    why_not: str = ""
    # Whether it is his to read first in a review.
    is_own: bool = False

    @property
    def anchor(self) -> str:
        return f"card-{self.section.key}"

    @property
    def is_typed(self) -> bool:
        return bool(self.section.typed)

    @property
    def to_write(self) -> list[Missing]:
        """What is needed, says nothing, and is for people to say."""
        said = {one.field.pointer for one in self.fields if one.shown}
        return [
            item for item in self.missing if item.field.is_typed and item.field.pointer not in said
        ]

    @property
    def says_something(self) -> bool:
        return bool(self.fields or self.missing)


def sections(revision: CardRevision, rights: Rights = NO_RULES) -> list[ShownSection]:
    """The whole card, in its order; fields without a value only where needed."""
    lacking = completeness.missing(revision)
    grouped = completeness.by_section(lacking)
    missing = {item.field.pointer: item for item in lacking}
    differences = queries.differences(revision)
    files = _files(revision)
    found = []
    for section in catalogues.written(revision).sections:
        if section.key in revision.withheld:
            continue
        fields = [_field(one, revision, differences, missing, files) for one in section.fields]
        found.append(
            ShownSection(
                section,
                completeness.state_of(section, revision, lacking),
                [one for one in fields if one.shown or one.guess or one.is_for_mlgov],
                grouped.get(section.key, []),
                sum(1 for one in fields if one.unconfirmed),
                rights.why_not_edit(section.key),
                section.key in rights.own,
            )
        )
    return found


def shown(part: Part, value: Any, *, is_inner: bool = False) -> Shown:
    """One value, and what is in it. Lists in objects of a list are folded away."""
    match part.kind:
        case Kind.MARKDOWN:
            return Shown(part, value, html=to_html(str(value)))
        case Kind.PAIRS:
            return Shown(
                part, value, pairs=sorted((k, documents.as_text(v)) for k, v in value.items())
            )
        case Kind.OBJECT:
            return Shown(part, value, inner=_inner(part, value))
        case Kind.OBJECTS:
            return _objects(part, value, is_inner=is_inner)
        case Kind.ANYTHING:
            return Shown(part, documents.as_text(value))
        case _:
            return Shown(part, value)


def _field(
    one: Field,
    revision: CardRevision,
    differences: Mapping[str, Difference],
    lacking: Mapping[str, Missing],
    files: Mapping[str, ReportFile],
) -> ShownField:
    value = documents.value_at(revision.content, one.pointer)
    reading = revision.reading
    difference = differences.get(one.pointer)
    has_value = not documents.is_empty(value)
    guess = reading.guesses.get(one.pointer) if reading and not has_value else None
    return ShownField(
        field=one,
        shown=shown(one, value) if has_value else None,
        source=(reading.sources.get(one.pointer, "") if reading and not difference else "")
        if one.source != Source.PERSON
        else "",
        difference=difference,
        differing=shown(one, difference.found) if difference else None,
        unconfirmed=revision.unconfirmed.get(one.pointer, ""),
        missing=lacking.get(one.pointer),
        guess=guess,
        reports=[ShownReport(row, files.get(row.get("sha256", ""))) for row in value or ()]
        if one.pointer in FILES
        else [],
    )


def _files(revision: CardRevision) -> dict[str, ReportFile]:
    named = {
        row["sha256"]
        for pointer in FILES
        for row in documents.value_at(revision.content, pointer) or ()
        if row.get("sha256")
    }
    return queries.report_files(revision.version, named)


def _inner(part: Part, value: Mapping[str, Any]) -> list[Shown]:
    return [
        shown(sub, value[sub.key], is_inner=True)
        for sub in part.parts
        if not documents.is_empty(value.get(sub.key))
    ]


def _objects(part: Part, values: list[Mapping[str, Any]], *, is_inner: bool) -> Shown:
    """As a table where every value is short, else one after the other."""
    used = [
        sub for sub in part.parts if any(not documents.is_empty(v.get(sub.key)) for v in values)
    ]
    if all(_fits(sub, value.get(sub.key)) for sub in used for value in values):
        rows = [
            [shown(sub, value[sub.key]) if sub.key in value else Shown(sub, None) for sub in used]
            for value in values
        ]
        return Shown(part, values, columns=used, rows=rows, is_inner=is_inner)
    inner = [_inner(part, value) for value in values]
    return Shown(part, values, rows=inner, is_inner=is_inner)


def _fits(part: Part, value: Any) -> bool:
    if part.kind in (Kind.OBJECT, Kind.OBJECTS, Kind.PAIRS):
        return documents.is_empty(value)
    return len(str(value or "")) <= OF_A_CELL and part.kind != Kind.MARKDOWN
