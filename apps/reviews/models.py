"""Requests for review, and what reviewers say."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone

from apps.cards.models import CardRevision
from apps.core.history import history
from apps.projects.models import Project
from apps.registry.models import ModelVersion
from apps.reviews.states import UNDECIDED, ReviewState, VerdictKind
from apps.stages.models import Stage


class ReviewRequest(models.Model):
    """That somebody asks for a version to enter a stage.

    `policy` is the stage's policy as it was when the review was opened; it stays in force.
    """

    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="reviews")
    stage = models.ForeignKey(Stage, on_delete=models.PROTECT, related_name="reviews")
    state = models.CharField(max_length=20, choices=ReviewState.choices, default=ReviewState.OPEN)
    note = models.TextField()
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="reviews_requested"
    )
    requested_at = models.DateTimeField(default=timezone.now)
    closed_at = models.DateTimeField(null=True)
    closing_reason = models.TextField(blank=True, default="")
    policy = models.JSONField()

    history = history()

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["version", "stage"],
                condition=models.Q(state__in=UNDECIDED),
                name="one_undecided_review_per_version_and_stage",
            )
        ]

    def __str__(self) -> str:
        return f"{self.version} for {self.stage}"

    @property
    def is_undecided(self) -> bool:
        return self.state in UNDECIDED

    @property
    def project(self) -> Project:
        return self.version.model.project


class Assignment(models.Model):
    """That somebody was asked to review."""

    review = models.ForeignKey(ReviewRequest, on_delete=models.CASCADE, related_name="assignments")
    reviewer = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="review_assignments"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["review", "reviewer"], name="one_assignment_per_review_and_person"
            )
        ]

    def __str__(self) -> str:
        return f"{self.reviewer} on {self.review}"


class Verdict(models.Model):
    """What a reviewer decided, bound to the content that he read.

    The people who may not decide are copied in, so that the database itself can refuse them.
    """

    review = models.ForeignKey(ReviewRequest, on_delete=models.PROTECT, related_name="verdicts")
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="verdicts"
    )
    kind = models.CharField(max_length=20, choices=VerdictKind.choices)
    comment = models.TextField(blank=True)
    at = models.DateTimeField(default=timezone.now)
    content_digest = models.CharField(max_length=71)
    card_revision = models.ForeignKey(CardRevision, on_delete=models.PROTECT, related_name="+")
    # Primary keys and names of the capacities in which it counts.
    roles = models.JSONField(default=list)
    requester = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    registrant = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    superseded = models.BooleanField(default=False)
    # Set when the card was edited after it; freshness itself is always computed from the digest.
    stale = models.BooleanField(default=False)
    # Of an undecided review this is computed; an approved one keeps what it was approved on.
    counts = models.BooleanField(default=True)

    class Meta:
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=~models.Q(by=models.F("requester"))
                & ~models.Q(by=models.F("registrant")),
                name="nobody_decides_on_his_own_work",
            ),
            models.UniqueConstraint(
                fields=["review", "by"],
                condition=models.Q(superseded=False),
                name="one_standing_verdict_per_review_and_person",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.by}: {self.get_kind_display()}"


class Comment(models.Model):
    review = models.ForeignKey(ReviewRequest, on_delete=models.PROTECT, related_name="comments")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)
    text = models.TextField()

    class Meta:
        ordering: ClassVar = ["id"]

    def __str__(self) -> str:
        return f"{self.by}: {self.text[:60]}"
