"""What stands on the card of a version. Each revision is a new row, and never changes."""

from collections.abc import Collection
from copy import copy
from typing import Any, ClassVar

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone

from apps.cards.reports.kinds import MEDIA_TYPES, Origin, ReportKind
from apps.cards.schema import FIELDS
from apps.core.digests import digest_of
from apps.core.history import history
from apps.projects.models import Project
from apps.registry.models import ModelVersion
from apps.runs.models import Run
from apps.stages.models import Stage

# Digests of revisions that were written while a card was one text.
ONE_TEXT, ONE_DOCUMENT = 0, 1
TIERS = FIELDS["/classification/risk_tier"].choices


def _outside(values: dict[str, Any], sections: Collection[str]) -> dict[str, Any]:
    """What is by JSON pointer, without what is in these sections."""
    return {
        pointer: value
        for pointer, value in values.items()
        if pointer.strip("/").split("/", 1)[0] not in sections
    }


class CardReading(models.Model):
    """What mlgov found about a version at one moment, without anybody's words.

    `values` and `sources` are by JSON pointer: what was found, and where. `guesses` are offered to
    people and stand on no card before somebody takes them over.
    """

    version = models.ForeignKey(
        ModelVersion, on_delete=models.CASCADE, related_name="card_readings"
    )
    values = models.JSONField()
    sources = models.JSONField()
    guesses = models.JSONField(default=dict)
    read_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering: ClassVar = ["-id"]

    def __str__(self) -> str:
        return f"what was read of {self.version}"

    def without(self, sections: Collection[str]) -> "CardReading":
        """The same for somebody who may not read these sections."""
        found = copy(self)
        for name in ("values", "sources", "guesses"):
            setattr(found, name, _outside(getattr(self, name), sections))
        return found


class CardRevision(models.Model):
    """The whole card at one moment: a document that fits the schema, and who wrote it why."""

    version = models.ForeignKey(
        ModelVersion, on_delete=models.CASCADE, related_name="card_revisions"
    )
    number = models.PositiveIntegerField()
    content = models.JSONField(default=dict)
    # What mlgov had found when it was written; None for the cards of versions not ready yet.
    reading = models.ForeignKey(CardReading, on_delete=models.PROTECT, null=True, related_name="+")
    # By pointer: where a value was taken from, until a person says that it holds here, too.
    unconfirmed = models.JSONField(default=dict)
    format = models.PositiveSmallIntegerField(default=ONE_DOCUMENT)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    digest = models.CharField(max_length=71)
    # Sections that were taken away for whoever reads it.
    withheld: frozenset[str] = frozenset()

    class Meta:
        ordering: ClassVar = ["-number"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["version", "number"], name="one_card_revision_per_version_and_number"
            )
        ]

    def __str__(self) -> str:
        return f"card of {self.version}, revision {self.number}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self.withheld:
            raise RuntimeError("What is left of a card for somebody must not be saved as the card.")
        super().save(*args, **kwargs)

    def without(self, sections: Collection[str], *, is_about_them: bool) -> "CardRevision":
        """The same for somebody who may not read these sections; it is never saved.

        The reason of a revision that is about one of them could quote it, and is left out as well.
        """
        found = copy(self)
        found.withheld = self.withheld | frozenset(sections)
        found.content = {k: v for k, v in self.content.items() if k not in sections}
        found.unconfirmed = _outside(self.unconfirmed, sections)
        if self.reading is not None:
            found.reading = self.reading.without(sections)
        if is_about_them:
            found.reason = ""
        return found

    @property
    def description(self) -> str:
        return str((self.content.get("overview") or {}).get("description") or "")

    def content_digest(self) -> str:
        if self.format == ONE_TEXT:
            return digest_of({"description": self.description})
        return digest_of(self.digested())

    def digested(self) -> dict[str, Any]:
        """What a verdict is bound to: a value that waits for a yes is not one that was said."""
        return {"content": self.content, "unconfirmed": sorted(self.unconfirmed)}


