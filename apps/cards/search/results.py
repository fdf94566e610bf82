"""What a list of found cards shows of each."""

from collections.abc import Sequence
from dataclasses import dataclass

from apps.cards import documents
from apps.cards.search import finding, index
from apps.cards.search.asking import Question
from apps.cards.search.excerpts import Excerpt, Piece, Place, excerpts, marked
from apps.cards.search.finding import Hidden, Measured
from apps.registry.models import ModelVersion
from apps.stages.models import Stage
from apps.stages.queries import current_stage

SUMMARY = "/overview/summary"


@dataclass(frozen=True)
class Result:
    version: ModelVersion
    revision: int
    stage: Stage | None
    name: tuple[Piece, ...]
    risk_tier: str
    task: str
    framework: str
    owner: str
    data_sets: list[str]
    summary: str
    excerpts: list[Excerpt]
    # Sections that hold the words as well.
    also_in: list[Place]
    metrics: list[Measured]

    @property
    def project(self) -> str:
        return self.version.model.project.slug


def results(versions: Sequence[int], asked: Question, hidden: Hidden) -> list[Result]:
    """The versions in their order, without those that are gone meanwhile."""
    cards = finding.cards_of(versions)
    facts = finding.facts_of(versions, hidden)
    holding = finding.sections_holding(versions, asked, hidden)
    metrics = finding.metrics_of(versions, asked, hidden)
    found = []
    for pk in versions:
        card = cards.get(pk)
        if card is None:
            continue
        version, content = card.version, card.revision.content
        unread = hidden.of_project(version.model.project_id)
        keys = [key for key in holding[pk] if key != index.NAME and key not in unread]
        shown = excerpts(content, keys, asked.wanted)
        told = {excerpt.place.section for excerpt in shown}
        said = {kind: values[0] for kind, values in facts[pk].items()}
        summary = "" if "overview" in unread else documents.value_at(content, SUMMARY) or ""
        found.append(
            Result(
                version=version,
                revision=card.revision.number,
                stage=current_stage(version),
                name=marked(version.model.name, asked.wanted),
                risk_tier=said.get("risk_tier", ""),
                task=said.get("task", ""),
                framework=said.get("framework", ""),
                owner=said.get("owner", ""),
                data_sets=facts[pk].get("data_set", []),
                summary=summary,
                excerpts=shown,
                also_in=[Place(key) for key in keys if key not in told],
                metrics=metrics[pk],
            )
        )
    return found
