"""Endpoints, what serves behind them, and who may call."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone

from apps.builds.models import Build, ModelImage
from apps.core.digests import digest_of
from apps.core.history import history
from apps.deployments.states import DeploymentState
from apps.projects.models import SLUG, Project
from apps.registry.models import ModelVersion, RegisteredModel
from apps.runs.models import Run
from apps.stages.models import Environment, StageMove


class Endpoint(models.Model):
    """A stable URL in an environment: `/endpoints/<project>/<slug>/invocations`."""

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="endpoints")
    environment = models.ForeignKey(Environment, on_delete=models.PROTECT, related_name="endpoints")
    model = models.ForeignKey(RegisteredModel, on_delete=models.PROTECT, related_name="endpoints")
    slug = models.CharField(max_length=80, validators=[SLUG])
    created_at = models.DateTimeField(default=timezone.now)

    history = history()

    class Meta:
        ordering: ClassVar = ["slug"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["project", "slug"], name="one_endpoint_per_project_and_slug"
            ),
            models.UniqueConstraint(
                fields=["model", "environment"], name="one_endpoint_per_model_and_environment"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.project.slug}/{self.slug}"

    @property
    def path(self) -> str:
        return f"/endpoints/{self.project.slug}/{self.slug}/invocations"


class Deployment(models.Model):
    """One version behind an endpoint: its image, size, and share of the traffic in percent."""

    endpoint = models.ForeignKey(Endpoint, on_delete=models.PROTECT, related_name="deployments")
    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="deployments")
    # The move that let the version in: what was approved.
    move = models.ForeignKey(StageMove, on_delete=models.PROTECT, related_name="deployments")
    state = models.CharField(
        max_length=12, choices=DeploymentState.choices, default=DeploymentState.BUILDING
    )
    build = models.ForeignKey(Build, on_delete=models.PROTECT, null=True, related_name="+")
    image = models.ForeignKey(
        ModelImage, on_delete=models.PROTECT, null=True, related_name="deployments"
    )
    traffic = models.PositiveIntegerField(default=0)
    replicas = models.PositiveIntegerField(default=1)
    cpu = models.DecimalField(max_digits=5, decimal_places=2, default=1)
    memory_mb = models.PositiveIntegerField(default=1024)
    created_at = models.DateTimeField(default=timezone.now)
    serving_since = models.DateTimeField(null=True)
    retired_at = models.DateTimeField(null=True)

    history = history()

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["endpoint", "version"], name="one_deployment_per_endpoint_and_version"
            ),
            models.CheckConstraint(
                condition=models.Q(traffic__gte=0, traffic__lte=100),
                name="traffic_is_a_percentage",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.version} on {self.endpoint}"

    @property
    def service_name(self) -> str:
        """Name of the containers or processes on the target, which several mlgovs may share."""
        return f"mlgov-d{self.pk}-{digest_of([self.pk, self.created_at.isoformat()])[-6:]}"


class ReplicaState(models.TextChoices):
    STARTING = "starting", "Starting"
    HEALTHY = "healthy", "Healthy"
    UNHEALTHY = "unhealthy", "Unhealthy"
    EXITED = "exited", "Exited"
    MISSING = "missing", "Missing"


class Replica(models.Model):
    """A copy of a deployment as it was last seen on the target."""

    deployment = models.ForeignKey(Deployment, on_delete=models.CASCADE, related_name="copies")
    index = models.PositiveIntegerField()
    target_id = models.CharField(max_length=100, blank=True)
    address = models.CharField(max_length=300, blank=True)
    state = models.CharField(max_length=12, choices=ReplicaState.choices)
    detail = models.TextField(blank=True)
    restarts = models.PositiveIntegerField(default=0)
    seen_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering: ClassVar = ["index"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["deployment", "index"], name="one_replica_per_deployment_and_index"
            )
        ]

    def __str__(self) -> str:
        return f"{self.deployment.service_name}-{self.index}"


class RolloutKind(models.TextChoices):
    ROLLOUT = "rollout", "Rollout"
    ROLLBACK = "rollback", "Rollback"


class Rollout(models.Model):
    """One attempt to make a deployment serve, and to give it the traffic."""

    deployment = models.ForeignKey(Deployment, on_delete=models.PROTECT, related_name="rollouts")
    run = models.OneToOneField(Run, on_delete=models.PROTECT, related_name="rollout")
    kind = models.CharField(max_length=10, choices=RolloutKind.choices, default=RolloutKind.ROLLOUT)
    reason = models.TextField(blank=True)
    # When it was decided. Of two decisions the later one has the traffic, whichever is done first.
    asked_at = models.DateTimeField(default=timezone.now)
    # How often in a row mlgov has tried by itself because the worker was lost.
    attempt = models.PositiveIntegerField(default=1)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["deployment"],
                condition=models.Q(finished_at=None),
                name="one_unfinished_rollout_per_deployment",
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} of {self.deployment}"


class ApiKey(models.Model):
    """Lets a consumer call an endpoint. Only a digest of the secret is kept."""

    endpoint = models.ForeignKey(Endpoint, on_delete=models.PROTECT, related_name="api_keys")
    name = models.CharField(max_length=100)
    prefix = models.CharField(max_length=12, unique=True)
    digest = models.CharField(max_length=64)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["endpoint", "name"],
                condition=models.Q(revoked_at=None),
                name="one_living_key_per_endpoint_and_name",
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    @property
    def is_usable(self) -> bool:
        now = timezone.now()
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > now)
