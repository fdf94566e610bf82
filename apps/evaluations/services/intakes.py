"""Data sets that a run logged, taken in from where they lie."""

from typing import cast

from django.db import transaction

from apps.accounts.models import User
from apps.audit.services import record
from apps.core.errors import Conflict
from apps.evaluations import logged
from apps.evaluations.logged import Logged
from apps.evaluations.models import EvaluationDataSet, Intake
from apps.evaluations.services.data_sets import note_upload
from apps.projects import policies as project_policies
from apps.registry import policies as registry_policies
from apps.registry.models import ModelVersion
from apps.registry.services.locks import living_version
from apps.registry.storage import Blob
from apps.runs import services as runs
from apps.runs.failures import WORKER_LOST
from apps.runs.models import Run
from apps.runs.states import UNFINISHED, RunState

TAKE_IN = "evaluations.take_in"
ATTEMPTS = 3
MOST_AT_ONCE = 5


@transaction.atomic
def take_in(version: ModelVersion, key: str, *, by: User) -> Intake:
    """Queue the taking in of a data set that the version's run logged."""
    registry_policies.versions.require(by, "evaluate", version)
    project_policies.projects.require(by, "evaluate", version.model.project)
    version = living_version(version)
    wanted = logged.data_set_of(version, key)
    waiting = Intake.objects.filter(version=version, run__state__in=UNFINISHED)
    if found := waiting.filter(key=key).first():
        return found
    if waiting.count() >= MOST_AT_ONCE:
        raise Conflict(
            f"{MOST_AT_ONCE} data sets of {version} are being taken in. Try again when they are "
            "there."
        )
    made = Intake.objects.create(version=version, key=key, run=_run_for(version, wanted, by=by))
    record(
        actor=by,
        action="data_set.take_in",
        obj=version,
        also=[version.model],
        project=version.model.project,
        data={"name": wanted.name, "source": wanted.address, "logged_digest": wanted.digest},
    )
    return made


@transaction.atomic
def keep_logged(
    intake: Intake, found: Logged, blob: Blob, *, format: str, columns: list[str]
) -> EvaluationDataSet:
    """Note what was stored as a data set of the project. The same rows are one data set."""
    project, version = intake.version.model.project, living_version(intake.version)
    living = EvaluationDataSet.objects.filter(project=project, withdrawn_at=None)
    made = living.filter(sha256=blob.sha256, format=format).first()
    if made is None:
        taken = {name.casefold() for name in living.values_list("name", flat=True)}
        names = (found.name, f"{found.name[:60]} v{version.number} {blob.sha256[:8]}")
        made = note_upload(
            project,
            # Whoever asked: without a person nothing is taken in.
            by=cast(User, intake.run.requested_by),
            name=next((name for name in names if name.casefold() not in taken), blob.sha256),
            format=format,
            sha256=blob.sha256,
            size=blob.size,
            columns=columns,
            description=f"Logged with {version}.",
            logged_with=version,
            source=found.address,
            logged_digest=found.digest,
        )
    intake.data_set = made
    intake.save(update_fields=["data_set"])
    return made


@transaction.atomic
def settle_intake(run_id: int) -> None:
    """Try again what a lost worker left, a few times."""
    intake = (
        Intake.objects.select_for_update(of=("self",))
        .select_related("run__requested_by", "version__model__project")
        .filter(run=run_id, run__state=RunState.FAILED, run__error_code=WORKER_LOST)
        .first()
    )
    if intake is not None and intake.attempt < ATTEMPTS:
        again = runs.start(
            kind=TAKE_IN,
            title=intake.run.title,
            requested_by=intake.run.requested_by,
            asked_for=intake.run.asked_for,
        )
        intake.run, intake.attempt = again, intake.attempt + 1
        intake.save(update_fields=["run", "attempt"])


def _run_for(version: ModelVersion, wanted: Logged, *, by: User) -> Run:
    return runs.start(
        kind=TAKE_IN,
        title=f"Take in “{wanted.name}”, logged with {version}",
        requested_by=by,
        asked_for="evaluate",
    )
