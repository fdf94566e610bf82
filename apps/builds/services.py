"""Builds: asked for, ended, tried again."""

from typing import Any

from django.db import transaction

from apps.accounts.models import User
from apps.audit.queries import activity_of
from apps.audit.services import record
from apps.builds import policies, queries
from apps.builds.events import BuildFailed, BuildRetried, ImageBuilt
from apps.builds.models import Build
from apps.core.errors import Conflict
from apps.outbox.services import publish
from apps.registry.models import ModelVersion
from apps.registry.services.locks import lock_version
from apps.runs import services as runs
from apps.runs.failures import WORKER_LOST
from apps.runs.models import Run
from apps.runs.states import RunState
from apps.stages.models import Environment

BUILD = "builds.build"
ATTEMPTS = 5


@transaction.atomic
def request_build(
    version: ModelVersion,
    environment: Environment,
    *,
    by: User | None,
    artifact_digest: str,
    review_id: int | None = None,
    asked_for: str = "",
) -> Build:
    """Ask for an image of the version. Whoever asks while one is being made gets that build."""
    # The lock is what makes two requests see each other.
    version = lock_version(version.pk)
    unfinished = queries.unfinished_build(version, environment, artifact_digest)
    if unfinished is not None:
        runs.vouch(unfinished.run, by=by, asked_for=asked_for)
        return unfinished
    return _start(
        version,
        environment,
        by=by,
        asked_for=asked_for,
        artifact_digest=artifact_digest,
        review_id=review_id,
    )


@transaction.atomic
def cancel(build: Build, *, by: User) -> Build:
    build = Build.objects.select_for_update(of=("self",)).select_related("run").get(pk=build.pk)
    policies.builds.require(by, "retry", build)
    build.run = runs.request_cancel(build.run)
    _record(build, "build.cancel", actor=by)
    return build


@transaction.atomic
def retry(build: Build, *, by: User) -> Build:
    """Try again what failed or was cancelled. Returns the new build."""
    policies.builds.require(by, "retry", build)
    version = lock_version(build.version_id)
    build = Build.objects.select_related("run", "environment").get(pk=build.pk)
    if build.run.state not in (RunState.FAILED, RunState.CANCELLED):
        label = RunState(build.run.state).label.lower()
        raise Conflict(f"This build is {label}: only a failed or cancelled one can be retried.")
    newest = queries.builds_like(build).first()
    if newest is not None and newest.pk != build.pk:
        raise Conflict("This build was tried again already. Look at the newer one.")
    return _try_again(build, version, by=by, asked_for="retry", attempt=1)


@transaction.atomic
def settle(run_id: int) -> None:
    """Draw the consequences of a build's end. Twice is as good as once."""
    build = Build.objects.filter(run=run_id).select_related("run", "environment").first()
    if build is None:
        return
    version = lock_version(build.version_id)
    if _is_settled(build):
        return
    if build.run.state == RunState.SUCCEEDED:
        _record(build, "build.finish")
        publish(ImageBuilt(build.pk))
    elif build.run.state == RunState.CANCELLED:
        _record(build, "build.end")
        publish(BuildFailed(build.pk))
    elif build.run.state == RunState.FAILED:
        _record(build, "build.fail")
        if build.run.error_code == WORKER_LOST and build.attempt < ATTEMPTS:
            _try_again(
                build,
                version,
                by=build.run.requested_by,
                asked_for=build.run.asked_for,
                attempt=build.attempt + 1,
                quietly=True,
            )
        else:
            publish(BuildFailed(build.pk))


def _try_again(
    build: Build,
    version: ModelVersion,
    *,
    by: User | None,
    asked_for: str,
    attempt: int,
    quietly: bool = False,
) -> Build:
    again = queries.unfinished_build(version, build.environment, build.artifact_digest)
    if again is None:
        again = _start(
            version,
            build.environment,
            by=by,
            asked_for=asked_for,
            artifact_digest=build.artifact_digest,
            review_id=build.review_id,
            attempt=attempt,
        )
        _record(again, "build.retry", actor=None if quietly else by, earlier=build.pk)
    publish(BuildRetried(again.pk, build.pk))
    return again


def _start(
    version: ModelVersion,
    environment: Environment,
    *,
    by: User | None,
    asked_for: str,
    artifact_digest: str,
    review_id: int | None,
    attempt: int = 1,
) -> Build:
    run = runs.start(
        kind=BUILD,
        title=f"Build {version} for {environment}",
        requested_by=by,
        asked_for=asked_for,
    )
    build = Build.objects.create(
        version=version,
        environment=environment,
        run=run,
        artifact_digest=artifact_digest,
        review_id=review_id,
        attempt=attempt,
    )
    _record(build, "build.request", actor=by)
    return build


def _is_settled(build: Build) -> bool:
    ends = ("build.finish", "build.end", "build.fail")
    return activity_of(build).filter(action__in=ends).exists()


def _record(build: Build, action: str, *, actor: User | None = None, **more: Any) -> None:
    run: Run = build.run
    data = {
        "artifact_digest": build.artifact_digest,
        "review": build.review_id,
        "environment": build.environment.slug,
        "attempt": build.attempt,
        **more,
    }
    if build.image_id:
        data["image"] = build.image.reference if build.image else ""
    if run.error_code:
        data |= {"code": run.error_code, "text": run.error_text}
    record(
        actor=actor,
        action=action,
        obj=build,
        also=[build.version, build.version.model, build.environment],
        project=build.version.model.project,
        data=data,
    )
