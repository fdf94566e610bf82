"""People, and the tokens with which their programs sign in."""

from typing import Any, ClassVar

from django.conf import settings
from django.contrib.auth.models import AbstractUser, Group
from django.core.validators import RegexValidator
from django.db import models
from django.utils import timezone

from apps.accounts.limits import Limits
from apps.core.history import history


class User(AbstractUser):
    """A person, or a service account.

    `attributes` are facts that access rules may ask for, such as the department.
    """

    first_name = None  # type: ignore[assignment]
    last_name = None  # type: ignore[assignment]
    name = models.CharField(max_length=150, blank=True)
    email = models.EmailField(unique=True)
    is_service_account = models.BooleanField(default=False)
    # Who answers for a service account, and makes its tokens.
    owner = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="service_accounts"
    )
    attributes = models.JSONField(default=dict, blank=True)

    history = history(excluded_fields=["password", "last_login"])
    # Set where the person acts through an access token that does not give all of his rights.
    limits: Limits | None = None
    # What was asked of the database along with the token that was sent, see `note_with_tokens`.
    noted: tuple[Any, ...] | None = None

    REQUIRED_FIELDS: ClassVar = ["email"]

    class Meta:
        ordering: ClassVar = ["username"]

    def __str__(self) -> str:
        return self.name or self.username

    @property
    def may_act(self) -> bool:
        """Whether it may do anything at all: somebody has to answer for a service account."""
        return self.is_active and (self.owner is None or self.owner.is_active)

    def limit_to(self, limits: Limits) -> None:
        """From here on this is the person as a limited token knows him, and is never saved."""
        self.limits = limits
        self.is_superuser = self.is_staff = False

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self.limits is not None:
            raise RuntimeError("What a token leaves of somebody's rights must not be saved.")
        super().save(*args, **kwargs)

    def get_full_name(self) -> str:
        return str(self)

    def get_short_name(self) -> str:
        return str(self)


class AttributeKind(models.TextChoices):
    TEXT = "text", "Text"
    NUMBER = "number", "Number"
    BOOLEAN = "boolean", "Yes or no"
    CHOICE = "choice", "One of the values"
    LIST = "list", "List of texts"


class About(models.TextChoices):
    """What an attribute is a fact about."""

    PERSON = "person", "A person"
    PROJECT = "project", "A project"
    MODEL = "model", "A model"
    VERSION = "version", "A version"


class SetBy(models.TextChoices):
    """Who gives an object the value. Rules rely on it, so nobody is asked about his own rights."""

    ADMINISTRATORS = "administrators", "Administrators"
    OWNERS = "owners", "Owners of the project, too"


class Attribute(models.Model):
    """A fact about people or objects that administrators declare, so that rules can rely on it."""

    about = models.CharField(
        max_length=10,
        choices=About.choices,
        default=About.PERSON,
        help_text="What it is a fact about.",
    )
    name = models.CharField(
        max_length=40,
        validators=[
            RegexValidator(
                r"\A[a-z][a-z0-9_]*\Z", "Use small letters, digits and _, beginning with a letter."
            )
        ],
        help_text="As rules and programs name it, e.g. department.",
    )
    description = models.CharField(max_length=200, blank=True)
    kind = models.CharField(max_length=10, choices=AttributeKind.choices)
    # For texts, choices and lists; empty: any text.
    values = models.JSONField(
        default=list,
        blank=True,
        help_text="In order, the lowest first: “at least” compares the values of a choice by it.",
    )
    set_by = models.CharField(
        "set by",
        max_length=20,
        choices=SetBy.choices,
        default=SetBy.ADMINISTRATORS,
        help_text="Who may set it on a project, a model or a version.",
    )

    history = history()

    class Meta:
        ordering: ClassVar = ["about", "name"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["about", "name"],
                name="one_attribute_per_name_and_what_it_is_about",
                violation_error_message="There is an attribute of this name already.",
            ),
            models.CheckConstraint(
                condition=~models.Q(about=About.PERSON) | models.Q(set_by=SetBy.ADMINISTRATORS),
                name="attributes_of_people_are_set_by_administrators",
                violation_error_message="What people are is set by administrators only.",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class ClaimMapping(models.Model):
    """What a claim of a sign-on gives a person: a group, or the value of an attribute."""

    provider = models.CharField(
        max_length=50, blank=True, help_text="Short name of the provider; empty: of each."
    )
    claim = models.CharField(
        max_length=200, help_text="Its name, or a path to it: groups, realm_access.roles."
    )
    value = models.CharField(
        max_length=200,
        blank=True,
        help_text="For a group: what the claim has to be, or to hold. For an attribute: empty, it "
        "takes the value of the claim.",
    )
    group = models.ForeignKey(Group, on_delete=models.CASCADE, null=True, blank=True)
    attribute = models.ForeignKey(
        Attribute,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        limit_choices_to={"about": About.PERSON.value},
    )

    history = history()

    class Meta:
        ordering: ClassVar = ["provider", "claim", "value"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=(
                    models.Q(group__isnull=False, attribute__isnull=True) & ~models.Q(value="")
                )
                | models.Q(group__isnull=True, attribute__isnull=False, value=""),
                name="a_value_gives_a_group_or_a_claim_fills_an_attribute",
                violation_error_message="Choose either a group and the value that gives it, or an "
                "attribute and no value.",
            )
        ]

    def __str__(self) -> str:
        return f"{self.claim} {self.value}".strip()


