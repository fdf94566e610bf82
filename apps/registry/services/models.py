"""Registered models: made, described, renamed, deleted."""

from collections.abc import Mapping

from django.db import IntegrityError, transaction
from django.utils import timezone

from apps.access.rulebook import standing_of
from apps.accounts.models import User
from apps.audit.services import record
from apps.core.errors import AlreadyExists
from apps.core.prepared import Prepared
from apps.outbox.services import publish
from apps.projects import choosing
from apps.projects import policies as project_policies
from apps.projects.models import Project
from apps.registry import guards, policies, rules, validation
from apps.registry.events import ModelDeleted, ModelRegistered, ModelRenamed, PromptRegistered
from apps.registry.models import Alias, LabelKind, ModelTag, ModelVersion, RegisteredModel
from apps.registry.services.locks import living_model, living_model_with_versions
from apps.registry.services.versions import require_deletable, retire


def create_model(
    *,
    name: str,
    by: User,
    project: Project | None = None,
    description: str = "",
    tags: Mapping[str, str] | None = None,
) -> RegisteredModel:
    """Make a model in a project; without one, in the one that a tag or the person's roles say."""
    validation.model_name(name)
    # Before the right to create: MLflow's client creates first, takes "exists already" for a yes,
    # and goes on to register a version.
    tags = validation.tags(tags or {})
    validation.description(description)
    is_prompt = validation.says_prompt(tags)
    try:
        return _create_model(
            name, project, description=description, tags=tags, is_prompt=is_prompt, by=by
        )
    except IntegrityError:
        # Somebody else has made it at this moment.
        if not _NAMED.rows(name=name):
            raise
        raise _taken(name, is_prompt=is_prompt) from None


@transaction.atomic
def _create_model(
    name: str,
    project: Project | None,
    *,
    description: str,
    tags: Mapping[str, str],
    is_prompt: bool,
    by: User,
) -> RegisteredModel:
    if _NAMED.rows(name=name):
        raise _taken(name, is_prompt=is_prompt)
    if project is None:
        project = choosing.project_for_new(by, name=name, tags=tags, noun="model")
    else:
        choosing.require_free_name(name, project, noun="model")
    project_policies.projects.require(by, "register", project)
    own = [key for key in tags if key != choosing.PROJECT_TAG]
    for key in own:
        validation.free_tag(key)
        if not standing_of(by).is_plain:
            project_policies.projects.require(by, "register", project, {"tag": key})
    rules.require(project, LabelKind.MODEL_TAG, own, by=by)
    model = RegisteredModel.objects.create(
        project=project,
        name=name,
        is_prompt=is_prompt,
        description=description,
        created_by=by,
    )
    ModelTag.objects.bulk_create(
        ModelTag(model=model, key=key, value=value) for key, value in tags.items()
    )
    record(actor=by, action="model.create", obj=model, project=project, data={"tags": tags})
    publish(PromptRegistered(model.pk) if is_prompt else ModelRegistered(model.pk))
    return model


_NAMED = Prepared(
    lambda name: (
        RegisteredModel.objects.order_by().filter(name=name, deleted_at=None).values_list("pk")
    )
)


@transaction.atomic
def describe_model(model: RegisteredModel, *, description: str, by: User) -> RegisteredModel:
    model = living_model(model)
    policies.models.require(by, "register", model)
    before, model.description = model.description, validation.description(description)
    model.updated_at = timezone.now()
    model.save(update_fields=["description", "updated_at"])
    record(
        actor=by,
        action="model.describe",
        obj=model,
        project=model.project,
        data={"before": before, "after": description},
    )
    return model


@transaction.atomic
def rename_model(model: RegisteredModel, *, name: str, by: User) -> RegisteredModel:
    """Versions, tags and aliases stay with the model; links with the old name end."""
    model, versions = living_model_with_versions(model)
    policies.models.require(by, "register", model)
    validation.model_name(name)
    guards.require(guards.Action.RENAME_MODEL, model)
    if name == model.name:
        return model
    choosing.require_free_name(name, model.project, noun="model")
    before, model.name, model.updated_at = model.name, name, timezone.now()
    try:
        with transaction.atomic():
            model.save(update_fields=["name", "updated_at"])
    except IntegrityError:
        raise _taken(name, is_prompt=model.is_prompt) from None
    # As with MLflow: a version that is called otherwise has changed.
    renamed = ModelVersion.objects.filter(pk__in=[version.pk for version in versions])
    renamed.update(updated_at=model.updated_at)
    record(
        actor=by,
        action="model.rename",
        obj=model,
        project=model.project,
        data={"before": before, "after": name},
    )
    publish(ModelRenamed(model.pk, before, name))
    return model


@transaction.atomic
def delete_model(model: RegisteredModel, *, by: User) -> None:
    """Delete a model with its versions. The rows stay for the trail; the name is free again."""
    model, versions = living_model_with_versions(model)
    policies.models.require(by, "delete", model)
    guards.require(guards.Action.DELETE_MODEL, model)
    for version in versions:
        require_deletable(version, by=by)
    for version in versions:
        retire(version, by=by)
    Alias.objects.filter(model=model).delete()
    model.deleted_at = model.updated_at = timezone.now()
    model.save(update_fields=["deleted_at", "updated_at"])
    record(actor=by, action="model.delete", obj=model, project=model.project)
    publish(ModelDeleted(model.pk))


def _taken(name: str, *, is_prompt: bool) -> AlreadyExists:
    by_prompt = RegisteredModel.objects.filter(name=name, deleted_at=None, is_prompt=True).exists()
    wanted, there = (
        "prompt" if prompt else "registered model" for prompt in (is_prompt, by_prompt)
    )
    if wanted == there:
        return AlreadyExists(f"{wanted.title()} (name={name}) already exists.")
    return AlreadyExists(
        f"Tried to create a {wanted} with name {name!r}, but the name is already taken by a "
        f"{there}. MLflow does not allow creating a model and a prompt with the same name."
    )
