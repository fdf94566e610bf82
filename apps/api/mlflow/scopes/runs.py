"""Calls about runs, their metrics, and logged models."""

from collections.abc import Iterable
from typing import Any

from apps.api.mlflow.asked import Asked, objects, taken
from apps.api.mlflow.scopes import experiments, places
from apps.core.errors import Invalid, NotFound
from apps.tracking import queries

RUN_ID = ("run_id", "run_uuid")
MOST_RUNS = 100
MOST_MODELS = 200


def by_id(asked: Asked) -> None:
    run_id = asked.text(*RUN_ID)
    queries.require_run(run_id, user=asked.user, may=asked.may)


def with_models(asked: Asked) -> None:
    """A run, and the logged models to which it says that its metrics, inputs or outputs belong."""
    by_id(asked)
    # A metric is written to its logged model as well.
    named = [asked.optional("model_id")]
    named += _model_ids(objects(asked.values, "metrics"))
    _require_models(asked, named, may=asked.may)
    linked = _model_ids(objects(asked.values, "models"))
    _require_models(asked, linked, may="view")


def many(asked: Asked) -> dict[str, Any] | None:
    """Narrowed to the runs that the person sees."""
    return _narrowed(asked, "run_ids", "GetMetricHistoryBulkInterval")


def each(asked: Asked) -> dict[str, Any] | None:
    """The same where the field is named as if it held one."""
    return _narrowed(asked, "run_id", "GetMetricHistoryBulk")


def _narrowed(asked: Asked, name: str, call: str) -> dict[str, Any] | None:
    given = asked.texts(name)
    if len(given) > MOST_RUNS:
        raise Invalid(
            f"{call} request must specify at most {MOST_RUNS} run_ids. "
            f"Received {len(given)} run_ids."
        )
    found = [run_id for run_id in dict.fromkeys(given) if _sees_run(asked, run_id)]
    if given and not found:
        return {}
    asked.put(name, found)
    return None


def search(asked: Asked) -> dict[str, Any] | None:
    """Narrowed to the experiments that the person sees."""
    found = places.visible(asked, asked.texts("experiment_ids"))
    asked.put("experiment_ids", found)
    return None if found else {}


def new_logged_model(asked: Asked) -> None:
    experiments.by_id(asked)
    if run_id := asked.optional("source_run_id"):
        queries.require_run(run_id, user=asked.user, may=asked.may)


def logged_model(asked: Asked) -> None:
    model_id = asked.path["model_id"]
    queries.require_logged_model(model_id, user=asked.user, may=asked.may)
    if not asked.in_query:
        # The server reads it from the body for some calls, and from the path for others.
        if asked.optional("model_id") not in ("", model_id):
            raise Invalid("The body names another logged model than the address.")
        if asked.method != "DELETE":
            asked.put("model_id", model_id)


def _sees_run(asked: Asked, run_id: str) -> bool:
    try:
        queries.require_run(run_id, user=asked.user)
    except NotFound:
        return False
    return True


def _model_ids(found: Iterable[dict[str, Any]]) -> list[str]:
    ids = [taken(item, "model_id") for item in found]
    if not all(model_id is None or isinstance(model_id, str) for model_id in ids):
        raise Invalid("'model_id' has to be a string.")
    return [model_id for model_id in ids if model_id]


def _require_models(asked: Asked, model_ids: Iterable[str], *, may: str) -> None:
    wanted = {model_id for model_id in model_ids if model_id}
    if len(wanted) > MOST_MODELS:
        raise Invalid(f"Name at most {MOST_MODELS} logged models in one call.")
    for model_id in wanted:
        queries.require_logged_model(model_id, user=asked.user, may=may)
