from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol


class BuildContext(Protocol):
    """What a builder tells, and asks, while it works. A run's context is one."""

    def log(self, text: str, stream: str = "out") -> None: ...

    def check(self) -> None:
        """Raises when the work is no longer wanted."""

    def mask(self, secret: str) -> None:
        """From now on `secret` does not appear in the log."""


class Unheard:
    """The context of a question that nobody watches."""

    def log(self, text: str, stream: str = "out") -> None:
        pass

    def check(self) -> None:
        pass

    def mask(self, secret: str) -> None:
        pass


@dataclass(frozen=True)
class BuildSpec:
    """One version, as it is to be packed."""

    model_dir: Path
    artifact_digest: str
    python_version: str
    requirements: tuple[str, ...]
    name: str
    version: int
    labels: Mapping[str, str] = field(default_factory=dict)
    registry: str = ""
    registry_auth: tuple[str, str] | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    # The package of mlgov that the environment carries: what serves a model, if nothing else.
    runtime: str = "mlgov_serving"

    @property
    def python(self) -> str:
        """`3.11` for `3.11.7`: a model runs on any patch release of its Python."""
        return ".".join(self.python_version.split(".")[:2])


@dataclass(frozen=True)
class EnvironmentArtifact:
    """An interpreter with the libraries of a model and the serving runtime."""

    key: str
    reference: str
    lock: str
    reused: bool


@dataclass(frozen=True)
class ImageArtifact:
    """A model on its environment, ready to run."""

    reference: str
    digest: str
    artifact_digest: str
    size: int


class Builder(ABC):
    """Packs versions. Every method may be called again after a crash, by another worker."""

    def __init__(self, options: Mapping[str, Any] | None = None) -> None:
        self.options = dict(options or {})

    def settings(self, spec: BuildSpec) -> dict[str, Any]:
        """The options of the builder, overruled by those of the build."""
        return {**self.options, **spec.options}

    @abstractmethod
    def check(self) -> None:
        """Raise `RunFailure`, with a remedy, where this builder cannot work now."""

    @abstractmethod
    def environment_key(self, spec: BuildSpec) -> str:
        """Equal for two versions that can share an environment. Resolves the requirements."""

    @abstractmethod
    def build_environment(self, spec: BuildSpec, ctx: BuildContext) -> EnvironmentArtifact:
        """Make the environment of the version, or find the one that is there."""

    @abstractmethod
    def build_model(
        self, spec: BuildSpec, environment: EnvironmentArtifact, ctx: BuildContext
    ) -> ImageArtifact:
        """Put the model on its environment. Refuses files with another digest than approved."""

    @abstractmethod
    def remove(self, reference: str) -> None:
        """Free the space of an environment or image. Nothing happens if it is gone."""
