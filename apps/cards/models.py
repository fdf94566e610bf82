"""What stands on the card of a version. Each revision is a new row, and never changes."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone

from apps.core.digests import digest_of
from apps.core.history import history
from apps.registry.models import ModelVersion

# Digests of revisions that were written while a card was one text.
ONE_TEXT, ONE_DOCUMENT = 0, 1


class CardReading(models.Model):
    """What mlgov found about a version at one moment, without anybody's words.

    `values` and `sources` are by JSON pointer: what was found, and where. `guesses` are offered to
    people and stand on no card before somebody takes them over.
    """

    version = models.ForeignKey(
        ModelVersion, on_delete=models.CASCADE, related_name="card_readings"
    )
    values = models.JSONField()
    sources = models.JSONField()
    guesses = models.JSONField(default=dict)
    read_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering: ClassVar = ["-id"]

    def __str__(self) -> str:
        return f"what was read of {self.version}"


class CardRevision(models.Model):
    """The whole card at one moment: a document that fits the schema, and who wrote it why."""

    version = models.ForeignKey(
        ModelVersion, on_delete=models.CASCADE, related_name="card_revisions"
    )
    number = models.PositiveIntegerField()
    content = models.JSONField(default=dict)
    # What mlgov had found when it was written; None for the cards of versions not ready yet.
    reading = models.ForeignKey(CardReading, on_delete=models.PROTECT, null=True, related_name="+")
    # By pointer: where a value was taken from, until a person says that it holds here, too.
    unconfirmed = models.JSONField(default=dict)
    format = models.PositiveSmallIntegerField(default=ONE_DOCUMENT)
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

    @property
    def description(self) -> str:
        return str((self.content.get("overview") or {}).get("description") or "")

    def content_digest(self) -> str:
        if self.format == ONE_TEXT:
            return digest_of({"description": self.description})
        return digest_of(self.digested())

    def digested(self) -> dict[str, Any]:
        """What a verdict is bound to: a value that waits for a yes is not one that was said."""
        return {"content": self.content, "unconfirmed": sorted(self.unconfirmed)}


class CardDraft(models.Model):
    """What somebody typed in the form of a section and has not saved as a revision yet.

    `data` is what the browser sent, whether it is valid or not: nothing typed is lost.
    """

    version = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="card_drafts")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    section = models.CharField(max_length=40)
    # The revision that the person was reading.
    base_revision = models.PositiveIntegerField()
    data = models.JSONField(default=dict)
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["version", "by", "section"],
                name="one_card_draft_per_version_person_and_section",
            )
        ]

    def __str__(self) -> str:
        return f"draft of {self.by}: {self.section} of the card of {self.version}"


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
