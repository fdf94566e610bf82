"""What still has to happen: one row for each event and subscriber."""

from typing import ClassVar

from django.db import models


class MessageState(models.TextChoices):
    WAITING = "waiting", "Waiting"
    DELIVERED = "delivered", "Delivered"
    STUCK = "stuck", "Needs a person"


class OutboxMessage(models.Model):
    event = models.CharField(max_length=100)
    subscriber = models.CharField(max_length=200)
    payload = models.JSONField()
    state = models.CharField(
        max_length=12, choices=MessageState.choices, default=MessageState.WAITING
    )
    attempts = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)
    due_at = models.DateTimeField()
    delivered_at = models.DateTimeField(null=True)
    last_error = models.TextField(blank=True)
    request_id = models.CharField(max_length=64, blank=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(
                fields=["due_at"], condition=models.Q(state="waiting"), name="messages_that_wait"
            )
        ]

    def __str__(self) -> str:
        return f"{self.event} for {self.subscriber}"
