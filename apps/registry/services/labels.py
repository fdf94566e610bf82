"""Tags and aliases."""

from django.db import transaction
from django.utils import timezone

from apps.accounts.models import User
from apps.audit.services import record
from apps.outbox.services import publish
from apps.registry import guards, policies, validation
from apps.registry.events import AliasDeleted, AliasSet
from apps.registry.models import Alias, ModelTag, ModelVersion, RegisteredModel, VersionTag
from apps.registry.services.locks import living_model


@transaction.atomic
def set_model_tag(model: RegisteredModel, *, key: str, value: str, by: User) -> ModelTag:
    policies.models.require(by, "register", model)
    validation.tag(key, value)
    validation.free_tag(key)
    tag, _ = ModelTag.objects.update_or_create(model=model, key=key, defaults={"value": value})
    record(
        actor=by,
        action="model.tag",
        obj=model,
        project=model.project,
        data={"key": key, "value": value},
    )
    return tag


@transaction.atomic
def delete_model_tag(model: RegisteredModel, *, key: str, by: User) -> None:
    """Deleting a tag that is not there is harmless, as with MLflow."""
    policies.models.require(by, "register", model)
    validation.tag(key, "")
    validation.free_tag(key)
    if ModelTag.objects.filter(model=model, key=key).delete()[0]:
        record(actor=by, action="model.untag", obj=model, project=model.project, data={"key": key})


@transaction.atomic
def set_version_tag(version: ModelVersion, *, key: str, value: str, by: User) -> VersionTag:
    policies.versions.require(by, "register", version)
    validation.tag(key, value)
    validation.free_tag(key)
    tag, _ = VersionTag.objects.update_or_create(
        version=version, key=key, defaults={"value": value}
    )
    record(
        actor=by,
        action="version.tag",
        obj=version,
        also=[version.model],
        project=version.model.project,
        data={"key": key, "value": value},
    )
    return tag


@transaction.atomic
def delete_version_tag(version: ModelVersion, *, key: str, by: User) -> None:
    """Deleting a tag that is not there is harmless, as with MLflow."""
    policies.versions.require(by, "register", version)
    validation.tag(key, "")
    validation.free_tag(key)
    if VersionTag.objects.filter(version=version, key=key).delete()[0]:
        record(
            actor=by,
            action="version.untag",
            obj=version,
            also=[version.model],
            project=version.model.project,
            data={"key": key},
        )


@transaction.atomic
def set_alias(version: ModelVersion, *, name: str, by: User) -> Alias:
    """Point an alias of the model at this version, away from whatever it pointed at."""
    # The model is the lock of its aliases: a version cannot be deleted while one is set on it.
    model = living_model(version.model)
    policies.versions.require(by, "register", version)
    validation.alias(name)
    guards.require(guards.Action.SET_ALIAS, version, alias=name)
    alias = Alias.objects.filter(model=model, name=name).select_related("version").first()
    before = alias.version.number if alias else None
    if alias is None:
        alias = Alias.objects.create(model=model, name=name, version=version)
    elif alias.version_id != version.pk:
        alias.version = version
        alias.save(update_fields=["version"])
    _touch(model)
    record(
        actor=by,
        action="alias.set",
        obj=version,
        also=[model],
        project=model.project,
        data={"alias": name, "before": before},
    )
    publish(AliasSet(model.pk, version.pk, name))
    return alias


@transaction.atomic
def delete_alias(model: RegisteredModel, *, name: str, by: User) -> None:
    """Deleting an alias that is not there is harmless, as with MLflow."""
    model = living_model(model)
    policies.models.require(by, "register", model)
    validation.alias(name)
    alias = Alias.objects.filter(model=model, name=name).select_related("version").first()
    if alias is None:
        return
    guards.require(guards.Action.DELETE_ALIAS, alias.version, alias=name)
    version = alias.version
    alias.delete()
    _touch(model)
    record(
        actor=by,
        action="alias.delete",
        obj=version,
        also=[model],
        project=model.project,
        data={"alias": name},
    )
    publish(AliasDeleted(model.pk, name))


def _touch(model: RegisteredModel) -> None:
    model.updated_at = timezone.now()
    model.save(update_fields=["updated_at"])
