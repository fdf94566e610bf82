from rest_framework import serializers

from apps.api.v1.serializers.fields import Attribute


class AccessItem(serializers.Serializer):
    kind = serializers.CharField(help_text="role, grant, group, administrator or rule")
    what = serializers.CharField()
    since = serializers.CharField(allow_null=True)
    until = serializers.CharField(allow_null=True)
    given_by = serializers.CharField()


class AccessRow(serializers.Serializer):
    """A person, or a group that was granted something."""

    key = serializers.CharField(help_text="What a decision is sent under.")
    kind = serializers.CharField(help_text="person or group")
    name = serializers.CharField()
    access = AccessItem(many=True, source="items")
    last_activity = serializers.DateTimeField(allow_null=True)
    is_removable = serializers.BooleanField(
        help_text="Whether the project gives something, so that a decision is asked for."
    )


class AccessTable(serializers.Serializer):
    digest = serializers.CharField(help_text="What a review is bound to: send it back to sign.")
    due_at = serializers.DateTimeField(allow_null=True)
    rows = AccessRow(many=True)


class NewAccessReview(serializers.Serializer):
    digest = serializers.CharField(max_length=100, help_text="Of the table, as it was read.")
    decisions = serializers.DictField(
        child=serializers.ChoiceField(choices=["keep", "remove"]),
        help_text="For the key of each row in which the project decides.",
    )
    remark = serializers.CharField(max_length=2000, required=False, allow_blank=True, default="")


class AccessReview(serializers.Serializer):
    id = serializers.IntegerField()
    signed_by = Attribute("username")
    signed_at = serializers.DateTimeField()
    remark = serializers.CharField()
    digest = serializers.CharField()


class WholeAccessReview(AccessReview):
    document = serializers.JSONField(help_text="What was signed. The digest is over this.")
