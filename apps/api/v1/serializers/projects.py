from rest_framework import serializers

from apps.api.v1.serializers.fields import Attribute
from apps.api.v1.serializers.people import Person
from apps.projects.models import Visibility
from apps.projects.roles import Role


class Project(serializers.Serializer):
    slug = serializers.CharField()
    name = serializers.CharField()
    description = serializers.CharField()
    visibility = serializers.ChoiceField(Visibility.choices)
    access_review_days = serializers.IntegerField(
        allow_null=True, help_text="Days between reviews of access; null: as everywhere."
    )
    attributes = serializers.DictField()
    created_at = serializers.DateTimeField()


class NewProject(serializers.Serializer):
    slug = serializers.CharField(max_length=50)
    name = serializers.CharField(max_length=100)
    description = serializers.CharField(required=False, allow_blank=True, default="")
    visibility = serializers.ChoiceField(
        Visibility.choices, required=False, default=Visibility.PRIVATE
    )


class ProjectDescription(serializers.Serializer):
    name = serializers.CharField(required=False, max_length=100)
    description = serializers.CharField(required=False, allow_blank=True)
    visibility = serializers.ChoiceField(Visibility.choices, required=False)
    access_review_days = serializers.IntegerField(
        required=False,
        allow_null=True,
        min_value=1,
        max_value=3650,
        help_text="No more than everywhere; null: as everywhere.",
    )


class NewProjectServiceAccount(serializers.Serializer):
    username = serializers.CharField(max_length=150)
    name = serializers.CharField(max_length=150, required=False, allow_blank=True, default="")
    role = serializers.ChoiceField(choices=Role.choices)


class ReviewerRole(serializers.Serializer):
    slug = serializers.CharField()
    name = serializers.CharField()
    description = serializers.CharField()


class Member(serializers.Serializer):
    person = Person(source="user")
    role = serializers.ChoiceField(Role.choices)
    reviewer_roles = serializers.ListField(source="reviewer_roles.all", child=Attribute("slug"))


class MemberRole(serializers.Serializer):
    role = serializers.ChoiceField(Role.choices)
    reviewer_roles = serializers.ListField(
        child=serializers.CharField(max_length=50), required=False, max_length=50
    )
