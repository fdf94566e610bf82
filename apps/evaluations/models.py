"""Data sets that models are measured on, and each measuring."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone

from apps.projects.models import Project
from apps.registry.models import ModelVersion
from apps.runs.models import Run
from apps.stages.models import Environment


class Format(models.TextChoices):
    CSV = "csv", "CSV"
    JSON = "json", "JSON records"


class Kind(models.TextChoices):
    """What is predicted."""

    BINARY = "binary", "One of two classes"
    MULTICLASS = "multiclass", "One of several classes"
    REGRESSION = "regression", "A number"


class EvaluationDataSet(models.Model):
    """Rows with their true values, uploaded to a project. Never changed; only withdrawn."""

    project = models.ForeignKey(
        Project, on_delete=models.PROTECT, related_name="evaluation_data_sets"
    )
    name = models.CharField(max_length=100)
    format = models.CharField(max_length=4, choices=Format.choices)
    sha256 = models.CharField(max_length=64)
    size = models.BigIntegerField()
    columns = models.JSONField(default=list)
    description = models.TextField(blank=True)
    uploaded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    uploaded_at = models.DateTimeField(default=timezone.now)
    withdrawn_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                "project",
                Lower("name"),
                condition=models.Q(withdrawn_at=None),
                name="one_evaluation_data_set_per_name",
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def digest(self) -> str:
        return f"sha256:{self.sha256}"


class Evaluation(models.Model):
    """One measuring of a version on a data set, and the report that came of it."""

    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="evaluations")
    data_set = models.ForeignKey(
        EvaluationDataSet, on_delete=models.PROTECT, related_name="evaluations"
    )
    # Whose image of the version is started, with its limits.
    environment = models.ForeignKey(Environment, on_delete=models.PROTECT, related_name="+")
    run = models.OneToOneField(Run, on_delete=models.PROTECT, related_name="evaluation")
    # How often in a row mlgov has tried by itself because the worker was lost.
    attempt = models.PositiveIntegerField(default=1)
    # What was measured: a version never gets other files, and the report says so of itself.
    artifact_digest = models.CharField(max_length=71)
    kind = models.CharField(max_length=10, choices=Kind.choices)
    target = models.CharField(max_length=200)
    positive = models.CharField(max_length=200, blank=True)
    prediction_column = models.CharField(max_length=200, blank=True)
    threshold = models.FloatField(default=0.5)
    cohorts = models.JSONField(default=list)
    sensitive = models.JSONField(default=list)
    seed = models.PositiveIntegerField(default=0)
    min_rows = models.PositiveIntegerField(default=30)
    report = models.JSONField(null=True)
    # Over the report in canonical JSON, for whoever refers to it.
    report_sha256 = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(report__isnull=True, report_sha256="")
                | (models.Q(report__isnull=False) & ~models.Q(report_sha256="")),
                name="a_report_of_an_evaluation_has_a_digest",
            )
        ]

    def __str__(self) -> str:
        return f"evaluation of {self.version} on {self.data_set}"

    @property
    def headline(self) -> list[dict[str, Any]]:
        """The first metrics of the report, none before there is one."""
        return (self.report or {}).get("metrics", [])[:4]
