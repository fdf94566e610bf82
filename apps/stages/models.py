"""Stages, environments, and where each version stands."""

from typing import Any, ClassVar

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils import timezone

from apps.core.errors import Invalid
from apps.core.fields import EncryptedTextField
from apps.core.history import history
from apps.projects.models import SLUG, Project, ReviewerRole
from apps.registry import validation
from apps.registry.models import ModelVersion, RegisteredModel


def an_alias(name: str) -> None:
    """What MLflow takes as an alias."""
    try:
        validation.alias(name)
    except Invalid as refusal:
        raise ValidationError(refusal.message) from None


class Colour(models.TextChoices):
    GREY = "grey", "Grey"
    BLUE = "blue", "Blue"
    TEAL = "teal", "Teal"
    GREEN = "green", "Green"
    AMBER = "amber", "Amber"
    ORANGE = "orange", "Orange"
    RED = "red", "Red"
    VIOLET = "violet", "Violet"


class MlflowStage(models.TextChoices):
    """The four stages that the MLflow client knows."""

    NONE = "None", "None"
    STAGING = "Staging", "Staging"
    PRODUCTION = "Production", "Production"
    ARCHIVED = "Archived", "Archived"


class Environment(models.Model):
    """Where deployments run: a target with its options, registry and limits."""

    slug = models.CharField(max_length=30, unique=True, validators=[SLUG])
    name = models.CharField(max_length=60)
    order = models.PositiveIntegerField(default=0)
    target = models.CharField(
        max_length=30, help_text="Plug-in that runs containers or processes, e.g. docker, process."
    )
    builder = models.CharField(
        max_length=30, help_text="Plug-in that makes what the target runs, e.g. docker, venv."
    )
    registry = models.CharField(
        max_length=200, blank=True, help_text="Container registry that images are pushed to."
    )
    registry_username = models.CharField(max_length=100, blank=True)
    registry_password = EncryptedTextField(blank=True)
    replicas = models.PositiveIntegerField(default=1, help_text="Copies of each deployment.")
    cpu = models.DecimalField(
        max_digits=5, decimal_places=2, default=1, help_text="Processor cores for each replica."
    )
    memory_mb = models.PositiveIntegerField(
        default=1024, help_text="Memory for each replica, in megabytes."
    )
    options = models.JSONField(
        default=dict, blank=True, help_text="Further options of the target, as a JSON object."
    )
    description = models.TextField(blank=True)

    history = history(excluded_fields=["registry_password"])

    class Meta:
        ordering: ClassVar = ["order", "name"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(replicas__gte=1, replicas__lte=50),
                name="an_environment_runs_1_to_50_replicas",
            )
        ]

    def __str__(self) -> str:
        return self.name


