"""The gate that cards hold for stages."""

from collections.abc import Collection

from django.urls import reverse

from apps.accounts.models import User
from apps.cards import completeness, queries, sections
from apps.cards.schema import Needed
from apps.registry.models import ModelVersion
from apps.stages.gates import Detail, Gate, GateResult, register
from apps.stages.models import Stage

# What a field is called for those who may not read its section.
RESTRICTED = "a field in a restricted section"


class CardIsComplete(Gate):
    """Every field that the stage wants says something, and nobody has to confirm it any more."""

    name = "card-is-complete"

    def check(self, version: ModelVersion, stage: Stage) -> GateResult:
        return self._checked(version, stage, Needed.REVIEW)

    def check_entry(self, version: ModelVersion, stage: Stage) -> GateResult:
        return self._checked(version, stage, Needed.APPROVAL)

    def told_to(
        self, reader: User | None, version: ModelVersion, stage: Stage, *, at_entry: bool
    ) -> GateResult:
        until = Needed.APPROVAL if at_entry else Needed.REVIEW
        hidden = sections.hidden_sections(reader, version) if reader else ()
        return self._checked(version, stage, until, hidden)

    def _checked(
        self, version: ModelVersion, stage: Stage, until: Needed, hidden: Collection[str] = ()
    ) -> GateResult:
        card = queries.current_card(version)
        fields = completeness.asked_by(stage, card, until=until)
        if not fields:
            return GateResult(self.name, True, f"{stage} asks for no field of the card.")
        lacking = completeness.missing(card, fields)
        if not lacking:
            return GateResult(self.name, True, f"All {len(fields)} fields of the card are filled.")
        named = [
            RESTRICTED if item.field.section in hidden else item.field.title for item in lacking
        ]
        names = ", ".join(named[:5])
        more = f" and {len(lacking) - 5} more" if len(lacking) > 5 else ""
        return GateResult(
            self.name,
            False,
            f"The card of {version} lacks {names}{more}: {stage} asks for "
            f"{'it' if len(lacking) == 1 else 'them'}. Fill the card in.",
            details=tuple(
                Detail(f"{RESTRICTED.capitalize()}: ask one of those who read it.", _page(version))
                if item.field.section in hidden
                else Detail(f"{item.field.title}: {item.reason}", _place(version, item))
                for item in lacking
            ),
        )


def _page(version: ModelVersion) -> str:
    return reverse("web:card", args=[version.model.name, version.number])


def _place(version: ModelVersion, item: completeness.Missing) -> str:
    """Where the field can be written, or stands."""
    where = [version.model.name, version.number]
    if not item.field.is_typed:
        return reverse("cards:revisions", args=where)
    return f"{reverse('cards:section', args=[*where, item.field.section])}#id_{item.field.key}"


register(CardIsComplete())
