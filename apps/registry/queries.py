"""Reads about models and versions that need a name."""

from collections.abc import Iterable
from typing import Any

from django.db.models import Max, Q, QuerySet

from apps.core.errors import NotFound
from apps.core.prepared import Prepared, object_of, with_related
from apps.registry import policies
from apps.registry.models import Alias, Ingest, ModelVersion, RegisteredModel

REDACTED = "REDACTED"
LARGEST_NUMBER = 999_999_999


def model_named(name: str, *, user: Any) -> RegisteredModel:
    model = entry_named(name, user=user)
    if model.is_prompt:
        raise no_model(name)
    return model


def entry_named(name: str, *, user: Any) -> RegisteredModel:
    """A model or a prompt: they share one name space."""
    found = _ENTRY_NAMED.rows(name=name, asked_by=user)
    if not found:
        raise no_model(name)
    return object_of(found[0], RegisteredModel, "project")


def version_named(name: str, number: int, *, user: Any) -> ModelVersion:
    """A version of a model or a prompt. Who sees the model sees its versions."""
    found = None
    if 0 < number <= LARGEST_NUMBER:
        found = _VERSION_NAMED.rows(name=name, number=number, asked_by=user)
    if not found:
        raise no_version(name, number)
    return object_of(found[0], ModelVersion, "model__project")


# Every call of MLflow's client begins with it.
_ENTRY_NAMED = Prepared(
    lambda name, asker: with_related(
        policies.models.entries_visible_to(asker).order_by().filter(name=name), "project"
    )
)
_VERSION_NAMED = Prepared(
    lambda name, number, asker: with_related(
        policies.versions.entries_visible_to(asker)
        .order_by()
        .filter(model__name=name, model__deleted_at=None, number=number),
        "model__project",
    )
)


def no_model(name: str) -> NotFound:
    return NotFound(f"Registered Model with name={name} not found")


def no_version(name: str, number: int | str) -> NotFound:
    return NotFound(f"Model Version (name={name}, version={number}) not found")


def no_alias(name: str) -> NotFound:
    return NotFound(f"Registered model alias {name} not found.", code="no_such_alias")


def version_of(model: RegisteredModel, number: int | str) -> ModelVersion:
    """A version by its number. Who sees the model sees its versions."""
    found = None
    if str(number).isascii() and str(number).isdigit() and len(str(number)) <= 9:
        found = versions_of(model).filter(number=int(number)).first()
    if found is None:
        raise no_version(model.name, number)
    return found


def versions_of(model: RegisteredModel) -> QuerySet[ModelVersion]:
    return ModelVersion.objects.filter(model=model, deleted_at=None).select_related(
        "model__project"
    )


def version_behind(model: RegisteredModel, alias: str) -> ModelVersion:
    # Aliases point at living versions only: deleting a version deletes its aliases.
    found = Alias.objects.filter(model=model, name=alias).values("version")
    version = versions_of(model).filter(pk__in=found).first()
    if version is None:
        raise no_alias(alias)
    return version


def latest_version(model: RegisteredModel) -> ModelVersion:
    version = versions_of(model).order_by("-number").first()
    if version is None:
        raise NotFound(f"{model} has no version yet.")
    return version


def latest_of_each(versions: QuerySet[ModelVersion], *group: str) -> QuerySet[ModelVersion]:
    """The newest version for each value of the given fields, e.g. for each model."""
    # Numbers are given under the lock of the model, so of two versions of a model the later row
    # has the higher number.
    newest = versions.order_by().values(*group).annotate(newest=Max("pk")).values("newest")
    return ModelVersion.objects.filter(pk__in=newest)


def latest_ingest(version: ModelVersion) -> Ingest | None:
    return version.ingests.select_related("run").order_by("-pk").first()


def referring_to(
    *,
    run_ids: Iterable[str] = (),
    logged_model_ids: Iterable[str] = (),
    experiment_ids: Iterable[str] = (),
) -> QuerySet[ModelVersion]:
    """Living versions that come from one of these, on the server behind the pass-through."""
    return ModelVersion.objects.filter(
        Q(source_run_id__in=[i for i in run_ids if i])
        | Q(logged_model_id__in=[i for i in logged_model_ids if i])
        | Q(experiment_id__in=[i for i in experiment_ids if i]),
        tracking_server=None,
        deleted_at=None,
    ).select_related("model")


def resting_on(path: str) -> QuerySet[ModelVersion]:
    """Living versions whose artifacts lie at, below or above a path behind the pass-through."""
    parts = path.strip("/").split("/")
    above = ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]
    return ModelVersion.objects.filter(
        Q(artifact_path__in=above) | Q(artifact_path__startswith="/".join([*parts, ""])),
        tracking_server=None,
        store=None,
        deleted_at=None,
    ).select_related("model")
