from typing import Any

from rest_framework import serializers

from apps.access import rulebook
from apps.access.models import Effect, Rule
from apps.api.v1.serializers.fields import Attribute as AttributeOf


class RuleContent(serializers.Serializer):
    """What people write. The service says what is wrong with it, and where."""

    name = serializers.CharField(max_length=120)
    description = serializers.CharField(
        max_length=2000, required=False, allow_blank=True, default=""
    )
    effect = serializers.ChoiceField(choices=Effect.choices)
    actions = serializers.ListField(child=serializers.CharField(max_length=40), max_length=50)
    conditions = serializers.ListField(
        child=serializers.CharField(max_length=500),
        max_length=50,
        required=False,
        default=list,
        help_text="One comparison each, such as `user.department is project.department` or "
        '`wanted.stage is "production"`. All of them have to be fulfilled.',
    )
    is_active = serializers.BooleanField(required=False, default=True)
    valid_from = serializers.DateTimeField(required=False, allow_null=True, default=None)
    valid_until = serializers.DateTimeField(required=False, allow_null=True, default=None)


class RuleChanges(RuleContent):
    """Only what is given is changed."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{**kwargs, "partial": True})


class Trial(RuleContent):
    """A rule that is not saved. The name need not be free."""

    name = serializers.CharField(max_length=120, required=False, default="Tried")
    replaces = serializers.IntegerField(
        required=False,
        allow_null=True,
        default=None,
        min_value=1,
        max_value=2**63 - 1,
        help_text="Number of the rule that would be changed into this one.",
    )


class Change(serializers.Serializer):
    person = AttributeOf("username")
    action = serializers.CharField()
    noun = serializers.CharField(help_text="The kind of objects.")
    gains = serializers.IntegerField(help_text="On how many more objects the person may do it.")
    loses = serializers.IntegerField()
    examples = serializers.ListField(child=serializers.CharField())


class Comparison(serializers.Serializer):
    people = serializers.IntegerField()
    examined = serializers.IntegerField(
        help_text="Fewer than people where the time did not suffice for all of them."
    )
    wanted = serializers.DictField(
        child=serializers.CharField(), help_text="What was asked for beside the actions."
    )
    changes = Change(many=True)


class AccessRule(RuleContent):
    id = serializers.IntegerField(read_only=True)
    author = AttributeOf("username")
    created_at = serializers.DateTimeField(read_only=True)
    updated_at = serializers.DateTimeField(read_only=True)
    is_in_force = serializers.BooleanField(read_only=True, help_text="Active, and within its time.")
    fault = serializers.SerializerMethodField(
        help_text="Why it cannot be read any more; then it allows nothing, and denies its actions "
        "to everybody. Empty: it can."
    )

    def get_fault(self, rule: Rule) -> str:
        declared = self.context.get("declared")
        if declared is None:
            declared = rulebook.declarations()
        return rulebook.read_rule(rule, declared).fault
