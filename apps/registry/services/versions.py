"""Model versions: registered, described, deleted."""

from collections.abc import Mapping

from django.db import transaction
from django.utils import timezone

from apps.access.rulebook import standing_of
from apps.accounts.models import User
from apps.audit.services import record
from apps.core.digests import tree_digest
from apps.core.errors import Conflict, Invalid
from apps.outbox.services import publish
from apps.registry import guards, policies, rules, sources, validation
from apps.registry.events import (
    PromptVersionRegistered,
    VersionDeleted,
    VersionRegistered,
)
from apps.registry.models import Alias, LabelKind, ModelVersion, RegisteredModel, VersionTag
from apps.registry.queries import REDACTED
from apps.registry.services.ingests import accept_copy, start_ingest
from apps.registry.services.locks import living_model, living_version
from apps.registry.states import VersionState

LONGEST_RUN_LINK = 500
# The text of a prompt lies in a tag: there are no files.
READY_AT_ONCE = {"state": VersionState.READY, "artifact_digest": tree_digest([])}


def create_version(
    model: RegisteredModel,
    *,
    source: str,
    by: User,
    run_id: str = "",
    model_id: str = "",
    run_link: str = "",
    description: str = "",
    tags: Mapping[str, str] | None = None,
) -> ModelVersion:
    """Register a version. It is pending until a run has taken over its artifacts; a copy is not,
    and the version of a prompt has none.

    The source is looked up on the tracking server before anything is locked: another server's
    answer must not keep other writers waiting.
    """
    policies.models.require(by, "register", model)
    tags = validation.tags(tags or {})
    for key in tags:
        validation.free_tag(key)
        if not standing_of(by).is_plain:
            policies.models.require(by, "register", model, {"tag": key})
    rules.require(model.project, LabelKind.VERSION_TAG, tags, by=by)
    validation.description(description)
    if len(run_link) > LONGEST_RUN_LINK:
        sentence = f"A link to a run has at most {LONGEST_RUN_LINK} characters."
        raise Invalid(sentence, details={"run_link": sentence})
    if validation.says_prompt(tags) != model.is_prompt:
        kind = "a prompt, and its versions carry" if model.is_prompt else "a model: no version has"
        raise Invalid(f"{model} is {kind} the tag {validation.IS_PROMPT}.")
    if model.is_prompt:
        resolved = _resolve_prompt(source)
    else:
        resolved = sources.resolve(
            source, project=model.project, user=by, run_id=run_id, model_id=model_id
        )
    return _register(
        model,
        resolved=resolved,
        run_link=run_link,
        description=description,
        tags=tags,
        by=by,
    )


@transaction.atomic
def _register(
    model: RegisteredModel,
    *,
    resolved: sources.ResolvedSource,
    run_link: str,
    description: str,
    tags: Mapping[str, str],
    by: User,
) -> ModelVersion:
    # Numbers are counted under this lock: two registrations at once get two numbers.
    model = living_model(model)
    policies.models.require(by, "register", model)
    if resolved.origin is not None:
        _require_living(resolved.origin)
    model.last_number += 1
    model.updated_at = timezone.now()
    # Not `save`: history does not keep these two, and would get a row in which nothing changed.
    RegisteredModel.objects.filter(pk=model.pk).update(
        last_number=model.last_number, updated_at=model.updated_at
    )
    version = ModelVersion.objects.create(
        model=model,
        number=model.last_number,
        description=description,
        source=resolved.source,
        source_run_id=resolved.run_id,
        logged_model_id=resolved.logged_model_id,
        run_link=run_link,
        artifact_path=resolved.artifact_path,
        tracking_server=resolved.tracking_server,
        store=resolved.store,
        experiment_id=resolved.experiment_id,
        copied_from=resolved.origin,
        # The same bytes are as sensitive under another name.
        attributes=dict(resolved.origin.attributes) if resolved.origin else {},
        registered_by=by,
        claimed_author=resolved.claimed_author,
        created_at=model.updated_at,
        updated_at=model.updated_at,
        **(READY_AT_ONCE if model.is_prompt else {}),
    )
    VersionTag.objects.bulk_create(
        VersionTag(version=version, key=key, value=value) for key, value in tags.items()
    )
    record(
        actor=by,
        action="version.register",
        obj=version,
        also=[model],
        project=model.project,
        data={
            "source": resolved.source,
            "tracking_server": resolved.tracking_server.url if resolved.tracking_server else None,
            "store": resolved.store.root if resolved.store else None,
            "run": resolved.run_id,
            "logged_model": resolved.logged_model_id,
            "copied_from": str(resolved.origin) if resolved.origin else None,
            "tags": dict(tags),
        },
    )
    if model.is_prompt:
        publish(PromptVersionRegistered(version.pk))
        return version
    publish(VersionRegistered(version.pk))
    if resolved.origin is not None:
        # Nothing is fetched for a copy, so nobody has to wait for it.
        return accept_copy(version, resolved.origin)
    start_ingest(version, by=by, asked_for="register")
    return version


def _resolve_prompt(source: str) -> sources.ResolvedSource:
    if source not in validation.PROMPT_SOURCES:
        raise Invalid(
            f"Invalid prompt source: '{source[:200]}'. Prompt sources must use an MLflow "
            "placeholder."
        )
    return sources.ResolvedSource(artifact_path="", source=source)


@transaction.atomic
def describe_version(version: ModelVersion, *, description: str, by: User) -> ModelVersion:
    version = living_version(version)
    policies.versions.require(by, "register", version)
    before, version.description = version.description, validation.description(description)
    version.updated_at = timezone.now()
    version.save(update_fields=["description", "updated_at"])
    record(
        actor=by,
        action="version.describe",
        obj=version,
        also=[version.model],
        project=version.model.project,
        data={"before": before, "after": description},
    )
    return version


@transaction.atomic
def delete_version(version: ModelVersion, *, by: User) -> None:
    """Delete a version. Its number is never given again, and its row stays for the trail."""
    version = living_version(version)
    model = living_model(version.model)
    policies.versions.require(by, "delete", version)
    require_deletable(version, by=by)
    retire(version, by=by)
    model.updated_at = timezone.now()
    model.save(update_fields=["updated_at"])


def require_deletable(version: ModelVersion, *, by: User) -> None:
    """Its aliases go with a version, so they are asked about as well."""
    guards.require(guards.Action.DELETE_VERSION, version)
    aliases = version.aliases.values_list("name", flat=True)
    rules.require(version.project, LabelKind.ALIAS, aliases, by=by)


def retire(version: ModelVersion, *, by: User) -> None:
    """The deletion itself, for callers that hold the lock and asked the policy and the guards."""
    Alias.objects.filter(version=version).delete()
    version.source = version.source_run_id = version.run_link = REDACTED
    version.logged_model_id = version.artifact_path = version.experiment_id = ""
    version.deleted_at = version.updated_at = timezone.now()
    version.save(
        update_fields=[
            "source",
            "source_run_id",
            "run_link",
            "logged_model_id",
            "artifact_path",
            "experiment_id",
            "deleted_at",
            "updated_at",
        ]
    )
    record(
        actor=by,
        action="version.delete",
        obj=version,
        also=[version.model],
        project=version.model.project,
        data={"artifact_digest": version.artifact_digest},
    )
    publish(VersionDeleted(version.pk))


def _require_living(origin: ModelVersion) -> None:
    if not ModelVersion.objects.filter(pk=origin.pk, deleted_at=None).exists():
        raise Conflict(f"{origin} was deleted meanwhile, so there is nothing to copy.")
