"""What stages ask of cards, and whose their sections are. It holds from the next request on."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from apps.audit.admin import RecordedAdmin
from apps.cards.models import CardRequirement, SectionRule
from apps.cards.section_forms import SectionRuleAdminForm
from apps.cards.sections import told_people
from apps.core.context import forget


@admin.register(CardRequirement)
class CardRequirementAdmin(RecordedAdmin):
    noun = "card_requirement"
    fields = ("stage", "project", "risk_tier", "pointer", "is_needed")
    list_display = ("__str__", "stage", "project", "risk_tier", "is_needed")
    list_filter = ("stage", "risk_tier", ("project", admin.EmptyFieldListFilter))
    list_select_related = ("stage", "project")


@admin.register(SectionRule)
class SectionRuleAdmin(RecordedAdmin):
    noun = "section_rule"
    form = SectionRuleAdminForm
    list_display = ("section", "right", "project", "people")
    list_display_links = ("section",)
    list_filter = ("right", "section", ("project", admin.EmptyFieldListFilter))
    list_select_related = ("project",)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        forget()

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        super().delete_model(request, obj)
        forget()

    @admin.display(description="who")
    def people(self, rule: SectionRule) -> str:
        return told_people(rule)
