"""Anything slow: what it is, how far it is, what it said, how it ended."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone

from apps.runs.states import UNFINISHED, RunState


class Run(models.Model):
    """One attempt at a piece of slow work. A retry is a new run."""

    kind = models.CharField(max_length=60)
    title = models.CharField(max_length=300)
    queue = models.CharField(max_length=30, default="default")
    state = models.CharField(max_length=12, choices=RunState.choices, default=RunState.QUEUED)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    # The action that had to be allowed to whoever asked: he is asked about again when the work
    # starts. Without anybody it is mlgov's own work, which follows from a decision.
    asked_for = models.CharField(max_length=40, blank=True)
    request_id = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    rung_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    heartbeat_at = models.DateTimeField(null=True)
    worker = models.CharField(max_length=120, blank=True)
    token = models.CharField(max_length=32, blank=True)
    cancel_requested = models.BooleanField(default=False)
    error_code = models.CharField(max_length=80, blank=True)
    error_text = models.TextField(blank=True)
    error_remedy = models.TextField(blank=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(
                fields=["state", "heartbeat_at"],
                condition=models.Q(state__in=UNFINISHED),
                name="unfinished_runs",
            )
        ]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(state__in=UNFINISHED, finished_at=None)
                | (~models.Q(state__in=UNFINISHED) & models.Q(finished_at__isnull=False)),
                name="a_run_is_finished_when_it_ended",
            )
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def is_finished(self) -> bool:
        return self.state not in UNFINISHED

    @property
    def failed(self) -> bool:
        return self.state == RunState.FAILED

    @property
    def is_authors_problem(self) -> bool:
        """Whether the model's author can mend the failure; else the platform's people have to."""
        return ".model." in self.error_code

    @property
    def mended_by(self) -> str:
        if ".project." in self.error_code:
            return "An owner of the project"
        return "The model's author" if self.is_authors_problem else "The platform's people"

    @property
    def seconds(self) -> float | None:
        """How long it has been running, or ran."""
        if self.started_at is None:
            return None
        return ((self.finished_at or timezone.now()) - self.started_at).total_seconds()


class StepState(models.TextChoices):
    RUNNING = "running", "Running"
    SUCCEEDED = "succeeded", "Done"
    FAILED = "failed", "Failed"


class RunStep(models.Model):
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="steps")
    name = models.CharField(max_length=40)
    title = models.CharField(max_length=200)
    state = models.CharField(max_length=12, choices=StepState.choices, default=StepState.RUNNING)
    started_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["id"]

    def __str__(self) -> str:
        return self.title

    @property
    def seconds(self) -> float:
        return ((self.finished_at or timezone.now()) - self.started_at).total_seconds()


class RunLogLine(models.Model):
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="log")
    step = models.ForeignKey(RunStep, on_delete=models.CASCADE, null=True, related_name="log")
    at = models.DateTimeField(default=timezone.now)
    stream = models.CharField(max_length=4, default="out")
    text = models.TextField()

    class Meta:
        ordering: ClassVar = ["id"]

    def __str__(self) -> str:
        return self.text[:80]


class WorkerBeat(models.Model):
    """When a worker last showed that it hears the bell."""

    name = models.CharField(max_length=120, unique=True)
    at = models.DateTimeField()
    queues = models.JSONField(default=list)

    def __str__(self) -> str:
        return self.name
