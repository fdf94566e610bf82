"""What a card lacks before a review, for a high risk, and before it is approved."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Q

from apps.cards import catalogues, documents
from apps.cards.models import CardRequirement, CardRevision
from apps.cards.schema import BUILT_IN, Catalogue, Field, Needed, Section, Source
from apps.stages.models import Stage

TIER = "/classification/risk_tier"


@dataclass(frozen=True)
class Missing:
    """A field that is needed and says nothing, or waits for somebody's yes."""

    field: Field
    reason: str


def needed(
    content: Mapping[str, Any], catalogue: Catalogue = BUILT_IN, *, until: Needed = Needed.REVIEW
) -> list[Field]:
    """Fields that the schema marks as needed: before a review, or also before an approval.

    A model of a high risk tier needs more of them.
    """
    levels = {Needed.REVIEW}
    if documents.value_at(content, TIER) == "high":
        levels.add(Needed.HIGH)
    if until == Needed.APPROVAL:
        levels.add(Needed.APPROVAL)
    return [field for field in catalogue.fields.values() if field.needed in levels]


def asked_by(stage: Stage, revision: CardRevision, *, until: Needed = Needed.REVIEW) -> list[Field]:
    """Fields that a stage wants filled on this card, as administrators laid down."""
    content, catalogue = revision.content, catalogues.asked(revision)
    rows = CardRequirement.objects.filter(
        Q(stage=None) | Q(stage=stage),
        Q(project=None) | Q(project=revision.version.model.project_id),
        risk_tier__in=["", documents.value_at(content, TIER) or ""],
    )
    wanted: set[str] = set()
    spared: set[str] = set()
    for row in rows:
        if not row.pointer:
            wanted |= {field.pointer for field in needed(content, catalogue, until=until)}
        elif row.is_needed:
            wanted.add(row.pointer)
        else:
            spared.add(row.pointer)
    # A project may ask again for what is spared everywhere.
    spared -= {row.pointer for row in rows if row.is_needed and row.project_id}
    wanted -= spared
    return [field for pointer, field in catalogue.fields.items() if pointer in wanted]


def missing(revision: CardRevision, fields: Iterable[Field] | None = None) -> list[Missing]:
    """Which of the fields say nothing yet; without `fields`, those that a review needs."""
    content = revision.content
    if fields is None:
        fields = needed(content, catalogues.asked(revision))
    found = []
    for field in fields:
        if field.section in revision.withheld:
            continue
        if documents.is_empty(documents.value_at(content, field.pointer)):
            found.append(Missing(field, _how(field)))
        elif field.pointer in revision.unconfirmed:
            origin = revision.unconfirmed[field.pointer]
            found.append(Missing(field, f"Taken from {origin}: confirm that it holds here."))
    return found


def state_of(section: Section, revision: CardRevision, lacking: Iterable[Missing]) -> str:
    """`empty`, `incomplete` or `complete`: nothing said, something needed missing, or neither."""
    values = (revision.content.get(section.key) or {}).values()
    if all(documents.is_empty(value) for value in values):
        return "empty"
    lacks = any(item.field.section == section.key for item in lacking)
    return "incomplete" if lacks else "complete"


def _how(field: Field) -> str:
    if field.source == Source.PERSON:
        return "Somebody has to write it."
    if field.source == Source.AUTO_OR_PERSON:
        return "The run does not say it: write it."
    return WHERE.get(field.pointer, "It is filled in once the version is ready.")


# How a person gets a value that only a machine writes.
_SIGNATURE = "Log the model with a signature or an input example, and register it anew."
WHERE = {
    "/interface/inputs": _SIGNATURE,
    "/interface/outputs": _SIGNATURE,
    "/development/code": "Train inside of a Git repository, or set the tags mlflow.source.* of the "
    "run; then fill in from the run.",
    "/development/environment": "Log the model with its requirements, and register it anew.",
}


def counted(revision: CardRevision) -> tuple[int, int]:
    """How many of the needed fields are there, and how many are needed."""
    fields = [
        one
        for one in needed(revision.content, catalogues.asked(revision))
        if one.section not in revision.withheld
    ]
    return len(fields) - len(missing(revision, fields)), len(fields)


def by_section(lacking: Iterable[Missing]) -> dict[str, list[Missing]]:
    found: dict[str, list[Missing]] = {}
    for item in lacking:
        found.setdefault(item.field.section, []).append(item)
    return found
