from rest_framework import serializers

from apps.api.v1.serializers.fields import Attribute


class Person(serializers.Serializer):
    username = serializers.CharField()
    name = serializers.CharField(source="__str__")


class Me(serializers.Serializer):
    id = serializers.IntegerField()
    username = serializers.CharField()
    name = serializers.CharField(source="__str__")
    email = serializers.EmailField()
    is_administrator = serializers.BooleanField(source="is_superuser")
    groups = serializers.ListField(source="groups.all", child=Attribute("name"))


class PeopleQuery(serializers.Serializer):
    search = serializers.CharField(min_length=2, max_length=100)


class Token(serializers.Serializer):
    id = serializers.IntegerField()
    name = serializers.CharField()
    prefix = serializers.CharField()
    default_project = serializers.CharField(
        help_text="Where a model goes that is made with it; empty where it names none."
    )
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(allow_null=True)
    last_used_at = serializers.DateTimeField(allow_null=True)


class TokenWithSecret(Token):
    secret = serializers.CharField(read_only=True, help_text="Shown this once.")


class NewSecret(serializers.Serializer):
    name = serializers.CharField(max_length=100)
    expires_at = serializers.DateTimeField(required=False, allow_null=True)


class NewToken(NewSecret):
    default_project = serializers.CharField(
        required=False, allow_blank=True, default="", max_length=50
    )


class Notification(serializers.Serializer):
    id = serializers.IntegerField()
    kind = serializers.CharField()
    subject = serializers.CharField()
    text = serializers.CharField()
    path = serializers.CharField()
    created_at = serializers.DateTimeField()
    read_at = serializers.DateTimeField(allow_null=True)


class NotificationsQuery(serializers.Serializer):
    unread = serializers.BooleanField(required=False, default=False)


class Count(serializers.Serializer):
    changed = serializers.IntegerField()
