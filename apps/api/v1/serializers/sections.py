from rest_framework import serializers

from apps.cards import models
from apps.projects.roles import Role


def _names(length: int) -> serializers.ListField:
    return serializers.ListField(
        child=serializers.CharField(max_length=length), required=False, max_length=50
    )


class SectionRule(serializers.Serializer):
    id = serializers.IntegerField()
    section = serializers.CharField(help_text="Key of a section of cards.")
    right = serializers.ChoiceField(models.SectionRight.choices)
    roles = serializers.ListField(child=serializers.ChoiceField(Role.choices))
    capacities = serializers.ListField(
        child=serializers.CharField(), help_text="Short names of reviewer roles."
    )
    groups = serializers.ListField(child=serializers.CharField())
    conditions = serializers.ListField(child=serializers.CharField())
    is_global = serializers.SerializerMethodField()

    def get_is_global(self, rule: models.SectionRule) -> bool:
        return rule.project_id is None


class NewSectionRule(serializers.Serializer):
    section = serializers.CharField(max_length=40)
    right = serializers.ChoiceField(models.SectionRight.choices)
    roles = _names(20)
    capacities = _names(50)
    groups = _names(150)
    conditions = _names(500)
