from typing import Any

from rest_framework import serializers

from apps.access import rulebook, who
from apps.access.asking import name_of
from apps.access.models import Effect, Rule
from apps.access.vocabulary import WANTED
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


class WhoQuery(serializers.Serializer):
    action = serializers.CharField(max_length=40)
    object = serializers.CharField(
        max_length=400,
        help_text="Kind and name or number: `project:credit`, `model:scoring`, "
        "`version:scoring/3`, `endpoint:credit/scoring-staging`, `deployment:7`.",
    )
    stage = serializers.CharField(max_length=50, required=False, default="")
    alias = serializers.CharField(max_length=255, required=False, default="")
    tag = serializers.CharField(max_length=255, required=False, default="")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        attrs["wanted"] = {kind: attrs.pop(kind) for kind in WANTED if attrs[kind]}
        return attrs


class WhatQuery(serializers.Serializer):
    person = serializers.CharField(
        max_length=150, required=False, allow_blank=True, default="", help_text="Left out: you."
    )


class WhyQuery(WhatQuery, WhoQuery):
    pass


class Permitted(serializers.Serializer):
    person = AttributeOf("username")
    because = serializers.SerializerMethodField(help_text="The roles, grants and rules.")

    def get_because(self, permitted: who.Permitted) -> list[str]:
        return [reason.sentence for reason in permitted.reasons]


class Allowance(serializers.Serializer):
    kind = serializers.CharField(source="noun")
    action = serializers.CharField()
    count = serializers.IntegerField(help_text="On how many objects.")
    examples = serializers.SerializerMethodField(help_text="Names of some of them.")

    def get_examples(self, allowance: who.Allowance) -> list[str]:
        return [name_of(obj) for obj in allowance.examples]


class Reason(serializers.Serializer):
    kind = serializers.CharField(help_text="account, token, administrator, role, grant or rule")
    allows = serializers.BooleanField()
    sentence = serializers.CharField()
    id = serializers.IntegerField(
        source="pk", allow_null=True, help_text="Of the rule or grant, else null."
    )
    conditions = serializers.ListField(
        child=serializers.CharField(),
        help_text="Of the rule, with what stands on both sides now; for who reads rules.",
    )


class Why(serializers.Serializer):
    person = AttributeOf("username")
    action = serializers.CharField()
    object = serializers.CharField(source="name")
    allowed = serializers.BooleanField(source="explanation.allowed")
    sentence = serializers.CharField(source="explanation.sentence")
    reasons = Reason(source="explanation.reasons", many=True)
    remedies = serializers.ListField(
        source="explanation.remedies",
        child=serializers.CharField(),
        help_text="What would change it.",
    )


class ObjectQuery(serializers.Serializer):
    object = serializers.CharField(
        max_length=400, help_text="Kind and name or number: `model:scoring`, `environment:staging`."
    )


class Holder(serializers.Serializer):
    """A person or a group, not both."""

    person = serializers.CharField(max_length=150, required=False, help_text="User name.")
    group = serializers.CharField(max_length=150, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("person" in attrs) == ("group" in attrs):
            raise serializers.ValidationError({"person": "Name a person or a group."})
        return attrs


class NewGrant(Holder, ObjectQuery):
    actions = serializers.ListField(child=serializers.CharField(max_length=40), max_length=50)
    expires_at = serializers.DateTimeField(
        required=False, allow_null=True, default=None, help_text="Left out, for good."
    )
    reason = serializers.CharField(max_length=300, required=False, allow_blank=True, default="")


class TakenGrant(Holder, ObjectQuery):
    actions = serializers.ListField(
        child=serializers.CharField(max_length=40),
        max_length=50,
        help_text="With `view`, nothing is left.",
    )


class Held(serializers.Serializer):
    kind = serializers.CharField(help_text="person or group")
    name = serializers.CharField(help_text="Of the person or group.")
    actions = serializers.ListField(child=serializers.CharField())
    expires_at = serializers.DateTimeField(allow_null=True)
    is_in_force = serializers.BooleanField()
    given_by = AttributeOf("username")
    given_at = serializers.DateTimeField()
    reason = serializers.CharField()


class Taken(serializers.Serializer):
    taken = serializers.IntegerField(help_text="How many actions there were to take back.")
