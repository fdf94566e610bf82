"""Where reports lie: among the artifacts of a version, or of the run that trained it."""

import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

from apps.accounts.models import User
from apps.cards.reports import kinds
from apps.cards.reports.kinds import Origin, ReportKind
from apps.core.digests import CHUNK
from apps.core.errors import Invalid, NotFound
from apps.projects import policies as project_policies
from apps.registry import storage
from apps.registry.models import ModelVersion
from apps.tracking import queries as tracking
from apps.tracking import training, upstream
from apps.tracking.upstream import Upstream

LONGEST_PATH = 500
MOST_FOLDERS = 40
MOST_FILES = 400
# What marks a folder as a model, whose files are taken over when it is registered.
MODEL = "MLmodel"
# Names of tables that evaluations write, `mlflow.evaluate` among them. Other JSON and CSV files of
# a run are data as often as not.
USUAL = re.compile(
    r"(?:^|[_\-. ])(?:eval|evaluation|metrics?|reports?|results?|confusion|calibration|fairness|"
    r"importances?|thresholds?|slices?|cohorts?|classification|per_class)(?:[_\-. ]|$)",
    re.IGNORECASE,
)
NOT_REPORTS = {"estimator.html", "input_example.json", "serving_input_example.json"}
TABLES = {ReportKind.JSON, ReportKind.CSV}


@dataclass(frozen=True)
class Found:
    """A file that a card could show."""

    origin: Origin
    path: str
    size: int

    @property
    def key(self) -> str:
        return f"{self.origin}:{self.path}"

    @property
    def kind(self) -> ReportKind | None:
        return kinds.named(self.path)

    @property
    def is_usual(self) -> bool:
        """Whether it looks like the report of an evaluation, so that nobody has to pick it."""
        name = self.path.rpartition("/")[2]
        if name in NOT_REPORTS or self.kind in (None, ReportKind.TEXT):
            return False
        return self.kind not in TABLES or bool(USUAL.search(name.rpartition(".")[0]))


@dataclass(frozen=True)
class Listing:
    files: list[Found]
    is_whole: bool = True


def among_artifacts(version: ModelVersion) -> list[Found]:
    """Files of the version itself, as mlgov stored them."""
    rows = version.artifacts.values_list("path", "size")
    return [
        Found(Origin.VERSION, path, size) for path, size in rows if kinds.named(path) is not None
    ]


def in_run(version: ModelVersion) -> Listing:
    """Files of the run, as the tracking server lists them now. Raises what it refuses with.

    Folders that hold a model are left out, and everything beyond so many folders or files.
    """
    client, root = _run_of(version)
    waiting, found, asked = [""], list[Found](), 0
    while waiting and asked < MOST_FOLDERS and len(found) < MOST_FILES:
        place, asked = waiting.pop(0), asked + 1
        try:
            folder = training.folder(client, root, place)
        except (NotFound, Invalid):
            # Names that have two readings; or nothing was ever logged.
            continue
        if any(entry.name == MODEL and not entry.is_folder for entry in folder.entries):
            continue
        waiting += [entry.path for entry in folder.entries if entry.is_folder]
        found += [
            Found(Origin.RUN, entry.path, entry.size)
            for entry in folder.entries
            if not entry.is_folder and kinds.named(entry.path) and len(entry.path) <= LONGEST_PATH
        ]
    return Listing(found[:MOST_FILES], is_whole=not waiting and len(found) <= MOST_FILES)


def require_run_seen(version: ModelVersion, user: User) -> None:
    """Raises `NotFound` where the run lies in an experiment that is not the person's."""
    if not version.source_run_id:
        raise NotFound(f"{version} was registered without a run.")
    if version.tracking_server_id:
        project_policies.projects.require(user, "view", version.project)
    else:
        tracking.require_run(version.source_run_id, user=user)


@contextmanager
def opened(version: ModelVersion, origin: str, path: str) -> Iterator[Iterator[bytes]]:
    """The bytes of a file in chunks. Raises `NotFound` for what is not there."""
    if origin == Origin.RUN:
        client, root = _run_of(version)
        with closing(training.Opened(client, root, path)) as file:
            yield iter(file)
        return
    sha256 = version.artifacts.filter(path=path).values_list("sha256", flat=True).first()
    if sha256 is None:
        raise NotFound(f"{version} has no file “{path[:200]}”.")
    with storage.open_blob(sha256) as stored:
        yield iter(lambda: stored.read(CHUNK), b"")


def _run_of(version: ModelVersion) -> tuple[Upstream, str]:
    if not version.source_run_id:
        raise NotFound(f"{version} was registered without a run.")
    client = upstream.client_of(version.tracking_server, version.project)
    info = client.get_run(version.source_run_id).get("info") or {}
    return client, training.root_of(str(info.get("artifact_uri") or ""))
