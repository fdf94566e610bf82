"""Calls about evaluation datasets and scorers.

A dataset may lie in several experiments. Who sees one of them sees it, because somebody who may
write to all of them put it there; it is changed only by who may write to all of them.
"""

from typing import Any

from apps.api.mlflow.asked import Asked
from apps.api.mlflow.scopes import places
from apps.core.errors import Invalid, NotFound
from apps.tracking import queries, upstream
from apps.tracking.queries import CLIENTS_DEFAULT

MOST_IN_A_QUERY = 500


def by_id(asked: Asked) -> None:
    _homes(asked)


def new(asked: Asked) -> None:
    given = asked.texts("experiment_ids") or [CLIENTS_DEFAULT]
    asked.put("experiment_ids", _places(asked, given))


def added(asked: Asked) -> None:
    _homes(asked)
    asked.put("experiment_ids", _places(asked, asked.texts("experiment_ids")))


def removed(asked: Asked) -> None:
    homes = _homes(asked)
    given = _places(asked, asked.texts("experiment_ids"))
    if not asked.user.is_superuser and not set(homes) - set(given):
        raise Invalid("Leave the dataset in one experiment, or delete it: nobody would see it.")
    asked.put("experiment_ids", given)


def homes(asked: Asked) -> dict[str, Any]:
    """The experiments of a dataset that the person sees."""
    found = queries.visible_among(_homes(asked), user=asked.user)
    return {"experiment_ids": found} if found else {}


def search(asked: Asked) -> dict[str, Any] | None:
    """Narrowed to the experiments that the person sees, also where none is named."""
    if given := asked.texts("experiment_ids"):
        found = places.visible(asked, given)
    elif asked.user.is_superuser:
        return None
    else:
        found = queries.visible_ids(asked.user)
    if asked.in_query and len(found) > MOST_IN_A_QUERY:
        raise Invalid(
            f"You see more than {MOST_IN_A_QUERY} experiments, which is more than an address "
            "holds: name those to search in with experiment_ids."
        )
    asked.put("experiment_ids", found)
    return None if found else {}


def scorers(asked: Asked) -> dict[str, Any] | None:
    """Those of one experiment, or of all that the person sees."""
    if asked.optional("experiment_id"):
        asked.put("experiment_id", places.experiment(asked, asked.text("experiment_id")))
        return None
    return search(asked)


def _homes(asked: Asked) -> list[str]:
    dataset_id = asked.path["dataset_id"]
    missing = NotFound(f"Dataset '{dataset_id[:80]}' not found.")
    try:
        found = upstream.client().get_dataset_experiments(dataset_id)
    except NotFound:
        raise missing from None
    if asked.user.is_superuser:
        return found
    if not queries.visible_among(found, user=asked.user):
        raise missing
    if asked.may != "view":
        for place in found:
            try:
                queries.require(place, user=asked.user, may=asked.may)
            except NotFound:
                raise Invalid(
                    "This dataset lies in experiments of other projects as well, so somebody who "
                    "may write to all of them has to change it."
                ) from None
    return found


def _places(asked: Asked, given: list[str]) -> list[str]:
    return list(dict.fromkeys(places.experiment(asked, place) for place in given))
