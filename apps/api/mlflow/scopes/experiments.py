"""Calls about experiments themselves."""

import base64
import binascii
import json
from typing import Any

from apps.api.mlflow.arguments import Arguments
from apps.api.mlflow.asked import JSON, Answered, Asked, answer_of, objects
from apps.api.mlflow.scopes import places
from apps.core import strict_json
from apps.core.errors import Conflict, DomainError, Invalid, NotFound, NotPermitted
from apps.projects.choosing import PROJECT_TAG, project_for_new
from apps.tracking import queries, services, upstream
from apps.tracking.models import Experiment
from apps.tracking.queries import CLIENTS_DEFAULT

OUR_TAGS = "mlgov."
CLIENTS_DEFAULT_NAME = "Default"
SEARCH = "/api/2.0/mlflow/experiments/search"
MOST_RESULTS, MANY_RESULTS = 50_000, 1000
# A search looks through so many pages of the server's before it answers with what it has.
MOST_PAGES = 20
PAGES = (200, 1000)


def by_id(asked: Asked) -> None:
    asked.put("experiment_id", places.experiment(asked, asked.text("experiment_id")))


def by_name(asked: Asked) -> dict[str, Any]:
    name = asked.text("experiment_name")
    missing = NotFound(f"Could not find experiment with name '{name[:250]}'")
    try:
        if name == CLIENTS_DEFAULT_NAME:
            place = places.experiment(asked, CLIENTS_DEFAULT)
            return {"experiment": upstream.client().get_experiment(place)}
        found = upstream.client().get_experiment_by_name(name)
        queries.require(str(found["experiment_id"]), user=asked.user)
    except NotFound:
        raise missing from None
    return {"experiment": found}


def renamed(asked: Asked) -> None:
    by_id(asked)
    experiment = queries.known_experiment(asked.values["experiment_id"])
    if experiment is not None:
        # The beginnings of names that projects reserved hold for a new name, too.
        tags = {PROJECT_TAG: experiment.project.slug}
        project_for_new(asked.user, name=asked.text("new_name"), tags=tags, noun="experiment")


def tagged(asked: Asked) -> None:
    by_id(asked)
    if asked.text("key").startswith(OUR_TAGS):
        raise NotPermitted(
            f"Tags that begin with {OUR_TAGS} are mlgov's own. An administrator moves an "
            "experiment to another project."
        )


def deleted(asked: Asked) -> None:
    by_id(asked)
    place = asked.values["experiment_id"]
    if Experiment.objects.filter(experiment_id=place, is_default=True).exists():
        raise Conflict(
            "This is the default experiment of its project, where runs go that name no "
            "experiment. Delete the runs in it instead."
        )


def new(asked: Asked) -> None:
    """Finds the project of a new experiment, which is then said in its tags."""
    name = asked.text("name")
    given = Arguments(asked.values).tags()
    for key in given:
        if key.startswith(OUR_TAGS) and key != PROJECT_TAG:
            raise Invalid(f"Tags that begin with {OUR_TAGS} are mlgov's own: leave out {key}.")
    objects(asked.values, "tags")
    asked.project = project_for_new(asked.user, name=name, tags=given, noun="experiment")
    tags = {**given, PROJECT_TAG: asked.project.slug}
    asked.put("tags", [{"key": key, "value": value} for key, value in tags.items()])


def created(asked: Asked) -> dict[str, Any]:
    """Makes the experiment and notes whose it is."""
    assert asked.project is not None
    path = "/api/2.0/mlflow/experiments/create"
    try:
        answer = answer_of(upstream.client().request("POST", path, headers=JSON, body=asked.body))
    except Answered as refusal:
        raise _of_others(asked, refusal) from None
    services.add_experiment(str(answer["experiment_id"]), project=asked.project, by=asked.user)
    return answer


