from django.db import models

from apps.core.states import StateMachine, Transition


class RunState(models.TextChoices):
    QUEUED = "queued", "Queued"
    RUNNING = "running", "Running"
    SUCCEEDED = "succeeded", "Succeeded"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"


S = RunState
UNFINISHED = (S.QUEUED, S.RUNNING)
RUN = StateMachine(
    RunState,
    [
        Transition("claim", (S.QUEUED,), S.RUNNING),
        Transition("succeed", (S.RUNNING,), S.SUCCEEDED),
        Transition("fail", (S.QUEUED, S.RUNNING), S.FAILED),
        Transition("cancel", (S.QUEUED, S.RUNNING), S.CANCELLED),
    ],
    noun="run",
)
