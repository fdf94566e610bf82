"""Tells what is below that sections of cards are not for everybody."""

from typing import Any

from django.db.models import Q, QuerySet
from django.db.models.fields.json import KeyTextTransform

from apps.access import rulebook
from apps.access.conditions import read
from apps.accounts.declarations import register_relier
from apps.accounts.models import Attribute
from apps.audit.models import AuditEvent
from apps.cards.models import SectionRule
from apps.cards.sections import hidden_by_project
from apps.core.errors import Invalid
from apps.projects.queries import hide_events


def without_reasons(events: QuerySet[AuditEvent], user: Any) -> QuerySet[AuditEvent]:
    """The events without those whose reason could quote a section that is not for the person.

    They are left out as a whole: a search for words would find what is only not shown.
    """
    in_all, by_project = hidden_by_project(user)
    if not (in_all or by_project):
        return events
    about = Q(pk__in=[])
    for key in in_all:
        about |= Q(card_fields__contains=f'"/{key}/')
    for project, hidden in by_project.items():
        for key in hidden - in_all:
            about |= Q(card_fields__contains=f'"/{key}/', project_id=project)
    quoting = (
        AuditEvent.objects.filter(action="card.edit")
        .exclude(reason="")
        .annotate(card_fields=KeyTextTransform("fields", "data"))
        .filter(about)
        .order_by()
    )
    return events.exclude(pk__in=quoting.values("pk"))


def broken_by(attribute: Attribute, then: Attribute | None) -> str:
    """Which rule about a section would name nobody any more if the declaration became this."""
    present = rulebook.declarations()
    declared = dict(present)
    declared.pop((attribute.about, attribute.name), None)
    if then is not None:
        declared[then.about, then.name] = then
    for rule in SectionRule.objects.exclude(conditions=[]).select_related("project"):
        for line in rule.conditions:
            try:
                read(line, present)
            except Invalid:
                continue
            try:
                read(line, declared)
            except Invalid as refusal:
                return f"A rule about sections of cards ({rule}) relies on it: {refusal.message}"
    return ""


hide_events(without_reasons)
register_relier(broken_by)
