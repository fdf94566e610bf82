"""The alias of each stage, which says what stands there: `models:/name@production`.

It is kept by mlgov in the transaction that moves a version, and by nobody else.
"""

from django.db import transaction
from django.db.models import Q

from apps.accounts.models import User
from apps.registry import services as registry
from apps.registry.models import ModelVersion, RegisteredModel
from apps.registry.services.locks import lock_model
from apps.stages import queries
from apps.stages.models import Stage


def keep(stage: Stage, model: RegisteredModel, *, by: User | None, in_trail: bool = True) -> None:
    """Point the stage's alias at what stands there. For callers that hold the model's lock."""
    standing = queries.standing_in(stage, model)
    registry.keep_alias(model, stage.alias, standing, by=by, in_trail=in_trail)


@transaction.atomic
def follow_deletion(version_id: int) -> None:
    """Where several stand in a stage, the one before takes over. Safe to repeat."""
    version = ModelVersion.objects.select_related("placement__stage").get(pk=version_id)
    stage = queries.current_stage(version)
    model = lock_model(version.model_id)
    if stage is not None and model.deleted_at is None:
        keep(stage, model, by=None)


@transaction.atomic
def keep_everywhere(stage: Stage, *, by: User | None, before: str = "") -> int:
    """Bring the alias of a new or changed stage in line for all models; returns of how many.

    `before` is how it was called. What people pointed an alias of this name at gives way.
    """
    named = Q(aliases__name__iexact=stage.alias)
    if before:
        named |= Q(aliases__name__iexact=before)
    models = RegisteredModel.objects.filter(
        named | Q(versions__placement__stage=stage), deleted_at=None
    )
    if stage.project_id is not None:
        models = models.filter(project=stage.project_id)
    keys = list(models.order_by("pk").values_list("pk", flat=True).distinct())
    for key in keys:
        model = lock_model(key)
        if before and before.casefold() != stage.alias.casefold():
            registry.keep_alias(model, before, None, by=by)
        keep(stage, model, by=by)
    return len(keys)
