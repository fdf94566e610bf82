"""Reads about models and versions that need a name."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.db.models import Max, Q, QuerySet

from apps.accounts.models import User
from apps.core.errors import Invalid, NotFound
from apps.projects.models import Project
from apps.projects.queries import projects_where
from apps.registry import policies
from apps.registry.models import Alias, Ingest, ModelVersion, RegisteredModel

PROJECT_TAG = "mlgov.project"
REDACTED = "REDACTED"


def model_named(name: str, *, user: Any) -> RegisteredModel:
    model = policies.models.visible_to(user).select_related("project").filter(name=name).first()
    if model is None:
        raise NotFound(f"Registered Model with name={name} not found")
    return model


def version_of(model: RegisteredModel, number: int | str) -> ModelVersion:
    """A version by its number. Who sees the model sees its versions."""
    found = None
    if str(number).isascii() and str(number).isdigit() and len(str(number)) <= 9:
        found = versions_of(model).filter(number=int(number)).first()
    if found is None:
        raise NotFound(f"Model Version (name={model.name}, version={number}) not found")
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
        raise NotFound(f"Registered model alias {alias} not found.", code="no_such_alias")
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


def project_for_new_model(user: User, tags: Mapping[str, str]) -> Project:
    """Where a model goes that the person registers without saying it in mlgov's own way.

    The tag `mlgov.project` decides; else the only project in which the person may register.
    """
    allowed = projects_where(user, may="register")
    if slug := tags.get(PROJECT_TAG):
        project = allowed.filter(slug=slug).first()
        if project is None:
            raise NotFound(
                f"There is no project “{slug}” in which you may register models. "
                f"Correct the tag {PROJECT_TAG}, or ask an owner of the project to let you in."
            )
        return project
    found = list(allowed.order_by("slug")[:20])
    if len(found) == 1:
        return found[0]
    if not found:
        raise Invalid(
            "You are in no project in which you may register models. "
            "Ask an owner of a project to make you a data scientist there."
        )
    slugs = ", ".join(project.slug for project in found)
    raise Invalid(
        "You may register in several projects, so say in which one this model belongs: create "
        f"it with the tag {PROJECT_TAG} set to one of {slugs}, for example "
        f'MlflowClient().create_registered_model(name, tags={{"{PROJECT_TAG}": "{found[0].slug}"}})'
        ", and register versions of it afterwards."
    )


def referring_to(
    *,
    run_ids: Iterable[str] = (),
    logged_model_ids: Iterable[str] = (),
    experiment_ids: Iterable[str] = (),
) -> QuerySet[ModelVersion]:
    """Living versions that come from one of these, whoever may see them."""
    return ModelVersion.objects.filter(
        Q(source_run_id__in=[i for i in run_ids if i])
        | Q(logged_model_id__in=[i for i in logged_model_ids if i])
        | Q(experiment_id__in=[i for i in experiment_ids if i]),
        deleted_at=None,
    ).select_related("model")


def resting_on(path: str) -> QuerySet[ModelVersion]:
    """Living versions whose artifacts lie at, below or above a path of the tracking server."""
    parts = path.strip("/").split("/")
    above = ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]
    return ModelVersion.objects.filter(
        Q(artifact_path__in=above) | Q(artifact_path__startswith="/".join([*parts, ""])),
        deleted_at=None,
    ).select_related("model")