def _of_others(asked: Asked, refusal: Answered) -> Exception:
    """A name that is taken by what the person does not see.

    The client, told that it exists, would look it up, find nothing, and log to the default.
    """
    if b"RESOURCE_ALREADY_EXISTS" not in refusal.body:
        return refusal
    name = asked.values["name"]
    try:
        found = upstream.client().get_experiment_by_name(name)
        queries.require(str(found["experiment_id"]), user=asked.user)
    except DomainError:
        return Invalid(
            f"The name “{name[:250]}” is taken by an experiment of another project. Choose "
            "another one, such as with the name of your project in front."
        )
    return refusal


# ---- search -------------------------------------------------------------------------------------


def search(asked: Asked) -> dict[str, Any]:
    """Looks through the server's pages for what the person sees.

    The server has no filter by project. A page token of ours says which page of the server's was
    read last, of which size, and how many of its rows were used.
    """
    wanted = _results(asked)
    sent = {
        key: value
        for key in ("filter", "view_type", "order_by")
        if (value := _sent(asked, key)) is not None
    }
    if asked.user.is_superuser:
        token = asked.optional("page_token")
        return _page(sent, size=wanted, token=token)
    token, size, skip = _read_token(asked.optional("page_token"), wanted)
    left = set(queries.visible_ids(asked.user))
    found: list[dict[str, Any]] = []
    for _ in range(MOST_PAGES):
        if not left:
            return _searched(found, "")
        page = _page(sent, size=size, token=token)
        rows = page.get("experiments") or []
        for number, row in enumerate(rows[skip:], start=skip + 1):
            if str(row.get("experiment_id")) in left:
                left.discard(str(row["experiment_id"]))
                found.append(row)
            if len(found) == wanted:
                following = page.get("next_page_token") or ""
                if number < len(rows):
                    return _searched(found, _token(token, size, number))
                return _searched(found, _token(following, size, 0) if following else "")
        token, skip = page.get("next_page_token") or "", 0
        if not token:
            return _searched(found, "")
    return _searched(found, _token(token, size, 0))


def _results(asked: Asked) -> int:
    number = Arguments(asked.values, from_query=asked.in_query).number(
        "max_results", default=MANY_RESULTS
    )
    if not 1 <= number <= MOST_RESULTS:
        raise Invalid(
            f"Invalid value {number} for parameter 'max_results' supplied: It must be at least 1 "
            f"and at most {MOST_RESULTS}."
        )
    return number


def _sent(asked: Asked, key: str) -> Any:
    """A value as a JSON body says it: the search is always sent as one."""
    if not asked.in_query:
        return asked.values.get(key) if asked.has(key) else None
    given = asked.values.get(key)
    if not given:
        return None
    return given if key == "order_by" else given[0]


def _page(sent: dict[str, Any], *, size: int, token: str) -> dict[str, Any]:
    body: dict[str, Any] = {**sent, "max_results": size}
    if token:
        body["page_token"] = token
    data = json.dumps(body).encode()
    return answer_of(upstream.client().request("POST", SEARCH, headers=JSON, body=data))


def _searched(found: list[dict[str, Any]], token: str) -> dict[str, Any]:
    answer: dict[str, Any] = {"experiments": found} if found else {}
    return {**answer, "next_page_token": token} if token else answer


def _token(token: str, size: int, skip: int) -> str:
    return base64.b64encode(json.dumps([token, size, skip]).encode()).decode()


def _read_token(text: str, wanted: int) -> tuple[str, int, int]:
    if not text:
        return "", next((size for size in PAGES if size >= wanted), PAGES[-1]), 0
    try:
        token, size, skip = strict_json.parse(base64.b64decode(text, validate=True).decode())
        if not (isinstance(token, str) and size in PAGES and type(skip) is int and skip >= 0):
            raise ValueError
    except (ValueError, TypeError, binascii.Error, Invalid):
        raise Invalid("Invalid page token, could not base64-decode") from None
    return token, size, skip