class CardDraft(models.Model):
    """What somebody typed in the form of a section and has not saved as a revision yet.

    `data` is what the browser sent, whether it is valid or not: nothing typed is lost.
    """

    version = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="card_drafts")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    section = models.CharField(max_length=40)
    # The revision that the person was reading.
    base_revision = models.PositiveIntegerField()
    data = models.JSONField(default=dict)
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["version", "by", "section"],
                name="one_card_draft_per_version_person_and_section",
            )
        ]

    def __str__(self) -> str:
        return f"draft of {self.by}: {self.section} of the card of {self.version}"


class CardExport(models.Model):
    """A revision written in a format that takes a worker. The file lies in the artifact store."""

    revision = models.ForeignKey(CardRevision, on_delete=models.CASCADE, related_name="exports")
    format = models.CharField(max_length=40)
    run = models.OneToOneField(Run, on_delete=models.PROTECT, related_name="card_export")
    # Keys of the sections that it does not hold, in order: whoever may not read them gets this one.
    withheld = models.JSONField(default=list)
    sha256 = models.CharField(max_length=64, blank=True)
    size = models.BigIntegerField(default=0)

    class Meta:
        ordering: ClassVar = ["-id"]

    def __str__(self) -> str:
        return f"{self.revision} as {self.format}"


class ReportFile(models.Model):
    """A file that a card may show: its bytes as they were when mlgov read them.

    They lie in the artifact store. Only what stands here is shown, whatever digest somebody writes
    on a card: the store holds the files of all projects.
    """

    version = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="report_files")
    origin = models.CharField(max_length=10, choices=Origin.choices)
    path = models.CharField(max_length=500)
    kind = models.CharField(max_length=10, choices=ReportKind.choices)
    size = models.BigIntegerField()
    sha256 = models.CharField(max_length=64)
    # None: mlgov found it by itself.
    added_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    read_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["version", "origin", "path", "sha256"],
                name="one_report_file_per_place_and_content",
            )
        ]

    def __str__(self) -> str:
        return self.path

    @property
    def key(self) -> str:
        return f"{self.origin}:{self.path}"

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]

    @property
    def media_type(self) -> str:
        """Of pictures; empty for all that a browser does not show as one."""
        return MEDIA_TYPES.get(ReportKind(self.kind), "")

    @property
    def is_table(self) -> bool:
        return self.kind in (ReportKind.JSON, ReportKind.CSV, ReportKind.TEXT)


class IndexedCard(models.Model):
    """That the revision of a version is in the index of the search, and how it was put there.

    What it says stands in the rows below, so that each can be kept from those who may not read the
    section it comes from.
    """

    version = models.OneToOneField(
        ModelVersion, on_delete=models.CASCADE, primary_key=True, related_name="indexed_card"
    )
    revision = models.ForeignKey(CardRevision, on_delete=models.CASCADE, related_name="+")
    format = models.PositiveSmallIntegerField()

    def __str__(self) -> str:
        return f"index of {self.revision}"


class Indexed(models.Model):
    version = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="+")
    # Key of the section of the card; empty: what everybody knows who sees the version.
    section = models.CharField(max_length=100, blank=True)

    class Meta:
        abstract = True


class CardText(Indexed):
    """The words of a section. The database keeps an index of its own of them: see the migration."""

    words = models.TextField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["version", "section"], name="one_card_text_per_version_and_section"
            )
        ]

    def __str__(self) -> str:
        return f"words of {self.section or 'the name'} of {self.version}"


class CardFact(Indexed):
    """A value that cards are filtered by, such as their risk tier; `key` is what is compared."""

    kind = models.CharField(max_length=20)
    key = models.CharField(max_length=200)
    value = models.CharField(max_length=200)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["version", "kind", "key"], name="one_card_fact_per_version_kind_and_key"
            )
        ]
        indexes: ClassVar = [models.Index(fields=["kind", "key"], name="card_facts")]

    def __str__(self) -> str:
        return f"{self.kind} {self.value} of {self.version}"


class CardMetric(Indexed):
    """A number of the whole evaluation: one for a slice of the data says little of the model."""

    key = models.CharField(max_length=200)
    name = models.CharField(max_length=200)
    value = models.FloatField()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["key", "value"], name="card_metrics")]

    def __str__(self) -> str:
        return f"{self.name} {self.value} of {self.version}"


