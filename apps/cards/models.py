"""What people write about a version. Each revision is a new row."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone

from apps.core.digests import digest_of
from apps.core.history import history
from apps.registry.models import ModelVersion


class CardRevision(models.Model):
    """The typed part of a model card at one moment. Revision 1 is made at registration."""

    version = models.ForeignKey(
        ModelVersion, on_delete=models.CASCADE, related_name="card_revisions"
    )
    number = models.PositiveIntegerField()
    description = models.TextField(blank=True)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    digest = models.CharField(max_length=71)

    class Meta:
        ordering: ClassVar = ["-number"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["version", "number"], name="one_card_revision_per_version_and_number"
            )
        ]

    def __str__(self) -> str:
        return f"card of {self.version}, revision {self.number}"

    def content_digest(self) -> str:
        return digest_of({"description": self.description})


class VersionComment(models.Model):
    """Something said about a version, outside of any review. The history keeps every wording."""

    version = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="comments")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)
    text = models.TextField()
    edited_at = models.DateTimeField(null=True)
    deleted_at = models.DateTimeField(null=True)

    history = history()

    class Meta:
        ordering: ClassVar = ["id"]

    def __str__(self) -> str:
        return f"{self.by} on {self.version}"
