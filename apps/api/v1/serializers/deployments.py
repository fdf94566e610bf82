from rest_framework import serializers

from apps.api.v1.serializers.fields import page_of
from apps.api.v1.serializers.people import Person
from apps.deployments.models import Deployment as DeploymentRow
from apps.deployments.models import ReplicaState, RolloutKind
from apps.deployments.states import DeploymentState
from apps.runs.models import StepState
from apps.runs.states import RunState


class Run(serializers.Serializer):
    id = serializers.IntegerField()
    kind = serializers.CharField()
    title = serializers.CharField()
    state = serializers.ChoiceField(RunState.choices)
    queue = serializers.CharField()
    created_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)
    cancel_requested = serializers.BooleanField()
    error_code = serializers.CharField()
    error_text = serializers.CharField()
    error_remedy = serializers.CharField()


class Step(serializers.Serializer):
    name = serializers.CharField()
    title = serializers.CharField()
    state = serializers.ChoiceField(StepState.choices)
    started_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)


class RunDetail(Run):
    requested_by = Person(allow_null=True)
    steps = Step(many=True)


class RunsQuery(serializers.Serializer):
    state = serializers.ChoiceField(RunState.choices, required=False)


class LogQuery(serializers.Serializer):
    after = serializers.IntegerField(
        required=False, default=0, min_value=0, max_value=2**63 - 1,
        help_text="The id of the last line that was read.",
    )  # fmt: skip


class LogLine(serializers.Serializer):
    id = serializers.IntegerField()
    at = serializers.DateTimeField()
    step = serializers.CharField(source="step.name", default=None, allow_null=True)
    stream = serializers.CharField()
    text = serializers.CharField()


class Log(serializers.Serializer):
    lines = LogLine(many=True)
    after = serializers.IntegerField(help_text="Ask again with this one.")
    is_complete = serializers.BooleanField(help_text="Nothing will follow any more.")


class Endpoint(serializers.Serializer):
    project = serializers.CharField(source="project.slug")
    slug = serializers.CharField()
    model = serializers.CharField(source="model.name")
    environment = serializers.CharField(source="environment.slug")
    path = serializers.CharField()
    created_at = serializers.DateTimeField()


class ApiKey(serializers.Serializer):
    id = serializers.IntegerField()
    name = serializers.CharField()
    prefix = serializers.CharField()
    created_by = Person()
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(allow_null=True)
    last_used_at = serializers.DateTimeField(allow_null=True)
    revoked_at = serializers.DateTimeField(allow_null=True)


class ApiKeyWithSecret(ApiKey):
    secret = serializers.CharField(read_only=True, help_text="Shown this once.")


class Deployment(serializers.Serializer):
    id = serializers.IntegerField()
    project = serializers.CharField(source="endpoint.project.slug")
    endpoint = serializers.CharField(source="endpoint.slug")
    environment = serializers.CharField(source="endpoint.environment.slug")
    model = serializers.CharField(source="version.model.name")
    version = serializers.IntegerField(source="version.number")
    state = serializers.ChoiceField(DeploymentState.choices)
    traffic = serializers.IntegerField()
    replicas = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    serving_since = serializers.DateTimeField(allow_null=True)
    retired_at = serializers.DateTimeField(allow_null=True)
    move = serializers.IntegerField(
        source="move_id", help_text="By which the version entered the stage that deploys it."
    )
    url = serializers.SerializerMethodField(help_text="Of its page; callers use the endpoint.")

    def get_url(self, deployment: DeploymentRow) -> str:
        return page_of("web:deployment", deployment.pk)


class Replica(serializers.Serializer):
    index = serializers.IntegerField()
    state = serializers.ChoiceField(ReplicaState.choices)
    detail = serializers.CharField()
    restarts = serializers.IntegerField()
    seen_at = serializers.DateTimeField()


class Rollout(serializers.Serializer):
    kind = serializers.ChoiceField(RolloutKind.choices)
    reason = serializers.CharField()
    run = Run()


class DeploymentDetail(Deployment):
    review = serializers.IntegerField(source="move.review_id", allow_null=True)
    image = serializers.CharField(source="image.reference", default=None, allow_null=True)
    build = Run(source="build.run", default=None, allow_null=True)
    rollouts = Rollout(many=True)
    copies = Replica(many=True)


class DeploymentsQuery(serializers.Serializer):
    state = serializers.ChoiceField(DeploymentState.choices, required=False)
    project = serializers.CharField(required=False, max_length=50)
    environment = serializers.CharField(required=False, max_length=30)
    model = serializers.CharField(required=False, max_length=256)
    version = serializers.IntegerField(required=False, min_value=1, max_value=2**31 - 1)


class ReasonWanted(serializers.Serializer):
    reason = serializers.CharField(max_length=5000)
