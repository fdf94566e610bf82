"""Data sets that models are measured on, and each measuring."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone

from apps.core.history import history
from apps.projects.models import Project
from apps.registry.models import ModelVersion
from apps.runs.models import Run
from apps.stages.models import Environment, Stage


class Format(models.TextChoices):
    CSV = "csv", "CSV"
    JSON = "json", "JSON records"
    PARQUET = "parquet", "Parquet"


class Kind(models.TextChoices):
    """What is predicted."""

    BINARY = "binary", "One of two classes"
    MULTICLASS = "multiclass", "One of several classes"
    REGRESSION = "regression", "A number"


class Occasion(models.TextChoices):
    """When a rule has a version evaluated."""

    VERSION = "version", "a version is registered"
    REVIEW = "review", "a review is requested"


class Settings(models.Model):
    """What is measured, and how: of one evaluation, or of those that a rule asks for."""

    kind = models.CharField(max_length=10, choices=Kind.choices)
    target = models.CharField(max_length=200)
    positive = models.CharField(max_length=200, blank=True)
    prediction_column = models.CharField(max_length=200, blank=True)
    threshold = models.FloatField(default=0.5)
    cohorts = models.JSONField(default=list, blank=True)
    sensitive = models.JSONField(default=list, blank=True)
    seed = models.PositiveIntegerField(default=0)
    min_rows = models.PositiveIntegerField(default=30)

    class Meta:
        abstract = True

    @property
    def settings(self) -> dict[str, Any]:
        return {field.name: getattr(self, field.name) for field in Settings._meta.fields}


class EvaluationDataSet(models.Model):
    """Rows with their true values, in a project. Never changed; only withdrawn."""

    project = models.ForeignKey(
        Project, on_delete=models.PROTECT, related_name="evaluation_data_sets"
    )
    name = models.CharField(max_length=100)
    format = models.CharField(max_length=8, choices=Format.choices)
    sha256 = models.CharField(max_length=64)
    size = models.BigIntegerField()
    columns = models.JSONField(default=list)
    description = models.TextField(blank=True)
    # Of one that a training run logged: the version that came of it, where the file was, and the
    # digest that MLflow gave it, which is not ours.
    logged_with = models.ForeignKey(
        ModelVersion, on_delete=models.PROTECT, null=True, related_name="+"
    )
    source = models.CharField(max_length=500, blank=True)
    logged_digest = models.CharField(max_length=100, blank=True)
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


class EvaluationRule(Settings):
    """That versions are evaluated without anybody asking, once for each content of the data set."""

    project = models.ForeignKey(
        Project,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="evaluation_rules",
        help_text="Empty: in all projects.",
    )
    name = models.CharField(max_length=100, help_text="What reports will say asked for them.")
    occasion = models.CharField("when", max_length=8, choices=Occasion.choices)
    stage = models.ForeignKey(
        Stage,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        help_text="Of reviews: only those for this stage. Empty: for any.",
    )
    model_patterns = models.JSONField(
        "models",
        default=list,
        blank=True,
        help_text="Names of models; * stands for any text, ? for one character. None: every model.",
    )
    data_set_name = models.CharField(
        "data set",
        max_length=100,
        help_text="The name of a data set of the project; the newest one of that name is taken.",
    )
    puts_on_card = models.BooleanField(
        "put the results on the card", default=False, help_text="As soon as there is a report."
    )
    # On whose right it stands. Nobody: it is mlgov's own work.
    acts_for = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now)

    history = history()

    class Meta:
        ordering: ClassVar = ["name", "id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                Lower("name"),
                condition=models.Q(project=None),
                name="one_global_evaluation_rule_per_name",
            ),
            models.UniqueConstraint(
                "project", Lower("name"), name="one_evaluation_rule_per_project_and_name"
            ),
            models.CheckConstraint(
                condition=models.Q(stage=None) | models.Q(occasion=Occasion.REVIEW.value),
                name="only_reviews_are_for_a_stage",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def when(self) -> str:
        """When it has a version evaluated, to follow “when”."""
        if self.stage is not None:
            return f"{self.get_occasion_display()} for {self.stage}"
        return self.get_occasion_display()


class Evaluation(Settings):
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
    # Who asked, where nobody did: a rule, whose name stays when it is deleted.
    rule = models.ForeignKey(
        "EvaluationRule", on_delete=models.SET_NULL, null=True, related_name="evaluations"
    )
    rule_name = models.CharField(max_length=100, blank=True)
    puts_on_card = models.BooleanField(default=False)
    # Why the results were not put on the card, where the rule wanted it.
    card_refusal = models.TextField(blank=True)
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
    def lost_its_rule(self) -> bool:
        return bool(self.rule_name) and self.rule_id is None

    @property
    def headline(self) -> list[dict[str, Any]]:
        """The first metrics of the report, none before there is one."""
        return (self.report or {}).get("metrics", [])[:4]


class Intake(models.Model):
    """One attempt to take in a data set that the run of a version logged."""

    version = models.ForeignKey(
        ModelVersion, on_delete=models.CASCADE, related_name="data_set_intakes"
    )
    run = models.OneToOneField(Run, on_delete=models.PROTECT, related_name="data_set_intake")
    # Which of those that the run logged: see `logged`.
    key = models.CharField(max_length=64)
    attempt = models.PositiveIntegerField(default=1)
    data_set = models.ForeignKey(
        EvaluationDataSet, on_delete=models.PROTECT, null=True, related_name="+"
    )

    class Meta:
        ordering: ClassVar = ["-id"]

    def __str__(self) -> str:
        return f"intake of a data set that was logged with {self.version}"
