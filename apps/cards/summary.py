"""What a reader wants to know first: what it is, how risky, and how good beside what serves now."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from apps.accounts.models import User
from apps.cards import diffs, documents, queries
from apps.cards.models import CardRevision
from apps.cards.schema import spoken
from apps.registry import policies
from apps.registry.models import ModelVersion
from apps.stages.models import Placement

MOST_METRICS = 6
# Figures on data that were held back say more than those on the training data.
ORDER = {"test": 0, "evaluation": 0, "": 1, "validation": 1, "train": 2}


@dataclass(frozen=True)
class Figure:
    """A metric; `delta` and `is_better` compare it with the other version's, where it has one."""

    name: str
    value: Any
    on: str
    delta: str = ""
    is_better: bool | None = None


@dataclass(frozen=True)
class Summary:
    text: str
    risk_tier: str
    facts: list[tuple[str, str]]
    figures: list[Figure]
    reference: ModelVersion | None
    reference_stage: str


def of(revision: CardRevision, user: User) -> Summary:
    content = revision.content
    placement = _reference(revision.version, user)
    reference = placement.version if placement else None
    other = queries.card_for(reference, user).content if reference else {}
    facts = [
        ("Task", documents.value_at(content, "/overview/task")),
        ("Type", documents.value_at(content, "/overview/model_type")),
        ("Framework", documents.value_at(content, "/overview/framework")),
        ("Owner", (documents.value_at(content, "/overview/owner") or {}).get("name")),
        ("Decision", spoken(documents.value_at(content, "/use/decision_role") or "")),
        ("Contact", documents.value_at(content, "/overview/contact")),
    ]
    return Summary(
        text=documents.value_at(content, "/overview/summary") or "",
        risk_tier=documents.value_at(content, "/classification/risk_tier") or "",
        facts=[(title, value) for title, value in facts if value],
        figures=_figures(content, other),
        reference=reference,
        reference_stage=placement.stage.name if placement else "",
    )


def _reference(version: ModelVersion, user: User) -> Placement | None:
    """The other version of the model that stands furthest on."""
    return (
        Placement.objects.filter(
            version__in=policies.versions.visible_to(user).filter(model_id=version.model_id)
        )
        .exclude(version=version)
        .select_related("version__model", "stage")
        .order_by("-stage__order", "-version__number")
        .first()
    )


def _figures(content: Mapping[str, Any], other: Mapping[str, Any]) -> list[Figure]:
    rows = documents.value_at(content, "/evaluation/metrics") or []
    before = {
        _key(row): row.get("value")
        for row in documents.value_at(other, "/evaluation/metrics") or []
    }
    overall = [row for row in rows if not row.get("slice")]
    overall.sort(key=lambda row: ORDER.get(row.get("split", ""), 1))
    return [_figure(row, before.get(_key(row))) for row in overall[:MOST_METRICS]]


def _figure(row: Mapping[str, Any], before: Any) -> Figure:
    name, value = str(row["name"]), row["value"]
    on = ", ".join(str(row[key]) for key in ("dataset", "split") if row.get(key))
    if not (documents.is_number(value) and documents.is_number(before)) or value == before:
        return Figure(name, value, on)
    better = diffs.is_better(name, before, value, row.get("higher_is_better"))
    return Figure(name, value, on, f"{value - before:+.3g}", better)


def _key(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(row.get(key) for key in diffs.OF_A_METRIC)
