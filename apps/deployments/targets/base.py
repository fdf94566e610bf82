from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class ReplicaState(StrEnum):
    STARTING = "starting"
    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"
    EXITED = "exited"
    MISSING = "missing"


@dataclass(frozen=True)
class ServiceSpec:
    """One deployment as it shall run. `name` is safe in DNS and belongs to that deployment only.

    `image`, `image_digest` and `environment` are what the builder gave as the image's `reference`
    and `digest` and the environment's `reference`.
    """

    name: str
    image: str
    environment: str
    artifact_digest: str
    image_digest: str = ""
    replicas: int = 1
    env: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    cpu: float = 1.0
    memory_mb: int = 1024
    registry_auth: tuple[str, str] | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ReplicaStatus:
    """One replica as it is. `address` is `unix:/path` or `http://host:port`."""

    index: int
    id: str
    address: str
    state: ReplicaState
    detail: str = ""
    restarts: int = 0

    @property
    def is_final(self) -> bool:
        """Waiting will not make it healthy."""
        return self.state in (ReplicaState.EXITED, ReplicaState.MISSING)


@dataclass(frozen=True)
class Capabilities:
    """What a plan may ask of a target. What it cannot do is refused, never ignored."""

    max_replicas: int
    limits: bool = False
    isolation: bool = False
    restarts: bool = False
    traffic_split: bool = False
    autoscaling: bool = False


class DeploymentTarget(ABC):
    """A place where models run. Every method may be called again after a crash, by anybody."""

    capabilities: Capabilities

    def __init__(self, options: Mapping[str, Any] | None = None) -> None:
        self.options = dict(options or {})

    def settings(self, spec: ServiceSpec) -> dict[str, Any]:
        """The options of the target, overruled by those of the service."""
        return {**self.options, **spec.options}

    @abstractmethod
    def check(self) -> None:
        """Raise `RunFailure`, with a remedy, where nothing can be deployed now."""

    @abstractmethod
    def apply(self, spec: ServiceSpec) -> list[ReplicaStatus]:
        """Make the service match `spec`, without waiting for health.

        Replicas that match are kept, also when somebody else started them; missing and exited ones
        are started, changed ones replaced, surplus ones removed.
        """

    @abstractmethod
    def observe(self, name: str) -> list[ReplicaStatus]:
        """The replicas in order of their index; of a service that is not there, none."""

    @abstractmethod
    def logs(self, name: str, tail: int = 200) -> str:
        """The last lines that the replicas wrote."""

    @abstractmethod
    def remove(self, name: str) -> None:
        """End the service and free what it used. Nothing happens if it is gone."""
