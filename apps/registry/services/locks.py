"""Rows that a write works on: locked, and alive.

Always in one order: the version, or several by their keys, and then their model. Two writes that
took them in different orders would wait for each other for ever. `no_key`, because rows that refer
to a version are written by others meanwhile, and an ordinary lock would make them wait for it.
"""

from apps.core.errors import Conflict, NotFound
from apps.core.prepared import Prepared, object_of, with_related
from apps.registry.models import ModelVersion, RegisteredModel


def living_model(model: RegisteredModel) -> RegisteredModel:
    """The model, locked. Raises `NotFound` for one that was deleted meanwhile."""
    rows = _LIVING_MODEL.rows(pk=model.pk)
    if not rows:
        raise NotFound(f"Registered Model with name={model.name} not found")
    found = object_of(rows[0], RegisteredModel)
    if found.project_id == model.project_id:
        found.project = model.project
    return found


_LIVING_MODEL = Prepared(
    lambda pk: with_related(
        RegisteredModel.objects.select_for_update(no_key=True)
        .order_by()
        .filter(pk=pk, deleted_at=None)
    )
)


def living_version(version: ModelVersion) -> ModelVersion:
    """The version, locked. Raises `NotFound` for one that was deleted meanwhile."""
    found = (
        ModelVersion.objects.select_for_update(of=("self",), no_key=True)
        .select_related("model__project")
        .filter(pk=version.pk, deleted_at=None)
        .first()
    )
    if found is None:
        raise NotFound(
            f"Model Version (name={version.model.name}, version={version.number}) not found"
        )
    return found


def living_model_with_versions(
    model: RegisteredModel,
) -> tuple[RegisteredModel, list[ModelVersion]]:
    """The model with all its living versions, locked. `NotFound` for one that was deleted."""
    versions = list(
        ModelVersion.objects.select_for_update(of=("self",), no_key=True)
        .select_related("model__project")
        .filter(model=model.pk, deleted_at=None)
        .order_by("pk")
    )
    model = living_model(model)
    # Registering takes the lock of the model only: one more may have come before we had it.
    locked = [version.pk for version in versions]
    newer = ModelVersion.objects.filter(model=model, deleted_at=None).exclude(pk__in=locked).first()
    if newer is not None:
        raise Conflict(f"{newer} was registered at this moment. Look at it, then try again.")
    return model, versions


def lock_version(pk: int) -> ModelVersion:
    """The version in whatever state it is, locked."""
    return (
        ModelVersion.objects.select_for_update(of=("self",), no_key=True)
        .select_related("model__project")
        .get(pk=pk)
    )


def lock_model(pk: int) -> RegisteredModel:
    """The model in whatever state it is, locked."""
    return (
        RegisteredModel.objects.select_for_update(of=("self",), no_key=True)
        .select_related("project")
        .get(pk=pk)
    )
