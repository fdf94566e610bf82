"""What the builders made, once for all tests that need it: an environment takes a while."""

import atexit
import functools
import shutil
import sys
import tempfile
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from apps.builds.builders.base import Builder, BuildSpec, EnvironmentArtifact, ImageArtifact
from apps.builds.builders.registry import builder
from apps.core.digests import sha256_of_file, tree_digest
from tests.serving import models

PYTHON = ".".join(str(part) for part in sys.version_info[:3])


@dataclass
class Notes:
    """A context that remembers. `cancel_after` is the number of looks it takes until it stops."""

    lines: list[str] = field(default_factory=list)
    secrets: list[str] = field(default_factory=list)
    cancelled: threading.Event = field(default_factory=threading.Event)

    def log(self, text: str, stream: str = "out") -> None:
        self.lines.append(text)

    def check(self) -> None:
        if self.cancelled.is_set():
            raise Cancelled

    def mask(self, secret: str) -> None:
        self.secrets.append(secret)


class Cancelled(Exception):
    pass


@dataclass(frozen=True)
class Packed:
    builder: Builder
    spec: BuildSpec
    environment: EnvironmentArtifact
    image: ImageArtifact
    body: bytes
    predictions: list[int]


@functools.cache
def home() -> Path:
    directory = Path(tempfile.mkdtemp(prefix="mlgov-tests-"))
    atexit.register(_remove, directory)
    return directory


def make(kind: str) -> Builder:
    options = {"envs_dir": str(home() / "envs"), "models_dir": str(home() / "models")}
    return builder(kind, options)


def digest(directory: Path) -> str:
    entries = []
    for path in directory.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                entry = (path.relative_to(directory).as_posix(), path.stat().st_size)
                entries.append((*entry, sha256_of_file(file)))
    return tree_digest(entries)


def spec_of(directory: Path, **changes: Any) -> BuildSpec:
    facts: dict[str, Any] = {
        "model_dir": directory,
        "artifact_digest": digest(directory),
        "python_version": PYTHON,
        "requirements": models.REQUIREMENTS,
        "name": "Tests/iris",
        "version": 1,
        "labels": {"org.mlgov.review": "7"},
    }
    return BuildSpec(**{**facts, **changes})


@functools.cache
def iris(kind: str) -> Packed:
    directory = home() / f"iris-{kind}"
    rows, predictions = models.save_iris(directory)
    made, spec = make(kind), spec_of(directory)
    environment = made.build_environment(spec, Notes())
    image = made.build_model(spec, environment, Notes())
    return Packed(made, spec, environment, image, models.as_request(rows), predictions)


@functools.cache
def broken(kind: str) -> Packed:
    """A model that imports what its requirements do not name."""
    good = iris(kind)
    directory = home() / f"broken-{kind}"
    models.save_brittle(directory, imported="not_installed_anywhere")
    spec = spec_of(directory, version=2)
    image = good.builder.build_model(spec, good.environment, Notes())
    return Packed(good.builder, spec, good.environment, image, b"", [])


def _remove(directory: Path) -> None:
    for path in directory.rglob("*"):
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o700)
    shutil.rmtree(directory, ignore_errors=True)
