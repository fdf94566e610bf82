"""Registered models, their versions, and what is known of each version's artifacts and origin."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F
from django.utils import timezone

from apps.core.history import history
from apps.projects.models import Project
from apps.registry.states import VersionState
from apps.runs.models import Run
from apps.tracking.models import ArtifactStore, TrackingServer


class RegisteredModel(models.Model):
    """A name under which versions are kept. MLflow's name space is flat, so it is unique.

    A deleted model stays as a row, because the trail and its versions refer to it; its name is
    free for another one.
    """

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="models")
    name = models.CharField(max_length=256)
    # MLflow keeps prompts in the same table. Settled when it is made: nobody turns a prompt, which
    # is never reviewed, into a model.
    is_prompt = models.BooleanField(default=False, editable=False)
    description = models.CharField(max_length=5000, blank=True)
    # Facts that access rules may ask for, as administrators declared them.
    attributes = models.JSONField(default=dict, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)
    last_number = models.PositiveIntegerField(default=0)
    deleted_at = models.DateTimeField(null=True)

    history = history(excluded_fields=["updated_at", "last_number"])

    class Meta:
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["name"],
                condition=models.Q(deleted_at=None),
                name="one_living_model_per_name",
            )
        ]
        indexes: ClassVar = [
            # For searches by the beginning of the name, which the order of a language is not.
            models.Index(
                fields=["name"],
                name="model_names_by_beginning",
                opclasses=["varchar_pattern_ops"],
                condition=models.Q(deleted_at=None),
            )
        ]

    def __str__(self) -> str:
        return self.name


class ModelVersion(models.Model):
    """One registration. Its artifacts never change once it is ready."""

    model = models.ForeignKey(RegisteredModel, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    state = models.CharField(
        max_length=20, choices=VersionState.choices, default=VersionState.PENDING
    )
    status_message = models.TextField(blank=True)
    description = models.CharField(max_length=5000, blank=True)
    # Facts that access rules may ask for, as administrators declared them.
    attributes = models.JSONField(default=dict, blank=True)
    source = models.CharField(max_length=500)
    source_run_id = models.CharField(max_length=32, blank=True, db_index=True)
    logged_model_id = models.CharField(max_length=64, blank=True, db_index=True)
    run_link = models.CharField(max_length=500, blank=True)
    # Root of the artifacts: on a tracking server e.g. "1/models/m-…/artifacts", else an address in
    # `store`, e.g. "s3://models/team-a/scoring".
    artifact_path = models.CharField(max_length=500, blank=True, db_index=True)
    # Where the run and the artifacts were found; empty: on the server behind the pass-through.
    tracking_server = models.ForeignKey(
        TrackingServer, on_delete=models.PROTECT, null=True, related_name="+"
    )
    store = models.ForeignKey(ArtifactStore, on_delete=models.PROTECT, null=True, related_name="+")
    experiment_id = models.CharField(max_length=64, blank=True, db_index=True)
    # A copy (`models:/name/1` as source) shares the stored bytes of the version it was made from.
    copied_from = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, related_name="copies"
    )
    registered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    # Who trained, as the run says; a claim of the client, shown beside the authenticated person.
    claimed_author = models.CharField(max_length=150, blank=True)
    # The registry that this version was copied from, with its number, by the import command.
    imported_from = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)
    deleted_at = models.DateTimeField(null=True)

    artifact_digest = models.CharField(max_length=71, blank=True)
    artifact_bytes = models.BigIntegerField(default=0)
    # Read from MLmodel and its companions when the artifacts were taken over.
    flavors = models.JSONField(default=dict)
    signature = models.JSONField(null=True)
    input_example = models.JSONField(null=True)
    requirements = models.JSONField(default=list)
    python_version = models.CharField(max_length=20, blank=True)
    mlflow_version = models.CharField(max_length=20, blank=True)
    model_uuid = models.CharField(max_length=64, blank=True)

    history = history(excluded_fields=["updated_at"])

    class Meta:
        ordering: ClassVar = ["-number"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["model", "number"], name="one_version_per_model_and_number"
            ),
            models.CheckConstraint(
                condition=~models.Q(state=VersionState.READY) | ~models.Q(artifact_digest=""),
                name="a_ready_version_has_a_digest",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                "model", F("updated_at").desc(), F("number").desc(), name="newest_versions"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.model} v{self.number}"

    @property
    def is_ready(self) -> bool:
        return self.state == VersionState.READY and self.deleted_at is None

    @property
    def project(self) -> Project:
        return self.model.project

    @property
    def came_from(self) -> str:
        """Where its artifacts were read, as people name it."""
        if self.imported_from:
            return self.imported_from
        if self.copied_from is not None:
            return f"{self.copied_from}, of which it is a copy"
        if self.store is not None:
            return f"the store {self.store} ({self.store.root})"
        if self.tracking_server is not None:
            return f"the tracking server {self.tracking_server} ({self.tracking_server.url})"
        return "mlgov's own tracking server"

    @property
    def is_behind_the_pass_through(self) -> bool:
        """Whether a client of mlgov finds the artifacts on its tracking server, which is mlgov."""
        return bool(self.artifact_path) and not (self.tracking_server_id or self.store_id)


class Artifact(models.Model):
    """A file of a version; its bytes lie in the content-addressed store under `sha256`."""

    version = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="artifacts")
    path = models.CharField(max_length=500)
    size = models.BigIntegerField()
    sha256 = models.CharField(max_length=64)

    class Meta:
        ordering: ClassVar = ["path"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["version", "path"], name="one_artifact_per_version_and_path"
            )
        ]

    def __str__(self) -> str:
        return self.path


class Lineage(models.Model):
    """Where a version comes from, copied from the tracking server when it was registered.

    `document` has the keys source, parameters, metrics, datasets, tags, environment, run.
    """

    version = models.OneToOneField(ModelVersion, on_delete=models.CASCADE, related_name="lineage")
    document = models.JSONField()
    read_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"lineage of {self.version}"


class Ingest(models.Model):
    """One attempt to take over the artifacts of a version."""

    version = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="ingests")
    run = models.OneToOneField(Run, on_delete=models.PROTECT, related_name="ingest")

    def __str__(self) -> str:
        return f"ingest of {self.version}"


class ModelTag(models.Model):
    model = models.ForeignKey(RegisteredModel, on_delete=models.CASCADE, related_name="tags")
    key = models.CharField(max_length=250)
    value = models.TextField(blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["model", "key"], name="one_tag_per_model_and_key")
        ]

    def __str__(self) -> str:
        return self.key


class VersionTag(models.Model):
    version = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="tags")
    key = models.CharField(max_length=250)
    value = models.TextField(blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["version", "key"], name="one_tag_per_version_and_key")
        ]

    def __str__(self) -> str:
        return self.key


class Alias(models.Model):
    model = models.ForeignKey(RegisteredModel, on_delete=models.CASCADE, related_name="aliases")
    name = models.CharField(max_length=255)
    version = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="aliases")

    history = history()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["model", "name"], name="one_alias_per_model_and_name")
        ]

    def __str__(self) -> str:
        return f"{self.model}@{self.name}"


class LabelKind(models.TextChoices):
    ALIAS = "alias", "Alias"
    MODEL_TAG = "model_tag", "Tag of a model"
    VERSION_TAG = "version_tag", "Tag of a version"


class LabelRule(models.Model):
    """That labels whose names fit a pattern are set and deleted by some roles only.

    All rules that fit have to agree, so a project can only be stricter than what holds everywhere.
    """

    project = models.ForeignKey(
        Project,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="label_rules",
        help_text="Empty: in all projects.",
    )
    kind = models.CharField(max_length=12, choices=LabelKind.choices)
    pattern = models.CharField(
        max_length=250,
        help_text="* stands for any text, ? for one character: prod*, approved, validation.*",
    )
    # Roles of projects by their names; without one, mlgov alone.
    roles = models.JSONField(default=list, blank=True)
    after_promotion = models.BooleanField(
        default=False,
        help_text="Only once the version stands in a stage that deploys. For tags of versions.",
    )

    history = history()

    class Meta:
        ordering: ClassVar = ["kind", "pattern", "id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["kind", "pattern"],
                condition=models.Q(project=None),
                name="one_global_rule_per_kind_and_pattern",
            ),
            models.UniqueConstraint(
                fields=["project", "kind", "pattern"],
                name="one_rule_per_project_kind_and_pattern",
            ),
            models.CheckConstraint(
                condition=models.Q(after_promotion=False)
                | models.Q(kind=LabelKind.VERSION_TAG.value),
                name="only_versions_are_promoted",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.pattern}"