class Stage(models.Model):
    """A place on the way of a version: global, or of one project."""

    project = models.ForeignKey(
        Project,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="stages",
        help_text="Empty for a stage of all projects.",
    )
    name = models.CharField(max_length=50)
    slug = models.CharField(max_length=50, validators=[SLUG])
    order = models.PositiveIntegerField(default=0)
    colour = models.CharField(max_length=10, choices=Colour.choices, default=Colour.GREY)
    description = models.TextField(blank=True)
    environment = models.ForeignKey(
        Environment,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="stages",
        help_text="Where versions of this stage are deployed. Empty: they are not.",
    )
    approvals_required = models.PositiveIntegerField(
        default=1, help_text="Approvals by different people that let a version in."
    )
    required_roles = models.ManyToManyField(
        ReviewerRole,
        blank=True,
        related_name="+",
        help_text="Capacities of which each has to approve.",
    )
    mlflow_stage = models.CharField(
        max_length=12,
        choices=MlflowStage.choices,
        default=MlflowStage.NONE,
        help_text="What the MLflow client is told.",
    )
    alias = models.CharField(
        max_length=255,
        blank=True,
        validators=[an_alias],
        help_text="Points at the version that stands here, e.g. models:/name@production. Kept by "
        "mlgov; people cannot set it. Left empty, it is the short name.",
    )
    single_occupancy = models.BooleanField(
        default=True, help_text="The earlier version is archived when another one enters."
    )

    history = history(m2m_fields=[required_roles])

    class Meta:
        ordering: ClassVar = ["order", "name"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["slug"],
                condition=Q(project=None),
                name="one_global_stage_per_slug",
            ),
            models.UniqueConstraint(
                fields=["project", "slug"], name="one_stage_per_project_and_slug"
            ),
            # In any case of letters: who reads @Production means @production.
            models.UniqueConstraint(
                Lower("alias"), condition=Q(project=None), name="one_global_stage_per_alias"
            ),
            models.UniqueConstraint(
                "project", Lower("alias"), name="one_stage_per_project_and_alias"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self.alias:
            self.alias = self.free_alias()
        super().save(*args, **kwargs)

    def clean(self) -> None:
        if self.alias and self.alias_taken_by(self.alias) is not None:
            raise ValidationError(
                {"alias": f"The stage {self.alias_taken_by(self.alias)} has this alias already."}
            )

    def alias_taken_by(self, alias: str) -> "Stage | None":
        """Another stage with this alias that versions of the same project may enter."""
        others = Stage.objects.filter(alias__iexact=alias).exclude(pk=self.pk)
        if self.project_id is not None:
            others = others.filter(Q(project=None) | Q(project=self.project_id))
        return others.first()

    def free_alias(self) -> str:
        """An alias for a stage that was given none: its short name, or one that is like it."""
        wanted = self.slug
        try:
            validation.alias(wanted)
        except Invalid:
            wanted = f"stage-{wanted}"
        candidate, number = wanted, 1
        while self.alias_taken_by(candidate) is not None:
            number += 1
            candidate = f"{wanted}-{number}"
        return candidate


class StageOverride(models.Model):
    """What a project asks beyond a global stage. It may only be stricter."""

    stage = models.ForeignKey(Stage, on_delete=models.CASCADE, related_name="overrides")
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="stage_overrides")
    approvals_required = models.PositiveIntegerField(null=True, blank=True)
    extra_roles = models.ManyToManyField(ReviewerRole, blank=True, related_name="+")

    history = history(m2m_fields=[extra_roles])

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["stage", "project"], name="one_override_per_stage_and_project"
            )
        ]

    def __str__(self) -> str:
        return f"{self.stage} in {self.project}"

    def clean(self) -> None:
        if (
            self.approvals_required is not None
            and self.approvals_required < self.stage.approvals_required
        ):
            raise ValidationError(
                {
                    "approvals_required": (
                        f"{self.stage} asks for {self.stage.approvals_required} approvals "
                        "everywhere; a project may ask for more, not for fewer."
                    )
                }
            )


class Placement(models.Model):
    """The stage in which a version is now."""

    version = models.OneToOneField(ModelVersion, on_delete=models.CASCADE, related_name="placement")
    # That of the version, which never gets another: so that what stands in the stages of a model is
    # found without its versions, of which there may be thousands.
    model = models.ForeignKey(
        RegisteredModel, on_delete=models.CASCADE, related_name="+", editable=False
    )
    stage = models.ForeignKey(Stage, on_delete=models.PROTECT, related_name="placements")
    since = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"{self.version} in {self.stage}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self._state.adding:
            self.model_id = self.version.model_id
        super().save(*args, **kwargs)


class StageMove(models.Model):
    """That a version entered a stage: by whom, under which review, with which content."""

    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="moves")
    from_stage = models.ForeignKey(Stage, on_delete=models.PROTECT, null=True, related_name="+")
    to_stage = models.ForeignKey(Stage, on_delete=models.PROTECT, related_name="moves")
    at = models.DateTimeField(default=timezone.now)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    # Reviews stand above stages, so the review is kept as a plain number.
    review_id = models.BigIntegerField(null=True)
    artifact_digest = models.CharField(max_length=71)
    content_digest = models.CharField(max_length=71, blank=True)
    reason = models.TextField(blank=True)

    class Meta:
        ordering: ClassVar = ["-id"]

    def __str__(self) -> str:
        return f"{self.version} to {self.to_stage}"
