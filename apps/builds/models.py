"""Images: what was made from a version, and each attempt to make it."""

from typing import ClassVar

from django.db import models
from django.utils import timezone

from apps.registry.models import ModelVersion
from apps.runs.models import Run
from apps.stages.models import Environment


class EnvironmentImage(models.Model):
    """Python and its packages, without a model. Versions with equal requirements share it."""

    builder = models.CharField(max_length=30)
    registry = models.CharField(max_length=200, blank=True)
    key = models.CharField(max_length=71)
    reference = models.CharField(max_length=500)
    lock = models.TextField()
    python_version = models.CharField(max_length=20)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["builder", "registry", "key"], name="one_environment_image_per_key"
            )
        ]

    def __str__(self) -> str:
        return self.reference


class ModelImage(models.Model):
    """What a target starts: the artifacts of one version on top of an environment image."""

    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="images")
    environment_image = models.ForeignKey(
        EnvironmentImage, on_delete=models.PROTECT, related_name="images"
    )
    builder = models.CharField(max_length=30)
    registry = models.CharField(max_length=200, blank=True)
    reference = models.CharField(max_length=500)
    digest = models.CharField(max_length=71)
    artifact_digest = models.CharField(max_length=71)
    size = models.BigIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["version", "builder", "registry", "digest"],
                name="one_image_per_version_and_digest",
            )
        ]

    def __str__(self) -> str:
        return self.reference


class Build(models.Model):
    """One attempt to make an image of a version for an environment."""

    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="builds")
    environment = models.ForeignKey(Environment, on_delete=models.PROTECT, related_name="builds")
    run = models.OneToOneField(Run, on_delete=models.PROTECT, related_name="build")
    # What was approved, and so what has to be packed.
    artifact_digest = models.CharField(max_length=71)
    review_id = models.BigIntegerField(null=True)
    # How often in a row mlgov has tried by itself because the worker was lost.
    attempt = models.PositiveIntegerField(default=1)
    image = models.ForeignKey(
        ModelImage, on_delete=models.PROTECT, null=True, related_name="builds"
    )

    class Meta:
        ordering: ClassVar = ["-id"]

    def __str__(self) -> str:
        return f"build of {self.version} for {self.environment}"
