"""Rules for labels, which hold from the next request on."""

from typing import Any

from django import forms
from django.contrib import admin

from apps.audit.admin import RecordedAdmin
from apps.registry.models import LabelKind, LabelRule
from apps.registry.rules import PLURALS, who


class LabelRuleForm(forms.ModelForm):
    roles = forms.MultipleChoiceField(
        choices=[(role.value, role.label) for role in PLURALS],
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Who sets and deletes such labels. Nobody: mlgov alone.",
    )

    class Meta:
        model = LabelRule
        fields = ("project", "kind", "pattern", "roles", "after_promotion")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("after_promotion") and cleaned.get("kind") != LabelKind.VERSION_TAG:
            self.add_error("after_promotion", "Only tags of versions can wait for a promotion.")
        return cleaned


@admin.register(LabelRule)
class LabelRuleAdmin(RecordedAdmin):
    noun = "label_rule"
    form = LabelRuleForm
    list_display = ("pattern", "kind", "project", "set_by", "after_promotion")
    list_display_links = ("pattern",)
    list_filter = ("kind", ("project", admin.EmptyFieldListFilter))
    list_select_related = ("project",)
    search_fields = ("pattern",)

    @admin.display(description="set by")
    def set_by(self, rule: LabelRule) -> str:
        return who(rule)
