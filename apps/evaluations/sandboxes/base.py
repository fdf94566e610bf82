from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from apps.builds.builders.base import BuildContext

# What the evaluator writes: one of the two.
REPORT, FAILURE = "report.json", "failure.json"
# Large enough for 500 columns in groups, small enough for a row of the database.
MOST_REPORT_BYTES = 8 << 20
LAST_LINES = 40


@dataclass(frozen=True)
class Measuring:
    """A version and the evaluator, as they are to be started beside each other.

    `image`, `environment` and `evaluator` are references as the builder gave them; `files` go to
    the evaluator and to nobody else.
    """

    name: str
    image: str
    environment: str
    artifact_digest: str
    evaluator: str
    files: Mapping[str, Path]
    seconds: float
    cpu: float = 1.0
    memory_mb: int = 1024
    registry_auth: tuple[str, str] | None = None


@dataclass(frozen=True)
class Written:
    """What the evaluator left. `ended` tells how the model's server did, where it had ended."""

    report: bytes | None = None
    failure: bytes | None = None
    status: int | None = None
    evaluator_log: str = ""
    model_log: str = ""
    model_ended: bool = False
    out_of_memory: bool = False


class Sandbox(ABC):
    """Runs a version and what measures it, away from everything else, and leaves nothing behind.

    Installed under the name of the builder whose images it starts.
    """

    def __init__(self, options: Mapping[str, Any] | None = None) -> None:
        self.options = dict(options or {})

    @abstractmethod
    def check(self) -> None:
        """Raise `RunFailure`, with a remedy, where nothing can be measured now."""

    @abstractmethod
    def has(self, image: str, registry_auth: tuple[str, str] | None = None) -> bool:
        """Whether the image of a version is there to be started."""

    @abstractmethod
    def run(self, measuring: Measuring, ctx: BuildContext) -> Written:
        """Start both, wait for the evaluator, and remove both whatever happens.

        `ctx.check` may end it at any moment. Raises `TimeoutError` after `seconds`.
        """

    @abstractmethod
    def sweep(self, living: set[str]) -> None:
        """Remove what workers that were killed have left, but for the names that go on."""
