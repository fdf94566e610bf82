"""Versions taken over from another registry, as they were there: numbers, times and all."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from apps.accounts.models import User
from apps.audit.services import record
from apps.core.digests import tree_digest
from apps.core.errors import AlreadyExists, Invalid, NotPermitted
from apps.outbox.services import publish
from apps.registry import validation
from apps.registry.events import VersionReady, VersionRegistered
from apps.registry.models import Artifact, Lineage, ModelVersion, RegisteredModel, VersionTag
from apps.registry.services.locks import living_model
from apps.registry.states import VersionState


@dataclass(frozen=True)
class FoundVersion:
    """A version as the other registry tells it."""

    number: int
    source: str
    source_run_id: str
    logged_model_id: str
    run_link: str
    description: str
    created_at: datetime
    tags: Mapping[str, str]


@transaction.atomic
def import_version(
    model: RegisteredModel,
    found: FoundVersion,
    *,
    origin: str,
    entries: Iterable[tuple[str, int, str]],
    facts: Mapping[str, Any],
    lineage: dict[str, Any],
    by: User,
) -> ModelVersion:
    """Register a version under the number it had. Its artifacts lie in our store already.

    `origin` names the registry it comes from. Raises `AlreadyExists` where the number is taken.
    """
    if not by.is_superuser:
        raise NotPermitted("Only an administrator imports versions: no review has seen them.")
    model = living_model(model)
    if validation.says_prompt(found.tags) != model.is_prompt:
        raise Invalid(f"{model} is a {'prompt' if model.is_prompt else 'model'}, the version not.")
    if ModelVersion.objects.filter(model=model, number=found.number).exists():
        raise AlreadyExists(f"{model} has a version {found.number} already.")
    entries = list(entries)
    version = ModelVersion.objects.create(
        model=model,
        number=found.number,
        state=VersionState.READY,
        description=validation.description(found.description),
        source=found.source[:500],
        source_run_id=found.source_run_id,
        logged_model_id=found.logged_model_id,
        run_link=found.run_link[:500],
        imported_from=origin,
        registered_by=by,
        claimed_author=str((lineage.get("run") or {}).get("user") or "")[:150],
        created_at=found.created_at,
        artifact_digest=tree_digest(entries),
        artifact_bytes=sum(size for _, size, _ in entries),
        **facts,
    )
    Artifact.objects.bulk_create(
        Artifact(version=version, path=path, size=size, sha256=sha256)
        for path, size, sha256 in entries
    )
    if not model.is_prompt:
        Lineage.objects.create(version=version, document=lineage)
    VersionTag.objects.bulk_create(
        VersionTag(version=version, key=key, value=value)
        for key, value in validation.tags(found.tags).items()
    )
    # The next one that is registered here comes after all that were registered there.
    if found.number > model.last_number:
        model.last_number = found.number
        model.save(update_fields=["last_number"])
    record(
        actor=by,
        action="version.import",
        obj=version,
        also=[model],
        project=model.project,
        data={
            "from": origin,
            "source": found.source,
            "artifact_digest": version.artifact_digest,
            "registered_there": found.created_at.isoformat(),
        },
    )
    if not model.is_prompt:
        publish(VersionRegistered(version.pk))
        publish(VersionReady(version.pk))
    return version
