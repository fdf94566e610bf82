"""Attributes of models and versions: set, and taken away."""

from typing import Any

from django.db import transaction
from django.utils import timezone

from apps.accounts import attributes as declared
from apps.accounts.models import About, User
from apps.audit.services import record
from apps.registry import policies
from apps.registry.models import ModelVersion, RegisteredModel
from apps.registry.services.locks import living_model, living_version


@transaction.atomic
def set_model_attributes(
    model: RegisteredModel, *, changes: dict[str, Any], by: User
) -> RegisteredModel:
    """Set the attributes that `changes` names, and take away those that are None there."""
    model = living_model(model)
    policies.models.require(by, "view", model)
    manages = policies.models.allows(by, "manage_project", model)
    before = model.attributes
    model.attributes = declared.after(before, changes, about=About.MODEL, by=by, manages=manages)
    if model.attributes == before:
        return model
    model.updated_at = timezone.now()
    model.save(update_fields=["attributes", "updated_at"])
    record(
        actor=by,
        action="model.set_attributes",
        obj=model,
        project=model.project,
        data={"before": before, "now": model.attributes},
    )
    return model


@transaction.atomic
def set_version_attributes(
    version: ModelVersion, *, changes: dict[str, Any], by: User
) -> ModelVersion:
    """Set the attributes that `changes` names, and take away those that are None there."""
    version = living_version(version)
    policies.versions.require(by, "view", version)
    manages = policies.versions.allows(by, "manage_project", version)
    before = version.attributes
    version.attributes = declared.after(
        before, changes, about=About.VERSION, by=by, manages=manages
    )
    if version.attributes == before:
        return version
    version.updated_at = timezone.now()
    version.save(update_fields=["attributes", "updated_at"])
    record(
        actor=by,
        action="version.set_attributes",
        obj=version,
        also=[version.model],
        project=version.model.project,
        data={"before": before, "now": version.attributes},
    )
    return version
