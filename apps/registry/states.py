from django.db import models

from apps.core.states import StateMachine, Transition


class VersionState(models.TextChoices):
    """MLflow's words: the stock client waits while a version is pending."""

    PENDING = "PENDING_REGISTRATION", "Being registered"
    FAILED = "FAILED_REGISTRATION", "Registration failed"
    READY = "READY", "Ready"


S = VersionState
VERSION = StateMachine(
    VersionState,
    [
        Transition("accept", (S.PENDING,), S.READY),
        Transition("reject", (S.PENDING,), S.FAILED),
        Transition("retry", (S.FAILED,), S.PENDING),
    ],
    noun="version",
)
