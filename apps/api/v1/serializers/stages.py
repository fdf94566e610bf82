from rest_framework import serializers

from apps.api.v1.serializers.fields import Attribute
from apps.stages.models import Colour, MlflowStage


class RoleAsked(serializers.Serializer):
    slug = serializers.CharField()
    name = serializers.CharField()


class Policy(serializers.Serializer):
    approvals_required = serializers.IntegerField()
    roles = RoleAsked(many=True)
    source = serializers.DictField(  # type: ignore[assignment]
        child=serializers.CharField(), help_text="Whether each value is global or the project's."
    )
    needs_review = serializers.BooleanField()


class Stage(serializers.Serializer):
    slug = serializers.CharField()
    name = serializers.CharField()
    order = serializers.IntegerField()
    colour = serializers.ChoiceField(Colour.choices)
    description = serializers.CharField()
    environment = Attribute("slug", allow_null=True)
    mlflow_stage = serializers.ChoiceField(MlflowStage.choices)
    alias = serializers.CharField(help_text="Points at the version that stands there.")
    single_occupancy = serializers.BooleanField()


class StageOfProject(Stage):
    is_global = serializers.BooleanField()
    is_overridden = serializers.BooleanField()
    policy = Policy()


class Override(serializers.Serializer):
    approvals_required = serializers.IntegerField(
        required=False, allow_null=True, default=None, min_value=0, max_value=100
    )
    extra_roles = serializers.ListField(
        child=serializers.CharField(max_length=50), required=False, max_length=50
    )


class Move(serializers.Serializer):
    stage = serializers.CharField(max_length=50)
    reason = serializers.CharField(required=False, allow_blank=True, default="", max_length=5000)


class Environment(serializers.Serializer):
    slug = serializers.CharField()
    name = serializers.CharField()
    description = serializers.CharField()
    target = serializers.CharField()
    builder = serializers.CharField()
    registry = serializers.CharField()
    replicas = serializers.IntegerField()
    cpu = serializers.DecimalField(max_digits=5, decimal_places=2)
    memory_mb = serializers.IntegerField()
    stages = serializers.ListField(source="stages.all", child=Attribute("slug"))
