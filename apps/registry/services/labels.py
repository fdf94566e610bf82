"""Tags and aliases."""

from django.db import transaction
from django.utils import timezone

from apps.accounts.models import User
from apps.audit.services import record
from apps.core.prepared import Prepared, object_of, with_related
from apps.outbox.services import publish
from apps.registry import guards, policies, rules, validation
from apps.registry.events import (
    AliasDeleted,
    AliasSet,
    PromptTagDeleted,
    PromptTagSet,
    VersionTagDeleted,
    VersionTagSet,
)
from apps.registry.models import (
    Alias,
    LabelKind,
    ModelTag,
    ModelVersion,
    RegisteredModel,
    VersionTag,
)
from apps.registry.services.locks import living_model


@transaction.atomic
def set_model_tag(model: RegisteredModel, *, key: str, value: str, by: User) -> ModelTag:
    policies.models.require(by, "register", model, {"tag": key})
    validation.tag(key, value)
    validation.free_tag(key)
    validation.settled_tag(key)
    rules.require(model.project, LabelKind.MODEL_TAG, [key], by=by)
    tag = ModelTag(model=model, key=key, value=value)
    ModelTag.objects.bulk_create(
        [tag], update_conflicts=True, unique_fields=["model", "key"], update_fields=["value"]
    )
    record(
        actor=by,
        action="model.tag",
        obj=model,
        project=model.project,
        data={"key": key, "value": value},
    )
    if model.is_prompt:
        publish(PromptTagSet(model.pk, key, value, _now()))
    return tag


@transaction.atomic
def delete_model_tag(model: RegisteredModel, *, key: str, by: User) -> None:
    """Deleting a tag that is not there is harmless, as with MLflow."""
    policies.models.require(by, "register", model, {"tag": key})
    validation.readable_key(key)
    validation.free_tag(key)
    validation.settled_tag(key)
    rules.require(model.project, LabelKind.MODEL_TAG, [key], by=by)
    if ModelTag.objects.filter(model=model, key=key).delete()[0]:
        record(actor=by, action="model.untag", obj=model, project=model.project, data={"key": key})
        if model.is_prompt:
            publish(PromptTagDeleted(model.pk, key, _now()))


@transaction.atomic
def set_version_tag(version: ModelVersion, *, key: str, value: str, by: User) -> VersionTag:
    policies.versions.require(by, "register", version, {"tag": key})
    validation.tag(key, value)
    validation.free_tag(key)
    validation.settled_tag(key)
    rules.require(version.project, LabelKind.VERSION_TAG, [key], by=by, version=version)
    tag = VersionTag(version=version, key=key, value=value)
    VersionTag.objects.bulk_create(
        [tag], update_conflicts=True, unique_fields=["version", "key"], update_fields=["value"]
    )
    record(
        actor=by,
        action="version.tag",
        obj=version,
        also=[version.model],
        project=version.model.project,
        data={"key": key, "value": value},
    )
    publish(VersionTagSet(version.pk, key, value, _now()))
    return tag


@transaction.atomic
def delete_version_tag(version: ModelVersion, *, key: str, by: User) -> None:
    """Deleting a tag that is not there is harmless, as with MLflow."""
    policies.versions.require(by, "register", version, {"tag": key})
    validation.readable_key(key)
    validation.free_tag(key)
    validation.settled_tag(key)
    rules.require(version.project, LabelKind.VERSION_TAG, [key], by=by, version=version)
    if VersionTag.objects.filter(version=version, key=key).delete()[0]:
        record(
            actor=by,
            action="version.untag",
            obj=version,
            also=[version.model],
            project=version.model.project,
            data={"key": key},
        )
        publish(VersionTagDeleted(version.pk, key, _now()))


@transaction.atomic
def set_alias(version: ModelVersion, *, name: str, by: User) -> Alias:
    """Point an alias of the model at this version, away from whatever it pointed at."""
    # The model is the lock of its aliases: a version cannot be deleted while one is set on it.
    model = living_model(version.model)
    policies.versions.require(by, "register", version, {"alias": name})
    validation.alias(name)
    found = _ALIAS.rows(model=model.pk, name=name)
    alias = object_of(found[0], Alias, "version") if found else None
    if alias is not None and alias.version_id == version.pk:
        return alias
    _require_free_alias(guards.Action.SET_ALIAS, version, name, by=by)
    return _point(model, alias, name, version, by=by)


_ALIAS = Prepared(
    lambda model, name: with_related(
        Alias.objects.order_by().filter(model=model, name=name), "version"
    )
)


@transaction.atomic
def delete_alias(model: RegisteredModel, *, name: str, by: User) -> None:
    """Deleting an alias that is not there is harmless, as with MLflow."""
    model = living_model(model)
    policies.models.require(by, "register", model, {"alias": name})
    validation.readable_alias(name)
    alias = Alias.objects.filter(model=model, name=name).select_related("version").first()
    if alias is None:
        return
    _require_free_alias(guards.Action.DELETE_ALIAS, alias.version, name, by=by)
    _remove(model, alias, by=by)


def _require_free_alias(
    action: guards.Action, version: ModelVersion, name: str, *, by: User
) -> None:
    # `production` of a prompt says nothing about what is deployed.
    if not version.model.is_prompt:
        guards.require(action, version, alias=name)
        rules.require(version.project, LabelKind.ALIAS, [name], by=by)


def keep_alias(
    model: RegisteredModel,
    name: str,
    version: ModelVersion | None,
    *,
    by: User | None,
    in_trail: bool = True,
) -> None:
    """Let an alias that mlgov keeps say what holds: this version, or none.

    For callers that hold the lock of the model. Nothing is asked, and what holds already is left.
    Callers whose own record says as much leave it out of the trail.
    """
    alias = None
    for found in Alias.objects.filter(model=model, name__iexact=name).select_related("version"):
        if found.name != name:
            # A person's spelling of the same name would be taken for it.
            _remove(model, found, by=by)
        elif version is None:
            _remove(model, found, by=by, in_trail=in_trail)
        else:
            alias = found
    if version is not None and (alias is None or alias.version_id != version.pk):
        _point(model, alias, name, version, by=by, in_trail=in_trail)


def _point(
    model: RegisteredModel,
    alias: Alias | None,
    name: str,
    version: ModelVersion,
    *,
    by: User | None,
    in_trail: bool = True,
) -> Alias:
    before = alias.version.number if alias else None
    if alias is None:
        alias = Alias.objects.create(model=model, name=name, version=version)
    else:
        alias.version = version
        alias.save(update_fields=["version"])
    if in_trail:
        record(
            actor=by,
            action="alias.set",
            obj=version,
            also=[model],
            project=model.project,
            data={"alias": name, "before": before},
        )
    publish(AliasSet(model.pk, version.pk, name, _now()))
    return alias


def _remove(
    model: RegisteredModel, alias: Alias, *, by: User | None, in_trail: bool = True
) -> None:
    version, name = alias.version, alias.name
    alias.delete()
    if in_trail:
        record(
            actor=by,
            action="alias.delete",
            obj=version,
            also=[model],
            project=model.project,
            data={"alias": name},
        )
    publish(AliasDeleted(model.pk, name, _now()))


def _now() -> str:
    return timezone.now().isoformat()
