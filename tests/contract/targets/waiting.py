import time

from apps.deployments.targets.base import DeploymentTarget, ReplicaStatus

SECONDS = 90


def wait(target: DeploymentTarget, name: str, state: str, number: int) -> list[ReplicaStatus]:
    """The replicas, once as many as that are in the state."""
    deadline = time.monotonic() + SECONDS
    while True:
        replicas = target.observe(name)
        if [replica.state for replica in replicas].count(state) == number:  # type: ignore[arg-type]
            return replicas
        assert time.monotonic() < deadline, replicas
        time.sleep(0.1)
