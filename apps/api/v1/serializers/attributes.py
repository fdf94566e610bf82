from typing import Any

from rest_framework import serializers

from apps.accounts.attributes import LONGEST_TEXT
from apps.accounts.models import About, AttributeKind, SetBy

MOST_VALUES = 500


def _values(**options: Any) -> serializers.ListField:
    return serializers.ListField(
        child=serializers.CharField(max_length=LONGEST_TEXT),
        max_length=MOST_VALUES,
        help_text="In order, the lowest first. Empty: any.",
        **options,
    )


class Attribute(serializers.Serializer):
    about = serializers.ChoiceField(choices=About.choices)
    name = serializers.CharField()
    description = serializers.CharField()
    kind = serializers.ChoiceField(choices=AttributeKind.choices)
    values = _values()
    set_by = serializers.ChoiceField(choices=SetBy.choices)


class AttributesQuery(serializers.Serializer):
    about = serializers.ChoiceField(choices=About.choices, required=False)


class NewAttribute(serializers.Serializer):
    about = serializers.ChoiceField(choices=About.choices)
    name = serializers.CharField(max_length=40)
    description = serializers.CharField(
        max_length=200, required=False, allow_blank=True, default=""
    )
    kind = serializers.ChoiceField(choices=AttributeKind.choices)
    values = _values(default=list)
    set_by = serializers.ChoiceField(choices=SetBy.choices, default=SetBy.ADMINISTRATORS)


class AttributeChanges(serializers.Serializer):
    description = serializers.CharField(max_length=200, required=False, allow_blank=True)
    kind = serializers.ChoiceField(choices=AttributeKind.choices, required=False)
    values = _values(required=False)
    set_by = serializers.ChoiceField(choices=SetBy.choices, required=False)
