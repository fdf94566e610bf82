"""What people are told, in the application and by mail."""

from typing import ClassVar

from django.conf import settings
from django.db import models


class Notification(models.Model):
    """One message to one person. `key` makes telling twice harmless."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="notifications"
    )
    key = models.CharField(max_length=120)
    kind = models.CharField(max_length=40)
    subject = models.CharField(max_length=300)
    text = models.TextField(blank=True)
    path = models.CharField(max_length=300)
    # What the mail's templates need, as plain values.
    context = models.JSONField(default=dict)
    by_mail = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)
    read_at = models.DateTimeField(null=True)
    mailed_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "key"], name="one_notification_per_key")
        ]

    def __str__(self) -> str:
        return self.subject
