"""Data sets taken in and withdrawn."""

from typing import Any, BinaryIO

from django.db import IntegrityError, transaction
from django.utils import timezone

from apps.accounts.models import User
from apps.audit.services import record
from apps.core.errors import AlreadyExists, Invalid
from apps.evaluations import intake, policies
from apps.evaluations.models import EvaluationDataSet
from apps.projects import policies as project_policies
from apps.projects.models import Project
from apps.registry import storage


def upload_data_set(
    project: Project,
    *,
    name: str,
    file: BinaryIO,
    filename: str,
    size: int,
    by: User,
    description: str = "",
) -> EvaluationDataSet:
    """Take a file in, after it was looked at. The same name twice is refused."""
    project_policies.projects.require(by, "evaluate", project)
    intake.require_size(size)
    kind = intake.format_of(filename)
    columns = intake.columns_of(file, kind)
    name = name.strip()
    if not name or not name.isprintable():
        raise Invalid("Give the data set a name.", details={"name": "Give the data set a name."})
    if _has(project, name):
        raise _taken(name)
    # Outside the transaction: what is stored under its digest may stay without a row.
    blob = storage.save(intake.chunks(file), limit=intake.MOST_BYTES)
    try:
        return note_upload(
            project,
            by=by,
            name=name,
            format=kind,
            sha256=blob.sha256,
            size=blob.size,
            columns=columns,
            description=description,
        )
    except IntegrityError:
        raise _taken(name) from None


@transaction.atomic
def note_upload(project: Project, *, by: User, **facts: Any) -> EvaluationDataSet:
    """Write down what was stored already."""
    made = EvaluationDataSet.objects.create(project=project, uploaded_by=by, **facts)
    record(
        actor=by,
        action="data_set.upload",
        obj=made,
        project=project,
        data={
            "sha256": made.sha256,
            "bytes": made.size,
            "columns": len(made.columns),
            **({"source": made.source} if made.source else {}),
        },
    )
    return made


def _has(project: Project, name: str) -> bool:
    return EvaluationDataSet.objects.filter(
        project=project, name__iexact=name, withdrawn_at=None
    ).exists()


def _taken(name: str) -> AlreadyExists:
    sentence = f"The project has an evaluation data set “{name}” already. Choose another name."
    return AlreadyExists(sentence, details={"name": sentence})


@transaction.atomic
def withdraw_data_set(data_set: EvaluationDataSet, *, by: User, reason: str) -> EvaluationDataSet:
    """Nothing is evaluated on it any more. Reports that were made keep its name and digest."""
    policies.data_sets.require(by, "evaluate", data_set)
    data_set = EvaluationDataSet.objects.select_for_update().get(pk=data_set.pk)
    if data_set.withdrawn_at is None:
        data_set.withdrawn_at = timezone.now()
        data_set.save(update_fields=["withdrawn_at"])
        record(
            actor=by,
            action="data_set.withdraw",
            obj=data_set,
            project=data_set.project,
            reason=reason,
        )
    return data_set
