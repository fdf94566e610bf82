"""What a replica says of itself: over HTTP while it lives, in its last words afterwards."""

from apps.builds.last_words import last_words, load_failure
from apps.deployments.targets import http

__all__ = ["last_words", "load_failure", "ping"]

PING_SECONDS = 5.0


def ping(address: str) -> str:
    """Empty when the replica is healthy, else why it is not."""
    try:
        answer = http.request(address, "GET", "/ping", timeout=PING_SECONDS)
    except http.ReplicaUnreachable as error:
        return str(error)
    return "" if answer.status == 200 else f"/ping answers {answer.status}"
