"""Projects and the people in them."""

from typing import ClassVar

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models

from apps.core.history import history
from apps.projects.roles import Role

SLUG = RegexValidator(
    r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?\Z",
    "Use small letters, digits and hyphens, beginning and ending with a letter or digit.",
)


class Visibility(models.TextChoices):
    """Who sees a project besides its members and the global roles."""

    PRIVATE = "private", "Private: its members"
    INTERNAL = "internal", "Internal: everybody who is signed in may read it"


class Project(models.Model):
    slug = models.CharField(max_length=50, unique=True, validators=[SLUG])
    name = models.CharField(max_length=100)
    description = models.TextField(blank=True)
    visibility = models.CharField(
        max_length=10, choices=Visibility.choices, default=Visibility.PRIVATE
    )
    # Facts that access rules may ask for, as administrators declared them.
    attributes = models.JSONField(default=dict, blank=True)
    # Days after which owners sign anew who has access; None: as everywhere.
    access_review_days = models.PositiveSmallIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(3650)]
    )
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )

    history = history()

    class Meta:
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(access_review_days=None) | models.Q(access_review_days__gte=1),
                name="access_is_reviewed_after_a_day_or_more",
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_internal(self) -> bool:
        return self.visibility == Visibility.INTERNAL


class ReviewerRole(models.Model):
    """In what capacity somebody reviews: domain, risk, security. Stages ask for them by name."""

    slug = models.CharField(max_length=50, unique=True, validators=[SLUG])
    name = models.CharField(max_length=100)
    description = models.TextField(blank=True)

    history = history()

    class Meta:
        ordering: ClassVar = ["name"]

    def __str__(self) -> str:
        return self.name


class NamePrefix(models.Model):
    """That models and experiments whose names begin so belong to a project."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="name_prefixes")
    prefix = models.CharField(max_length=100, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)

    history = history()

    class Meta:
        ordering: ClassVar = ["prefix"]

    def __str__(self) -> str:
        return f"{self.prefix}…"


class Membership(models.Model):
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="memberships"
    )
    role = models.CharField(max_length=20, choices=Role.choices)
    reviewer_roles = models.ManyToManyField(ReviewerRole, blank=True, related_name="memberships")
    created_at = models.DateTimeField(auto_now_add=True)

    history = history(m2m_fields=[reviewer_roles])

    class Meta:
        ordering: ClassVar = ["user__username"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["project", "user"], name="one_membership_per_person")
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.project}"
