"""Rules and grants: who may do more, or less, than the roles say."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from guardian.models import GroupObjectPermissionAbstract, UserObjectPermissionAbstract

from apps.core.history import history


class Effect(models.TextChoices):
    ALLOW = "allow", "Allow"
    DENY = "deny", "Deny"


class Rule(models.Model):
    """That whoever fulfils the conditions may, or may not, do the actions.

    Conditions are lines of text, as `conditions.read` understands them; all of them have to be
    fulfilled. A denial wins over everything but administrators.
    """

    name = models.CharField(
        max_length=120,
        unique=True,
        help_text="Shown to whom it stops, e.g. “Restricted models stay in their department”.",
    )
    description = models.TextField(
        blank=True, max_length=2000, help_text="Why it is there, and whom to ask about it."
    )
    effect = models.CharField(max_length=5, choices=Effect.choices)
    actions = models.JSONField(default=list)
    conditions = models.JSONField(default=list, blank=True)
    is_active = models.BooleanField(
        "active", default=True, help_text="A rule that is switched off is kept and does nothing."
    )
    valid_from = models.DateTimeField(null=True, blank=True, help_text="Empty: at once.")
    valid_until = models.DateTimeField(null=True, blank=True, help_text="Empty: for good.")
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", editable=False
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)

    history = history(excluded_fields=["updated_at"])

    class Meta:
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(valid_from=None)
                | Q(valid_until=None)
                | Q(valid_from__lt=models.F("valid_until")),
                name="a_rule_begins_before_it_ends",
                violation_error_message="The rule has to begin before it ends.",
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_in_force(self) -> bool:
        now = timezone.now()
        return (
            self.is_active
            and (self.valid_from is None or self.valid_from <= now)
            and (self.valid_until is None or now < self.valid_until)
        )


class Given(models.Model):
    """What both kinds of grants have beside guardian's fields."""

    id = models.BigAutoField(primary_key=True)
    given_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    given_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(max_length=300, blank=True)

    class Meta:
        abstract = True

    @property
    def is_in_force(self) -> bool:
        return self.expires_at is None or timezone.now() < self.expires_at


class UserGrant(UserObjectPermissionAbstract, Given):
    """One action on one object, for one person."""

    objects: ClassVar = models.Manager()
    history = history()

    class Meta(UserObjectPermissionAbstract.Meta):
        abstract = False
        indexes: ClassVar = [
            models.Index(fields=["user", "permission", "object_pk"]),
            models.Index(fields=["content_type", "object_pk"]),
        ]

    def __str__(self) -> str:
        return f"{self.permission.codename} for {self.user}"


class GroupGrant(GroupObjectPermissionAbstract, Given):
    """One action on one object, for everybody in a group."""

    objects: ClassVar = models.Manager()
    history = history()

    class Meta(GroupObjectPermissionAbstract.Meta):
        abstract = False
        indexes: ClassVar = [
            models.Index(fields=["group", "permission", "object_pk"]),
            models.Index(fields=["content_type", "object_pk"]),
        ]

    def __str__(self) -> str:
        return f"{self.permission.codename} for {self.group}"


class AccessReview(models.Model):
    """That somebody looked at who may do what in a project, and what he found.

    `document` is what was looked at, as it was then. Access knows no projects: it is kept by its
    key, with its name for reading.
    """

    project_id = models.BigIntegerField(db_index=True)
    project_name = models.CharField(max_length=100)
    document = models.JSONField()
    digest = models.CharField(max_length=71)
    signed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    signed_at = models.DateTimeField(default=timezone.now)
    remark = models.TextField(blank=True, max_length=2000)

    class Meta:
        ordering: ClassVar = ["-id"]

    def __str__(self) -> str:
        return f"access review of {self.project_name}"
