from dataclasses import dataclass

from apps.outbox.events import Event


@dataclass(frozen=True)
class DeploymentServing(Event):
    deployment_id: int
    rollout_id: int


@dataclass(frozen=True)
class DeploymentFailed(Event):
    """A deployment could not be built or rolled out."""

    deployment_id: int


@dataclass(frozen=True)
class DeploymentRetired(Event):
    deployment_id: int