class CardRequirement(models.Model):
    """That a field has to be filled before a version enters a stage, or need not be.

    Without a field it is about all fields that the schema marks as needed. What holds for a project
    is added to what holds everywhere, and takes nothing away.
    """

    stage = models.ForeignKey(
        Stage,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="card_requirements",
        help_text="Empty: before every stage.",
    )
    project = models.ForeignKey(
        Project,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="card_requirements",
        help_text="Empty: in all projects.",
    )
    risk_tier = models.CharField(
        max_length=10,
        blank=True,
        choices=[(tier, tier) for tier in TIERS],
        help_text="Of the card. Empty: whatever the tier.",
    )
    pointer = models.CharField(
        "field",
        max_length=80,
        blank=True,
        choices=[(field.pointer, field.pointer[1:].replace("/", ".")) for field in FIELDS.values()],
        help_text="Empty: every field that the schema marks as needed.",
    )
    is_needed = models.BooleanField(
        "needed", default=True, help_text="Off: this one field is not needed after all."
    )

    history = history()

    class Meta:
        ordering: ClassVar = ["stage__order", "pointer", "id"]

    def __str__(self) -> str:
        what = FIELDS[self.pointer].title if self.pointer in FIELDS else "a complete card"
        where = f"before {self.stage}" if self.stage else "before every stage"
        return f"{what} {where}" if self.is_needed else f"no {what} {where}"

    def clean(self) -> None:
        if self.is_needed:
            return
        if self.project is not None:
            raise ValidationError(
                {"is_needed": "A project asks for more than holds everywhere, never for less."}
            )
        field = FIELDS.get(self.pointer)
        if field is None:
            raise ValidationError({"pointer": "Name the field that is not needed."})
        if not field.is_typed:
            text = f"{field.title} is filled in by mlgov and belongs to every complete card."
            raise ValidationError({"pointer": text})


class SectionRight(models.TextChoices):
    """What a row about a section is about."""

    RESPONSIBLE = "responsible", "Theirs to read in a review"
    READ = "read", "May read it"
    EDIT = "edit", "May edit it"


class SectionRule(models.Model):
    """Whose a section of cards is, or who alone may read or edit it.

    Somebody is named by his role in the project, by a capacity in which he reviews there, by a
    group, or by fulfilling all the conditions. What holds for a project is asked beside what holds
    everywhere, so that reading and editing can only become stricter there.
    """

    project = models.ForeignKey(
        Project,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="section_rules",
        help_text="Empty: in all projects.",
    )
    section = models.CharField(max_length=40)
    right = models.CharField(max_length=12, choices=SectionRight.choices)
    # Each by its name: nobody is let in by a group that was deleted.
    roles = models.JSONField(default=list, blank=True)
    capacities = models.JSONField(default=list, blank=True)
    groups = models.JSONField(default=list, blank=True)
    # Lines about people alone, as access rules have them.
    conditions = models.JSONField(default=list, blank=True)

    history = history()

    class Meta:
        ordering: ClassVar = ["section", "right", "id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["section", "right"],
                condition=models.Q(project=None),
                name="one_rule_for_all_projects_per_section_and_right",
            ),
            models.UniqueConstraint(
                fields=["project", "section", "right"],
                name="one_rule_per_project_section_and_right",
            ),
        ]

    def __str__(self) -> str:
        where = f"in {self.project}" if self.project else "in all projects"
        return f"{self.section}, {self.get_right_display().lower()}, {where}"


class VersionComment(models.Model):
    """Something said about a version, outside of any review. The history keeps every wording."""

    version = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="comments")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)
    text = models.TextField()
    # The field of the card that it is about, and the revision that was read; empty: the version.
    pointer = models.CharField(max_length=80, blank=True)
    revision = models.PositiveIntegerField(null=True)
    edited_at = models.DateTimeField(null=True)
    deleted_at = models.DateTimeField(null=True)

    history = history()

    class Meta:
        ordering: ClassVar = ["id"]

    def __str__(self) -> str:
        return f"{self.by} on {self.version}"
