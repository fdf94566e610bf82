"""Who did what, to what, why, under which approval. Rows are added, never changed."""

from typing import ClassVar

from django.db import models


class AuditEvent(models.Model):
    """One thing that happened.

    Names are copied, not referenced: an event must read the same after a rename or a departure.
    """

    at = models.DateTimeField(auto_now_add=True, db_index=True)
    actor_id = models.BigIntegerField(null=True, db_index=True)
    actor_name = models.CharField(max_length=150)
    action = models.CharField(max_length=60, db_index=True)
    object_type = models.CharField(max_length=60)
    object_id = models.CharField(max_length=60)
    object_name = models.CharField(max_length=300)
    project_id = models.BigIntegerField(null=True, db_index=True)
    reason = models.TextField(blank=True)
    data = models.JSONField(default=dict)
    request_id = models.CharField(max_length=64, blank=True)
    ip = models.CharField(max_length=45, blank=True)
    via = models.CharField(max_length=20)

    class Meta:
        ordering: ClassVar = ["-id"]

    def __str__(self) -> str:
        return f"{self.actor_name} {self.action} {self.object_name}"


class AuditLink(models.Model):
    """An object in whose activity an event is shown."""

    event = models.ForeignKey(AuditEvent, on_delete=models.PROTECT, related_name="links")
    object_type = models.CharField(max_length=60)
    object_id = models.CharField(max_length=60)

    class Meta:
        indexes: ClassVar = [
            models.Index(
                fields=["object_type", "object_id", "-event"], name="activity_of_an_object"
            )
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["event", "object_type", "object_id"], name="one_link_per_event_and_object"
            )
        ]

    def __str__(self) -> str:
        return f"{self.object_type}:{self.object_id}"


class Seal(models.Model):
    """A link of the hash chain: the event's digest joined to the seal before it."""

    event = models.OneToOneField(AuditEvent, on_delete=models.PROTECT, related_name="seal")
    # Unique, so that the chain cannot fork: one seal comes first, and one follows each.
    previous = models.CharField(max_length=64, unique=True)
    digest = models.CharField(max_length=64)
    sealed_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"seal of event {self.event_id}"
