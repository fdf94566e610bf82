"""To which project something new belongs that a client makes without knowing projects."""

from collections.abc import Mapping
from typing import NoReturn

from django.db.models import CharField, Value
from django.db.models.functions import Left, Length

from apps.accounts.models import User
from apps.core import context
from apps.core.errors import Invalid, NotFound, NotPermitted
from apps.core.prepared import Prepared, object_of, with_related
from apps.projects.models import NamePrefix, Project
from apps.projects.queries import projects_where

PROJECT_TAG = "mlgov.project"
MOST_NAMED = 20


def project_for_new(user: User, *, name: str, tags: Mapping[str, str], noun: str) -> Project:
    """The project of a new model or experiment.

    In this order: the one that reserved the beginning of the name, the tag `mlgov.project`, the
    default of the access token, the only project in which the person may register. A reserved
    beginning cannot be taken by a tag that says otherwise.
    """
    reserved = _reserving(name)
    if reserved is not None:
        if not projects_where(user, may="register").filter(pk=reserved.project_id).exists():
            raise _taken(reserved, noun)
        if tags.get(PROJECT_TAG) not in (None, reserved.project.slug):
            raise Invalid(
                f"Names that begin with “{reserved.prefix}” belong to the project "
                f"{reserved.project.slug}, and the tag {PROJECT_TAG} says "
                f"{tags[PROJECT_TAG]}. Correct one of them."
            )
        return reserved.project
    if slug := tags.get(PROJECT_TAG):
        return _named(user, slug, f"Correct the tag {PROJECT_TAG}")
    if slug := context.current().default_project:
        return _named(user, slug, "Make an access token with another default project")
    if user.limits is not None and not user.limits.allow("register"):
        raise user.limits.refusal()
    found = list(projects_where(user, may="register").order_by("slug")[:MOST_NAMED])
    if len(found) == 1:
        return found[0]
    if not found:
        raise Invalid(
            "You are in no project in which you may register models. "
            "Ask an owner of a project to make you a data scientist there."
        )
    slugs = ", ".join(project.slug for project in found)
    raise Invalid(
        f"You may register in several projects, so say to which one this {noun} belongs. Either "
        "use an access token with a default project (tokens page), or create the "
        f"{noun} with the tag {PROJECT_TAG} set to one of {slugs}, or begin its name as "
        f"the project reserved it. For example: {_EXAMPLES[noun].format(slug=found[0].slug)}"
    )


def project_to_run(user: User, *, noun: str) -> Project:
    """The project of something that belongs to one and cannot say to which: the default of the
    access token, or the only one that the person runs."""
    if slug := context.current().default_project:
        visible = projects_where(user, may="view").filter(slug=slug).first()
        return visible or _none_named(slug, "Use an access token with another default project")
    found = list(projects_where(user, may="manage_webhooks").order_by("slug")[:MOST_NAMED])
    if len(found) == 1:
        return found[0]
    if not found:
        raise NotPermitted(
            f"A {noun} belongs to a project and is made by its owners and maintainers, and you own "
            "none and maintain none. Ask an owner of the project."
        )
    slugs = ", ".join(project.slug for project in found)
    raise Invalid(
        f"You run several projects ({slugs}), so say to which one this {noun} belongs: use an "
        "access token with a default project (tokens page), or make it on the pages of the project."
    )


def require_free_name(name: str, project: Project, *, noun: str) -> None:
    """Raise `NotPermitted` for a name whose beginning another project reserved."""
    reserved = _reserving(name)
    if reserved is not None and reserved.project_id != project.pk:
        raise _taken(reserved, noun)


_EXAMPLES = {
    "model": 'MlflowClient().create_registered_model(name, tags={{"mlgov.project": "{slug}"}})',
    "experiment": 'mlflow.create_experiment(name, tags={{"mlgov.project": "{slug}"}})',
}


def _reserving(name: str) -> NamePrefix | None:
    """The longest reserved beginning of a name."""
    found = (object_of(row, NamePrefix, "project") for row in _BEGINNINGS_OF.rows(name=name))
    return max(found, key=lambda row: len(row.prefix), default=None)


_BEGINNINGS_OF = Prepared(
    lambda name: with_related(
        NamePrefix.objects.order_by().filter(
            prefix=Left(Value(name, output_field=CharField()), Length("prefix"))
        ),
        "project",
    )
)
_PROJECT_TO_REGISTER_IN = Prepared(
    lambda slug, asker: with_related(
        projects_where(asker, may="register").order_by().filter(slug=slug)
    )
)


def _taken(reserved: NamePrefix, noun: str) -> NotPermitted:
    return NotPermitted(
        f"Names that begin with “{reserved.prefix}” are reserved for another project. "
        f"Choose another name for this {noun}.",
        code="reserved_name",
    )


def _named(user: User, slug: str, remedy: str) -> Project:
    found = _PROJECT_TO_REGISTER_IN.rows(slug=slug, asked_by=user)
    if found:
        return object_of(found[0], Project)
    if projects_where(user, may="view").filter(slug=slug).exists():
        if user.limits is not None and not user.limits.allow("register"):
            raise user.limits.refusal()
        raise NotPermitted(
            f"You may not register anything in the project “{slug}”. {remedy}, or ask an owner of "
            "the project for the right."
        )
    return _none_named(slug, remedy)


def _none_named(slug: str, remedy: str) -> NoReturn:
    raise NotFound(
        f"There is no project “{slug}” in which you may do that. {remedy}, or ask an owner of the "
        "project to let you in."
    )
