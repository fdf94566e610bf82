"""Beginnings of names that a project keeps for its own models and experiments.

Here and not with the projects, because what other projects have registered stands in the way.
"""

from django.db import IntegrityError, transaction
from django.db.models.functions import Left

from apps.accounts.models import User
from apps.audit.services import record
from apps.core.errors import AlreadyExists, Conflict, Invalid
from apps.core.validation import require_valid
from apps.projects import policies
from apps.projects.models import NamePrefix, Project
from apps.registry.models import RegisteredModel
from apps.tracking import names

SHORTEST = 2


def reserve_prefix(project: Project, *, prefix: str, by: User) -> NamePrefix:
    """Keep the names that begin so for a project."""
    policies.projects.require(by, "manage_project", project)
    _require_readable(prefix)
    # Before anything is locked: the answer of another server may take its time.
    if names.is_taken_by_experiments(prefix, of_others_than=project):
        raise Conflict(
            f"Experiments of other projects have names that begin with “{prefix}” already. Choose "
            "a longer or another beginning, or have those experiments renamed."
        )
    return _reserve(project, prefix=prefix, by=by)


def _require_readable(prefix: str) -> None:
    if len(prefix.strip()) < SHORTEST or prefix != prefix.lstrip():
        raise _refused(f"Give at least {SHORTEST} characters, and begin with none that is empty.")
    if "/" in prefix or ":" in prefix or not prefix.isprintable():
        raise _refused("Names hold no slash, no colon and no control character.")
    require_valid(NamePrefix(prefix=prefix), "prefix")


@transaction.atomic
def _reserve(project: Project, *, prefix: str, by: User) -> NamePrefix:
    # One reservation at a time, in the whole installation: two that overlap must see each other.
    Project.objects.select_for_update(no_key=True).order_by("pk").first()
    row = NamePrefix(project=project, prefix=prefix)
    for other in NamePrefix.objects.exclude(project=project):
        if other.prefix.startswith(prefix) or prefix.startswith(other.prefix):
            raise Conflict(
                f"Another project has reserved “{other.prefix}”, and the two overlap. Choose a "
                "beginning that neither contains."
            )
    # By equality: LIKE takes small and capital letters for the same in SQLite.
    models = RegisteredModel.objects.annotate(beginning=Left("name", len(prefix)))
    elsewhere = models.filter(beginning=prefix, deleted_at=None).exclude(project=project)
    if elsewhere.exists():
        raise Conflict(
            f"Models of other projects have names that begin with “{prefix}” already. Choose a "
            "longer or another beginning, or have those models renamed."
        )
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError:
        raise AlreadyExists(f"“{prefix}” is reserved for this project already.") from None
    record(actor=by, action="prefix.reserve", obj=row, project=project, data={"prefix": prefix})
    return row


@transaction.atomic
def release_prefix(row: NamePrefix, *, by: User) -> None:
    """Let names that begin so be taken by everybody. What was made stays where it is."""
    policies.projects.require(by, "manage_project", row.project)
    record(
        actor=by,
        action="prefix.release",
        obj=row,
        project=row.project,
        data={"prefix": row.prefix},
    )
    row.delete()


def _refused(sentence: str) -> Invalid:
    return Invalid(sentence, details={"prefix": sentence})
