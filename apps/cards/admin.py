"""What stages ask of cards, which holds from the next request on."""

from django.contrib import admin

from apps.audit.admin import RecordedAdmin
from apps.cards.models import CardRequirement


@admin.register(CardRequirement)
class CardRequirementAdmin(RecordedAdmin):
    noun = "card_requirement"
    fields = ("stage", "project", "risk_tier", "pointer", "is_needed")
    list_display = ("__str__", "stage", "project", "risk_tier", "is_needed")
    list_filter = ("stage", "risk_tier", ("project", admin.EmptyFieldListFilter))
    list_select_related = ("stage", "project")