class KnownBrowser(models.Model):
    """A browser in which a person signed in before, by the digest of a cookie that it keeps."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="known_browsers"
    )
    digest = models.CharField(max_length=64)
    first_at = models.DateTimeField(auto_now_add=True)
    last_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["user", "digest"], name="one_row_per_browser_and_person"
            )
        ]

    def __str__(self) -> str:
        return f"a browser of {self.user}"


class AccessToken(models.Model):
    """A bearer token. Only a digest of the secret is kept."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="access_tokens"
    )
    name = models.CharField(max_length=100)
    prefix = models.CharField(max_length=12, unique=True)
    # By its short name, because accounts know no projects.
    default_project = models.CharField(max_length=50, blank=True)
    digest = models.CharField(max_length=64)
    # What it is limited to: actions, and projects by their keys. None: to nothing.
    actions = models.JSONField(null=True, blank=True)
    projects = models.JSONField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["user", "name"],
                condition=models.Q(revoked_at=None),
                name="one_living_token_per_name_and_person",
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    @property
    def limits(self) -> Limits | None:
        if self.actions is None and self.projects is None:
            return None
        return Limits(
            token=self.name,
            actions=None if self.actions is None else frozenset(self.actions),
            projects=None if self.projects is None else frozenset(self.projects),
            of_administrator=self.user.is_superuser,
        )

    @property
    def is_usable(self) -> bool:
        now = timezone.now()
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > now)


class SignOn(models.Model):
    """A browser's sign-on at the host of MLflow's pages: first its ticket, then its cookie.

    Digests of both are kept. It holds as long as the session that it was made in.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="sign_ons"
    )
    session_key = models.CharField(max_length=40)
    # Of the secret that the browser was given where it began: a ticket is of no use to another.
    browser = models.CharField(max_length=64)
    ticket = models.CharField(max_length=64, unique=True)
    cookie = models.CharField(max_length=64, null=True, unique=True)  # noqa: DJ001 - none yet
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return "MLflow's pages"


class DisabledElsewhere(models.Model):
    """An account that is disabled because this sign-on provider said so, and nobody else."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="disabled_elsewhere"
    )
    provider = models.CharField(max_length=50)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["user", "provider"], name="one_note_per_account_and_provider"
            )
        ]

    def __str__(self) -> str:
        return f"{self.user}, disabled by {self.provider}"


class HeardEvent(models.Model):
    """A security event that a provider told of and that was carried out: it comes again."""

    digest = models.CharField(max_length=64, unique=True)
    at = models.DateTimeField(auto_now_add=True, db_index=True)

    def __str__(self) -> str:
        return self.digest[:12]
