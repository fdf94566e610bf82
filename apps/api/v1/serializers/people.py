from typing import Any

from rest_framework import serializers

from apps.accounts.models import AccessToken
from apps.api.v1.serializers.fields import Attribute as AttributeOf
from apps.projects.tokens import PRESETS, scope_of, slugs_of


class Person(serializers.Serializer):
    username = serializers.CharField()
    name = serializers.CharField(source="__str__")


class Account(Person):
    """The rest is told to those who manage people."""

    email = serializers.EmailField(required=False)
    is_active = serializers.BooleanField(required=False)
    is_service_account = serializers.BooleanField(required=False)
    owner = AttributeOf("username", required=False, allow_null=True)
    groups = serializers.ListField(source="groups.all", child=AttributeOf("name"), required=False)
    attributes = serializers.JSONField(required=False)


class Changes(serializers.Serializer):
    name = serializers.CharField(max_length=150, required=False, allow_blank=True)
    email = serializers.EmailField(required=False)
    is_active = serializers.BooleanField(
        required=False, help_text="Who is disabled loses sessions and tokens at once, for good."
    )
    groups = serializers.ListField(
        child=serializers.CharField(max_length=150), required=False, max_length=200
    )
    attributes = serializers.DictField(required=False)


class NewPerson(serializers.Serializer):
    username = serializers.CharField(max_length=150)
    name = serializers.CharField(max_length=150, required=False, allow_blank=True, default="")
    email = serializers.EmailField()
    groups = serializers.ListField(
        child=serializers.CharField(max_length=150), default=list, max_length=200
    )
    attributes = serializers.DictField(default=dict)


class NewServiceAccount(serializers.Serializer):
    username = serializers.CharField(max_length=150)
    name = serializers.CharField(max_length=150, required=False, allow_blank=True, default="")
    owner = serializers.CharField(
        max_length=150, required=False, help_text="User name of who makes its tokens; else you."
    )
    groups = serializers.ListField(
        child=serializers.CharField(max_length=150), default=list, max_length=200
    )


class ServiceAccountChanges(serializers.Serializer):
    name = serializers.CharField(max_length=150, required=False, allow_blank=True)
    is_active = serializers.BooleanField(required=False)


class Me(serializers.Serializer):
    id = serializers.IntegerField()
    username = serializers.CharField()
    name = serializers.CharField(source="__str__")
    email = serializers.EmailField()
    is_administrator = serializers.BooleanField(source="is_superuser")
    groups = serializers.ListField(source="groups.all", child=AttributeOf("name"))


class PeopleQuery(serializers.Serializer):
    search = serializers.CharField(
        min_length=2,
        max_length=100,
        required=False,
        help_text="Left out, everybody: for those who manage people.",
    )
    username = serializers.CharField(max_length=150, required=False, help_text="Exactly this.")
    email = serializers.CharField(
        max_length=254, required=False, help_text="Exactly this; for those who manage people."
    )


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
    scope = serializers.SerializerMethodField(
        help_text="everything, write, read, or actions where it has a list of its own."
    )
    actions = serializers.ListField(
        child=serializers.CharField(), allow_null=True, help_text="null: all."
    )
    projects = serializers.SerializerMethodField(help_text="Short names; null: all.")

    def get_scope(self, token: AccessToken) -> str:
        return scope_of(token)

    def get_projects(self, token: AccessToken) -> list[str] | None:
        return None if token.projects is None else sorted(slugs_of([token]).values())


class TokenWithSecret(Token):
    secret = serializers.CharField(read_only=True, help_text="Shown this once.")


class NewSecret(serializers.Serializer):
    name = serializers.CharField(max_length=100)
    expires_at = serializers.DateTimeField(required=False, allow_null=True)


class NewToken(NewSecret):
    scope = serializers.ChoiceField(
        choices=["everything", "write", "read"], required=False, help_text="Or `actions`."
    )
    actions = serializers.ListField(
        child=serializers.CharField(max_length=40),
        required=False,
        allow_null=True,
        max_length=50,
        help_text="The only actions that the token is for.",
    )
    projects = serializers.ListField(
        child=serializers.CharField(max_length=50),
        required=False,
        allow_null=True,
        max_length=200,
        help_text="Short names of the only projects that exist for the token.",
    )
    default_project = serializers.CharField(
        required=False, allow_blank=True, default="", max_length=50
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        scope = attrs.pop("scope", None)
        if scope is not None:
            if attrs.get("actions") is not None:
                raise serializers.ValidationError({"scope": "Give a scope or actions, not both."})
            attrs["actions"] = PRESETS[scope]
        return attrs


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
