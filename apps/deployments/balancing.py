"""Which replica answers: versions by their share of the traffic, their replicas in turn."""

import itertools
import random
import threading
import time
from collections.abc import Iterable, Iterator

from apps.deployments.models import Deployment, Replica, ReplicaState

AVOID_SECONDS = 5.0
ANSWERING = (ReplicaState.HEALTHY, ReplicaState.STARTING, ReplicaState.UNHEALTHY)


class Avoided:
    """Replicas that did not answer a moment ago. Each process finds out for itself."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._until: dict[str, float] = {}

    def add(self, address: str) -> None:
        now = time.monotonic()
        with self._lock:
            self._until = {a: until for a, until in self._until.items() if until > now}
            self._until[address] = now + AVOID_SECONDS

    def forgive(self, address: str) -> None:
        if address in self._until:
            with self._lock:
                self._until.pop(address, None)

    def __contains__(self, address: str) -> bool:
        return self._until.get(address, 0.0) > time.monotonic()


avoided = Avoided()
# Processes start in different places, so that they do not call in step.
_turn = itertools.count(random.randrange(1_000))  # nosec B311: fairness, not secrecy


def candidates(deployments: Iterable[Deployment]) -> Iterator[tuple[Deployment, Replica]]:
    """Replicas in the order in which they should be asked.

    The first deployment is drawn by the shares of the traffic; the others follow in case that
    none of its replicas answers. A replica that looks dead comes last, rather than never: it
    costs a failed connection to find out that it is back.
    """
    turn = next(_turn)
    doubtful: list[tuple[Deployment, Replica]] = []
    for deployment in _drawn(list(deployments)):
        copies = [c for c in deployment.copies.all() if c.address and c.state in ANSWERING]
        start = turn % len(copies) if copies else 0
        for replica in copies[start:] + copies[:start]:
            if replica.state == ReplicaState.HEALTHY and replica.address not in avoided:
                yield deployment, replica
            else:
                doubtful.append((deployment, replica))
    yield from doubtful


def _drawn(deployments: list[Deployment]) -> Iterator[Deployment]:
    left = [deployment for deployment in deployments if deployment.traffic]
    # A deployment that is addressed by its version may have no share at all.
    rest = [deployment for deployment in deployments if not deployment.traffic]
    while left:
        weights = [deployment.traffic for deployment in left]
        chosen = random.choices(left, weights)[0]  # nosec B311: shares, not secrets
        left.remove(chosen)
        yield chosen
    yield from rest
