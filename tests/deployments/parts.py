"""A target that can be made to fail."""

from apps.deployments.targets.base import ReplicaState, ReplicaStatus, ServiceSpec
from apps.deployments.targets.memory import MemoryTarget
from apps.runs.failures import RunFailure


def refuse_the_example(spec: ServiceSpec, body: bytes) -> tuple[int, bytes]:
    return 400, b'{"error_code": "INVALID_PARAMETER_VALUE", "message": "no column age"}'


class UnwellTarget(MemoryTarget):
    """Options: `target_down`, `never_healthy`, `exits` (with what it says last), `refuses`."""

    def check(self) -> None:
        if self.options.get("target_down"):
            raise RunFailure(
                "deployments.platform.engine-unreachable",
                "The engine does not answer.",
                "Start it.",
            )

    def apply(self, spec: ServiceSpec) -> list[ReplicaStatus]:
        self.check()
        if self.options.get("refuses"):
            self.respond = refuse_the_example
        statuses = super().apply(spec)
        if detail := self.options.get("exits"):
            for status in statuses:
                if status.state != ReplicaState.EXITED:
                    self.fail(spec.name, status.index, detail)
        return self.observe(spec.name)

    def observe(self, name: str) -> list[ReplicaStatus]:
        self.check()
        statuses = super().observe(name)
        if self.options.get("never_healthy"):
            return [
                ReplicaStatus(s.index, s.id, s.address, ReplicaState.STARTING, "still loading")
                for s in statuses
            ]
        return statuses
