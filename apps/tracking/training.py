"""What pages show of experiments and runs: few calls, each with a bounded answer."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from apps.core.errors import Invalid, NotFound, Unavailable
from apps.tracking.files import DEEPEST_FOLDER
from apps.tracking.upstream import ARTIFACTS, Upstream

V2 = "/api/2.0/mlflow"
MOST_ENTRIES = 2_000
MOST_MODELS = 20
LONGEST_PATH = 2_000


@dataclass(frozen=True)
class Entry:
    """A file or folder: its path from the root."""

    path: str
    is_folder: bool
    size: int

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]


@dataclass(frozen=True)
class Folder:
    entries: list[Entry]
    left_out: int


def metric_history(client: Upstream, run_id: str, key: str, *, most: int) -> list[dict[str, Any]]:
    """Values of a metric by step: all, or so many of them, spread evenly over its history."""
    query = {"run_ids": run_id, "metric_key": key, "max_results": str(most)}
    path = f"{V2}/metrics/get-history-bulk-interval"
    return _rows(client, client.get_json(path, query, "metric of this name"), "metrics")


def runs_of(
    client: Upstream, experiment_id: str, *, filter_by: str, most: int, page_token: str
) -> tuple[list[dict[str, Any]], str]:
    """Runs of an experiment, newest first, and the token of the next page."""
    body: dict[str, Any] = {
        "experiment_ids": [experiment_id],
        "filter": filter_by,
        "max_results": most,
        "order_by": ["attributes.start_time DESC"],
    }
    if page_token:
        body["page_token"] = page_token
    answer = client.post_json(f"{V2}/runs/search", body, "run by such a filter")
    return _rows(client, answer, "runs"), str(answer.get("next_page_token") or "")


def logged_models_of(client: Upstream, run: dict[str, Any]) -> list[dict[str, Any]]:
    """The logged models that a run produced, as far as they are there."""
    outputs = (run.get("outputs") or {}).get("model_outputs") or []
    ids = dict.fromkeys(str(entry.get("model_id") or "") for entry in outputs)
    found = []
    for model_id in list(ids)[:MOST_MODELS]:
        try:
            found.append(client.get_logged_model(model_id))
        except (NotFound, Invalid):
            continue
    return found


# ---- artifacts ----------------------------------------------------------------------------------


def root_of(artifact_uri: str) -> str:
    """Where the artifacts lie below the server's own store. Raises `Invalid` for other places."""
    parts = urlsplit(artifact_uri)
    path = parts.path.strip("/")
    if parts.scheme != "mlflow-artifacts" or not path:
        raise Invalid(
            "These artifacts do not lie in the tracking server's own store, so mlgov cannot show "
            "them. Open them where they are."
        )
    return _checked(path)


def folder(client: Upstream, root: str, path: str) -> Folder:
    """What lies directly in a folder: folders first, then files, by name."""
    place = _below(root, path)
    answer = client.get_json(ARTIFACTS, {"path": place}, "folder of this name")
    found = []
    for row in _rows(client, answer, "files"):
        name = str(row.get("path") or "").rstrip("/").rpartition("/")[2]
        if name in ("", ".", ".."):
            continue
        inner = f"{path}/{name}" if path else name
        found.append(Entry(inner, bool(row.get("is_dir")), _number(row.get("file_size"))))
    found.sort(key=lambda entry: (not entry.is_folder, entry.name))
    return Folder(found[:MOST_ENTRIES], max(0, len(found) - MOST_ENTRIES))


class Opened:
    """A file that is being read. Iterate it once, or close it."""

    def __init__(self, client: Upstream, root: str, path: str) -> None:
        """Raises as `Upstream.open_artifact` does, before anything is read."""
        self._held = ExitStack()
        self._chunks = self._held.enter_context(client.open_artifact(_below(root, path)))

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._chunks
        finally:
            self.close()

    def close(self) -> None:
        self._held.close()

    def beginning(self, most: int) -> tuple[bytes, bool]:
        """The first bytes, and whether that is all of it."""
        read = bytearray()
        try:
            for chunk in self._chunks:
                read += chunk
                if len(read) > most:
                    return bytes(read[:most]), False
            return bytes(read), True
        finally:
            self.close()


def _below(root: str, path: str) -> str:
    return f"{root}/{_checked(path)}" if path else root


def _checked(path: str) -> str:
    """A path of which there is only one reading."""
    if not path.isprintable() or len(path) > LONGEST_PATH or path.count("/") > DEEPEST_FOLDER:
        raise NotFound("There is no such file.")
    text = path
    for _ in range(3):
        if "\\" in text or any(part in ("", ".", "..") for part in text.split("/")):
            raise NotFound("There is no such file.")
        text = unquote(text)
    return path


def _rows(client: Upstream, answer: dict[str, Any], key: str) -> list[dict[str, Any]]:
    found = answer.get(key) or []
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        raise Unavailable(client.sentences.strange)
    return found


def _number(value: Any) -> int:
    try:
        return max(0, int(value or 0))
    except (TypeError, ValueError, OverflowError):
        return 0
