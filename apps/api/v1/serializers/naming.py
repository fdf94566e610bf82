from rest_framework import serializers

from apps.projects.roles import Role
from apps.registry.models import LabelKind, LabelRule


class NamePrefix(serializers.Serializer):
    id = serializers.IntegerField()
    prefix = serializers.CharField()
    created_at = serializers.DateTimeField()


class NewNamePrefix(serializers.Serializer):
    prefix = serializers.CharField(max_length=100, trim_whitespace=False)


class Rule(serializers.Serializer):
    id = serializers.IntegerField()
    kind = serializers.ChoiceField(LabelKind.choices)
    pattern = serializers.CharField()
    roles = serializers.ListField(
        child=serializers.ChoiceField(Role.choices), help_text="Empty: mlgov alone."
    )
    after_promotion = serializers.BooleanField()
    is_global = serializers.SerializerMethodField()

    def get_is_global(self, rule: LabelRule) -> bool:
        return rule.project_id is None


class NewRule(serializers.Serializer):
    kind = serializers.ChoiceField(LabelKind.choices)
    pattern = serializers.CharField(max_length=250)
    roles = serializers.ListField(
        child=serializers.ChoiceField(Role.choices), required=False, default=list, max_length=10
    )
    after_promotion = serializers.BooleanField(required=False, default=False)
