"""The tracking servers that mlgov reads from, and which project an experiment belongs to."""

from typing import ClassVar

from django.conf import settings
from django.core.validators import URLValidator
from django.db import models
from django.utils import timezone

from apps.core.fields import EncryptedTextField
from apps.core.history import history
from apps.projects.models import SLUG, Project

HTTP = URLValidator(schemes=["http", "https"])


class TrackingServer(models.Model):
    """A server of a team that mlgov may read from, beside the one behind the pass-through.

    Administrators name them: nobody else makes mlgov open an address.
    """

    slug = models.CharField(max_length=50, unique=True, validators=[SLUG])
    name = models.CharField(max_length=100)
    url = models.CharField(
        max_length=500, validators=[HTTP], help_text="Such as https://mlflow.example.com."
    )

    history = history()

    class Meta:
        ordering: ClassVar = ["name"]

    def __str__(self) -> str:
        return self.name


class TrackingAccess(models.Model):
    """Where a project's sources are read, and as whom. Without one: on mlgov's own server.

    `token` is sent as a bearer token; else `username` and `password` as basic credentials.
    """

    project = models.OneToOneField(
        Project, on_delete=models.CASCADE, related_name="tracking_access"
    )
    server = models.ForeignKey(TrackingServer, on_delete=models.PROTECT, related_name="accesses")
    username = models.CharField(max_length=150, blank=True)
    password = EncryptedTextField(blank=True)
    token = EncryptedTextField(blank=True)
    changed_at = models.DateTimeField(default=timezone.now)

    history = history(excluded_fields=["password", "token"])

    def __str__(self) -> str:
        return f"{self.project} on {self.server}"


class ArtifactStore(models.Model):
    """A place with models that is no tracking server: a bucket, or a folder of this machine.

    Administrators name them. `root` is spelled as the kind of store spells its addresses.
    """

    slug = models.CharField(max_length=50, unique=True, validators=[SLUG])
    name = models.CharField(max_length=100)
    root = models.CharField(
        max_length=400, help_text="Such as s3://models/team-a or file:///mnt/models."
    )
    endpoint_url = models.CharField(
        max_length=500, blank=True, help_text="Of stores that speak S3. Empty: AWS."
    )
    region = models.CharField(max_length=40, blank=True, help_text="Such as eu-central-1.")

    history = history()

    class Meta:
        ordering: ClassVar = ["name"]

    def __str__(self) -> str:
        return self.name


class StoreAccess(models.Model):
    """That a project may read a store, and with which credentials, where the store has some."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="store_accesses")
    store = models.ForeignKey(ArtifactStore, on_delete=models.PROTECT, related_name="accesses")
    access_key_id = models.CharField(max_length=150, blank=True)
    secret_access_key = EncryptedTextField(blank=True)
    changed_at = models.DateTimeField(default=timezone.now)

    history = history(excluded_fields=["secret_access_key"])

    class Meta:
        verbose_name_plural = "store accesses"
        ordering: ClassVar = ["store__name"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["project", "store"], name="one_access_per_project_and_store"
            )
        ]

    def __str__(self) -> str:
        return f"{self.project} on {self.store}"


class Experiment(models.Model):
    """That an experiment of the server behind the pass-through belongs to a project."""

    experiment_id = models.CharField(max_length=64, unique=True)
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="experiments")
    # Where runs go that name no experiment: the client's own "Default" belongs to nobody.
    is_default = models.BooleanField(default=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now)

    history = history()

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["project"],
                condition=models.Q(is_default=True),
                name="one_default_experiment_per_project",
            )
        ]

    def __str__(self) -> str:
        return f"experiment {self.experiment_id}"
