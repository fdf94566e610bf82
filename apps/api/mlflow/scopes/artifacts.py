"""Calls about files: the first part of a path is the id of the experiment."""

from typing import Any
from urllib.parse import unquote

from apps.api.mlflow.asked import Asked, answer_of
from apps.api.mlflow.scopes import places, runs
from apps.core.errors import Invalid, NotFound
from apps.tracking import queries, upstream
from apps.tracking.queries import CLIENTS_DEFAULT

ROOT = "/api/2.0/mlflow-artifacts/artifacts"


def file(asked: Asked) -> None:
    asked.path["path"] = _at_home(asked, asked.path["path"])


def folder(asked: Asked) -> dict[str, Any] | None:
    """The listing of a folder; of the root, only the experiments that the person sees."""
    path = asked.optional("path")
    if path not in ("", "/"):
        asked.put("path", _at_home(asked, plain(path)))
        return None
    answer = answer_of(upstream.client().request("GET", ROOT))
    if asked.user.is_superuser:
        return answer
    seen = set(queries.visible_ids(asked.user))
    files = [entry for entry in answer.get("files") or [] if entry.get("path") in seen]
    return {"files": files} if files else {}


def of_run(asked: Asked) -> None:
    runs.by_id(asked)
    if path := asked.optional("path"):
        asked.put("path", plain(path))


def file_of_run(asked: Asked) -> None:
    runs.by_id(asked)
    asked.put("path", plain(asked.text("path")))


def file_of_trace(asked: Asked) -> None:
    """The spans of a trace, or with a path something that was attached to it."""
    queries.require_trace(asked.text("request_id"), user=asked.user, may=asked.may)
    if path := asked.optional("path"):
        asked.put("path", plain(path))


def file_of_logged_model(asked: Asked) -> None:
    runs.logged_model(asked)
    asked.put("artifact_file_path", plain(asked.text("artifact_file_path")))


def of_logged_model(asked: Asked) -> None:
    runs.logged_model(asked)
    if path := asked.optional("artifact_directory_path"):
        asked.put("artifact_directory_path", plain(path))


def plain(path: str) -> str:
    """A path of which there is only one reading."""
    path = text = path.removesuffix("/")
    for _ in range(3):
        if "\\" in text or any(part in ("", ".", "..") for part in text.split("/")):
            raise Invalid("A path has no empty, dotted or encoded parts.")
        text = unquote(text)
    return path


def _at_home(asked: Asked, path: str) -> str:
    first, slash, rest = path.partition("/")
    if not slash and asked.method == "PUT":
        raise Invalid("An artifact lies in the folder of an experiment: the path needs one.")
    try:
        queries.require(first, user=asked.user, may=asked.may)
    except NotFound:
        if first != CLIENTS_DEFAULT:
            raise NotFound(f"There is no artifact at {path[:200]}.") from None
        first = places.experiment(asked, first)
    return f"{first}{slash}{rest}"
