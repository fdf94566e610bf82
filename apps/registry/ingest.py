"""Taking over the artifacts of a version: copied, verified, read, described."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

from django.conf import settings

from apps.core.digests import tree_digest
from apps.core.errors import Invalid, NotFound, TooLarge, Unavailable
from apps.core.full import is_full
from apps.registry import lineage, mlmodel, services, storage
from apps.registry.models import ModelVersion
from apps.registry.states import VersionState
from apps.runs.failures import RunFailure
from apps.runs.runners import RunContext
from apps.tracking import places, upstream
from apps.tracking.files import Files, Refused, RemoteFile
from apps.tracking.stores.base import is_within

T = TypeVar("T")
Entry = tuple[str, int, str]

# A tracking server that is being restarted is back within this time.
PAUSES = (1, 2, 4, 8)
LONGEST_PATH = 500
LOOK_AT_IT = "The platform's people have to look at it; then retry the registration."


def take_over(version: ModelVersion, context: RunContext) -> None:
    """Copy the artifacts into our store and open the version. Safe to repeat at any point."""
    if version.state != VersionState.PENDING or version.deleted_at is not None:
        context.log(f"{version} is decided already: there is nothing to do.")
        return
    with _refusals_told():
        with context.step("copy", "Copy the artifacts"):
            entries = _shared(version) if version.copied_from else _copied(version, context)
        with context.step("read", "Read the model"):
            reading = mlmodel.read(entries)
            for note in reading.notes:
                context.log(note)
        with context.step("lineage", "Read where it comes from"):
            document = (
                version.copied_from.lineage.document
                if version.copied_from
                else _patiently(context, lambda: _lineage(version))
            )
            document = {**document, "environment": reading.environment}
        context.check()
        digest = tree_digest(entries)
        services.accept_version(
            version, digest=digest, artifacts=entries, facts=reading.facts, lineage=document
        )
        context.log(f"{version} is ready: {len(entries)} files, {digest}")


def _source_of(version: ModelVersion) -> Files:
    """What reads the artifacts, with what the project entered for it by now."""
    if version.store is None:
        return upstream.client_of(version.tracking_server, version.project)
    reader = places.reader(version.store, version.project)
    if not is_within(version.artifact_path, version.store.root):
        raise Refused(
            f"{version.artifact_path} lies outside the store “{version.store}”, which was changed "
            "since. Ask an administrator to look at its root."
        )
    return reader


def _lineage(version: ModelVersion) -> dict[str, Any]:
    client = upstream.client_of(version.tracking_server, version.project)
    try:
        return lineage.of(version, client)
    except mlmodel.TooMuch as error:
        raise RunFailure(
            "registry.model.too-much-lineage",
            "Parameters, metrics, tags and data sets of the run are more than mlgov keeps with a "
            f"version: {error}.",
            "Log the model in a run of its own with fewer of them, and register the new one.",
        ) from error


def _copied(version: ModelVersion, context: RunContext) -> list[Entry]:
    client = _source_of(version)
    root, entries = version.artifact_path, []
    files = _patiently(context, lambda: sorted(client.list_artifacts(root), key=lambda f: f.path))
    if not files:
        raise NotFound(f"There are no artifacts at {root}.")
    if not any(file.path == mlmodel.NAME for file in files):
        raise RunFailure(
            "registry.model.no-mlmodel",
            f"There is no file {mlmodel.NAME} among the artifacts, so this is not an MLflow model.",
            mlmodel.HOW_TO_LOG,
        )
    left = settings.MLGOV_MODEL_LIMIT
    for file in files:
        context.check()
        if len(file.path) > LONGEST_PATH:
            raise Invalid(f"A path in the model is longer than {LONGEST_PATH} characters.")
        storage.safe_path(file.path)
        blob = _patiently(context, partial(_copy, client, root, file, left))
        left -= blob.size
        entries.append((file.path, blob.size, blob.sha256))
        context.log(f"{file.path} ({blob.size} bytes, sha256:{blob.sha256})")
    return entries


def _copy(client: Files, root: str, file: RemoteFile, left: int) -> storage.Blob:
    if file.size > left:
        raise TooLarge(f"{file.path} has {file.size} bytes.")
    with client.open_artifact(f"{root}/{file.path}") as chunks:
        blob = storage.save(chunks, limit=left)
    if blob.size != file.size:
        raise RunFailure(
            "registry.model.half-upload",
            f"{file.path} has {blob.size} bytes, and the tracking server lists it with "
            f"{file.size}: it was changed or cut off while it was copied.",
            "Log the model again, and register the new one.",
        )
    return blob


def _shared(version: ModelVersion) -> list[Entry]:
    """The entries of the version that this one is a copy of; the bytes are in the store."""
    assert version.copied_from is not None
    found = version.copied_from.artifacts.values_list("path", "size", "sha256")
    return list(found)


def _patiently(context: RunContext, work: Callable[[], T]) -> T:
    for pause in PAUSES:
        try:
            return work()
        except Unavailable as error:
            context.log(f"{error.message} Next attempt in {pause} s.", stream="err")
        for _ in range(pause):
            time.sleep(1)
            context.check()
    return work()


@contextmanager
def _refusals_told() -> Iterator[None]:
    """Say in a run's terms what stopped the work, and what to do about it."""
    try:
        yield
    except NotFound as error:
        raise RunFailure(
            "registry.model.source-gone",
            error.message,
            "Was the run or the model deleted? Log the model again, and register the new one.",
        ) from error
    except TooLarge as error:
        limit = settings.MLGOV_MODEL_LIMIT // (1024 * 1024)
        raise RunFailure(
            "registry.model.too-large",
            f"The model is larger than the {limit} MB that mlgov takes. {error.message}",
            "Make it smaller, or ask the platform's people to raise MLGOV_MODEL_LIMIT_MB.",
        ) from error
    except Refused as error:
        raise RunFailure(
            "registry.platform.source-refused",
            error.message,
            "When that is done, the registration can be retried on the version's page.",
        ) from error
    except Invalid as error:
        raise RunFailure(
            "registry.model.unusable", error.message, "Log the model again without it."
        ) from error
    except storage.StoreFailed as error:
        raise RunFailure("registry.platform.store-failed", error.message, LOOK_AT_IT) from error
    except Unavailable as error:
        raise RunFailure(
            "registry.platform.tracking-server-down",
            error.message,
            "The registration can be retried on the version's page as soon as it answers.",
        ) from error
    except OSError as error:
        if is_full(error):
            raise RunFailure(
                "registry.platform.disk-full",
                "There is no room left in the artifact store of mlgov.",
                "The platform's people have to make room; then retry the registration.",
            ) from error
        raise RunFailure(
            "registry.platform.store-failed",
            f"The artifact store of mlgov does not work ({error.strerror or error}).",
            LOOK_AT_IT,
        ) from error
