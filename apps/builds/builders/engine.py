"""The Docker Engine, and what it says when it does not want to."""

import re
from collections.abc import Mapping
from typing import Any

import docker
import requests
from docker.errors import DockerException

from apps.runs.failures import RunFailure

CALL_SECONDS = 120
USER = 10001
PIDS = 256
TEMPORARY = "size=256m,noexec,nosuid,nodev,mode=1777"


def connect(options: Mapping[str, Any], *, app: str) -> docker.DockerClient:
    """A client of the engine of these options, or a `RunFailure` of `app`."""
    try:
        if host := options.get("docker_host"):
            client = docker.DockerClient(base_url=host, version="auto", timeout=CALL_SECONDS)
        else:
            client = docker.from_env(version="auto", timeout=CALL_SECONDS)
        client.ping()
    except (DockerException, requests.RequestException) as error:
        raise unreachable(error, app=app) from error
    return client


def hardened(*, cpu: float, memory_mb: int) -> dict[str, Any]:
    """How every container with somebody else's code is run, whatever it is for."""
    memory = f"{memory_mb}m"
    return {
        "init": True,
        "user": f"{USER}:{USER}",
        "read_only": True,
        "tmpfs": {"/tmp": TEMPORARY},  # nosec B108: in the container
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true"],
        "pids_limit": PIDS,
        "mem_limit": memory,
        "memswap_limit": memory,
        "nano_cpus": int(cpu * 1e9),
        "log_config": docker.types.LogConfig(
            type="json-file", config={"max-size": "5m", "max-file": "3"}
        ),
    }


def unreachable(error: Exception, *, app: str) -> RunFailure:
    return RunFailure(
        f"{app}.platform.engine-unreachable",
        f"The Docker Engine does not answer: {reason(error)}",
        "Start it, or let this worker use its socket (DOCKER_HOST, docker_host in the "
        "environment's options); then retry.",
    )


def reason(error: Exception) -> str:
    text = getattr(error, "explanation", None) or str(error)
    return re.sub(r"\s+", " ", str(text)).strip()[:500]


def failure(text: str, *, app: str) -> RunFailure | None:
    """The failure behind a message that the engine or the registry worded."""
    if re.search(r"no space left on device", text, re.I):
        return RunFailure(
            f"{app}.platform.disk-full",
            "The disk of the Docker Engine or of the registry is full.",
            "Remove images that nothing uses any more, or add space; then retry.",
        )
    if re.search(
        r"unauthorized|denied|no basic auth|authentication required|forbidden", text, re.I
    ):
        return RunFailure(
            f"{app}.platform.registry-refused",
            f"The registry refuses the image: {text[:300]}",
            "Check the registry's credentials in the environment, and what they may do.",
        )
    if re.search(
        r"connection refused|no such host|i/o timeout|deadline exceeded|TLS handshake"
        r"|server gave HTTP response|EOF|Client\.Timeout|5\d\d (Internal|Bad|Service|Gateway)",
        text,
        re.I,
    ):
        return RunFailure(
            f"{app}.platform.registry-unreachable",
            f"The registry does not answer: {text[:300]}",
            "Check that it runs and that the Docker Engine may reach it; then retry.",
        )
    return None
