"""The experiment that an id stands for, and the rights in it."""

from collections.abc import Iterable

from apps.accounts.models import User
from apps.api.mlflow.asked import Asked
from apps.core.errors import DomainError, Invalid, NotFound, NotPermitted, Unavailable
from apps.projects.queries import projects_where
from apps.tracking import queries, services
from apps.tracking.queries import CLIENTS_DEFAULT

WRITE = "register"


def experiment(asked: Asked, given: str) -> str:
    """The id to send for the one that was given. Raises where the person may not."""
    place = given
    if given == CLIENTS_DEFAULT:
        place = _own_default(asked.user) if asked.may == WRITE else _default_to_read(asked)
    queries.require(place, user=asked.user, may=asked.may)
    return place


def visible(asked: Asked, given: Iterable[str]) -> list[str]:
    """The ids to search in: those of the given that the person sees."""
    wanted: list[str] = []
    for place in given:
        wanted.append(place)
        if place == CLIENTS_DEFAULT:
            # Several projects may have a default experiment that the person sees.
            wanted += queries.default_ids(asked.user)
    return queries.visible_among(wanted, user=asked.user)


def nowhere(asked: Asked) -> None:
    """For what lies in no experiment, such as the server's version."""
    require_a_project(asked.user)


def require_a_project(user: User) -> None:
    if not projects_where(user, may="view").exists():
        raise NotPermitted("You are in no project yet. Ask an owner of a project to let you in.")


def _own_default(user: User) -> str:
    if not projects_where(user, may=WRITE).exists():
        require_a_project(user)
        raise NotPermitted(
            "You may read experiments and not write to them. Ask an owner of your project to make "
            "you a data scientist."
        )
    return services.default_experiment(user).experiment_id


def _default_to_read(asked: Asked) -> str:
    user = asked.user
    if user.is_superuser:
        return CLIENTS_DEFAULT
    found = queries.default_ids(user)
    if len(found) > 1:
        raise Invalid(
            "You see the default experiments of several projects: name one of "
            f"{', '.join(found[:20])}, or use an access token with a default project."
        )
    if found:
        return found[0]
    missing = NotFound(f"No Experiment with id={CLIENTS_DEFAULT} exists")
    if not asked.may_make_default:
        raise missing
    try:
        return _own_default(user)
    except Unavailable:
        raise
    except DomainError:
        raise missing from None
