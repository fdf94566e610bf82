import hashlib
import json
import os
import shutil
import socket
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import docker
import requests
from docker.errors import APIError, DockerException, ImageNotFound, NotFound
from docker.models.containers import Container
from docker.models.images import Image

from apps.builds.builders import engine
from apps.deployments.targets import health, http
from apps.deployments.targets.base import (
    Capabilities,
    DeploymentTarget,
    ReplicaState,
    ReplicaStatus,
    ServiceSpec,
)
from apps.runs.failures import RunFailure

APP = "deployments"
USER = engine.USER
PORT = 8080
IN_CONTAINER = "/run/mlgov"
SOCKET = "s"
MANAGED = "org.mlgov.managed"
SERVICE = "org.mlgov.service"
INDEX = "org.mlgov.replica"
CONTENT = "org.mlgov.content"
ADDRESS = "org.mlgov.address"
DIGEST = "org.mlgov.digest"
START_SECONDS = 60
MAX_RESTARTS = 5
WAYS = ("auto", "socket", "port", "network")


class DockerTarget(DeploymentTarget):
    """A hardened container for each replica, on one Docker Engine.

    Options: `docker_host`; `connect`, how replicas are reached: `socket` (no network at all, a
    unix socket below `sockets_dir`), `port` (published on loopback), `network` (by name in
    `network`) or `auto`; `sockets_host_dir` where the engine sees `sockets_dir` elsewhere;
    `start_seconds`, `max_restarts`.
    """

    capabilities = Capabilities(max_replicas=20, limits=True, isolation=True, restarts=True)

    def __init__(self, options: Any = None) -> None:
        super().__init__(options)
        self._connected: docker.DockerClient | None = None

    @property
    def client(self) -> docker.DockerClient:
        if self._connected is None:
            self._connected = engine.connect(self.options, app=APP)
        return self._connected

    def check(self) -> None:
        client = engine.connect(self.options, app=APP)
        way = self._way(self.options)
        if way == "socket":
            self._directory(self.options, "check").rmdir()
        if way == "network":
            name = str(self.options.get("network") or "")
            try:
                client.networks.get(name)
            except (NotFound, APIError) as error:
                raise RunFailure(
                    "deployments.platform.network-missing",
                    f"The Docker network '{name}' does not exist.",
                    "Create it, or correct network in the environment's options.",
                ) from error

    def apply(self, spec: ServiceSpec) -> list[ReplicaStatus]:
        try:
            image = self._verified(spec)
            content = _content(spec, self.settings(spec))
            kept: dict[int, Container] = {}
            for container in self._containers(spec.name):
                index = int(container.labels[INDEX])
                same = container.labels.get(CONTENT) == content and container.status != "removing"
                if index < spec.replicas and index not in kept and same:
                    kept[index] = container
                else:
                    self._remove(container)
            for index in range(spec.replicas):
                if index not in kept:
                    self._start(spec, image, content, index)
                elif kept[index].status in ("exited", "created", "dead"):
                    kept[index].start()
        except (DockerException, requests.RequestException) as error:
            raise _failure(error) from error
        return self.observe(spec.name)

    def observe(self, name: str) -> list[ReplicaStatus]:
        try:
            return [self._status(container) for container in self._containers(name)]
        except (DockerException, requests.RequestException) as error:
            raise _failure(error) from error

    def logs(self, name: str, tail: int = 200) -> str:
        try:
            parts = [
                (container.labels[INDEX], _log(container, tail))
                for container in self._containers(name)
            ]
        except (DockerException, requests.RequestException) as error:
            raise _failure(error) from error
        lines = [f"[{index}] {line}" for index, log in parts for line in log.splitlines()]
        return "\n".join(lines)

    def remove(self, name: str) -> None:
        try:
            for container in self._containers(name):
                self._remove(container)
        except (DockerException, requests.RequestException) as error:
            raise _failure(error) from error

    def _containers(self, name: str) -> list[Container]:
        found = self.client.containers.list(
            all=True, filters={"label": [f"{MANAGED}=true", f"{SERVICE}={name}"]}
        )
        return sorted(found, key=lambda container: int(container.labels[INDEX]))

    def _verified(self, spec: ServiceSpec) -> Image:
        image = self._image(spec)
        found = image.labels.get(DIGEST, "")
        if found != spec.artifact_digest:
            raise RunFailure(
                "deployments.platform.digest-mismatch",
                f"The image carries a model with the digest {found or '(none)'}, and "
                f"{spec.artifact_digest} was approved.",
                "Nothing was started. Find out who changed the image, then build it again.",
            )
        return image

    def _image(self, spec: ServiceSpec) -> Image:
        try:
            return self.client.images.get(spec.image)
        except ImageNotFound:
            pass
        name, _, digest = spec.image.partition("@")
        auth = dict(zip(("username", "password"), spec.registry_auth or (), strict=False))
        try:
            return self.client.images.pull(name, tag=digest or None, auth_config=auth or None)
        except (DockerException, requests.RequestException) as error:
            text = engine.reason(error)
            raise engine.failure(text, app=APP) or RunFailure(
                "deployments.platform.image-missing",
                f"The image cannot be pulled: {text}",
                "Build the version again.",
            ) from error

    def _way(self, settings: dict[str, Any]) -> str:
        way = str(settings.get("connect") or "auto")
        if way not in WAYS:
            raise RunFailure(
                "deployments.platform.option-invalid",
                f"'{way}' is not a way to reach replicas.",
                f"Set connect in the environment's options to one of {', '.join(WAYS)}.",
            )
        if way != "auto":
            return way
        if settings.get("network"):
            return "network"
        # A bind mount is of the engine's machine: a socket needs the engine to be this one.
        local = self.client.api.base_url.startswith("http+docker://")
        same = local and self.client.info().get("Name") == socket.gethostname()
        shared = settings.get("sockets_dir") and (same or settings.get("sockets_host_dir"))
        return "socket" if sys.platform == "linux" and shared else "port"

    def _directory(self, settings: dict[str, Any], name: str) -> Path:
        """A directory for one replica's socket, which its user may write and no other reach."""
        parent = Path(settings["sockets_dir"]).absolute()
        directory = parent / name
        try:
            parent.mkdir(parents=True, exist_ok=True)
            parent.chmod(0o700)
            directory.mkdir(exist_ok=True)
            if os.geteuid() == 0:
                os.chown(directory, USER, USER)
                directory.chmod(0o700)
            else:
                directory.chmod(0o777)  # nosec B103: below a directory that only we may enter
        except OSError as error:
            raise RunFailure(
                "deployments.platform.sockets-dir",
                f"The directory for sockets, {parent}, cannot be used: {error.strerror}",
                "Mend its permissions, or name another one in sockets_dir.",
            ) from error
        return directory

    def _start(self, spec: ServiceSpec, image: Image, content: str, index: int) -> None:
        settings = self.settings(spec)
        name = f"{spec.name}-{index}"
        way = self._way(settings)
        threads = str(max(1, int(spec.cpu)))
        env = {
            "OMP_NUM_THREADS": threads,
            "OPENBLAS_NUM_THREADS": threads,
            **spec.env,
            "MLGOV_ARTIFACT_DIGEST": spec.artifact_digest,
            "MLGOV_LISTEN": f"http://0.0.0.0:{PORT}",
        }
        reach: dict[str, Any] = {}
        if way == "socket":
            directory = self._directory(settings, name)
            address = f"unix:{directory / SOCKET}"
            env["MLGOV_LISTEN"] = f"unix:{IN_CONTAINER}/{SOCKET}"
            outside = Path(settings.get("sockets_host_dir") or directory.parent) / name
            volumes = {str(outside): {"bind": IN_CONTAINER, "mode": "rw"}}
            reach = {"network_mode": "none", "volumes": volumes}
        elif way == "port":
            address = ""
            reach = {"ports": {f"{PORT}/tcp": ("127.0.0.1", None)}}
        else:
            address = f"http://{name}:{PORT}"
            reach = {"network": settings["network"]}
        restarts: Any = {
            "Name": "on-failure",
            "MaximumRetryCount": int(settings.get("max_restarts") or MAX_RESTARTS),
        }
        self.client.containers.run(
            image,
            name=name,
            detach=True,
            environment=env,
            labels={
                **spec.labels,
                MANAGED: "true",
                SERVICE: spec.name,
                INDEX: str(index),
                CONTENT: content,
                ADDRESS: address,
                DIGEST: spec.artifact_digest,
            },
            restart_policy=restarts,
            **engine.hardened(cpu=spec.cpu, memory_mb=spec.memory_mb),
            **reach,
        )

    def _remove(self, container: Container) -> None:
        address = _address(container)
        try:
            container.stop(timeout=10)
            container.remove(force=True, v=True)
        except NotFound:
            pass
        except APIError as error:
            if error.status_code != 409:  # somebody else is removing it
                raise
        if address.startswith("unix:"):
            http.forget(address)
            shutil.rmtree(Path(address.removeprefix("unix:")).parent, ignore_errors=True)

    def _status(self, container: Container) -> ReplicaStatus:
        state = container.attrs["State"]
        address = _address(container)
        restarts = int(container.attrs.get("RestartCount") or 0)
        found, detail = ReplicaState.EXITED, ""
        if state.get("Running") and not state.get("Restarting"):
            detail = health.ping(address) if address else "it has no address yet"
            if not detail:
                found = ReplicaState.HEALTHY
            elif failure := (restarts and health.load_failure(_log(container, 50))):
                # The same files fail the same way: what restarts now will fail again.
                detail = failure
            else:
                limit = float(self.options.get("start_seconds") or START_SECONDS)
                young = _age(state.get("StartedAt", "")) < limit
                found = ReplicaState.STARTING if young else ReplicaState.UNHEALTHY
        else:
            log = _log(container, 50)
            if failure := health.load_failure(log):
                detail = failure
            elif state.get("OOMKilled"):
                detail = "it used more memory than it may"
            else:
                words = health.last_words(log)
                detail = f"it ended with status {state.get('ExitCode')}"
                detail += f": {words}" if words else ""
            if state.get("Restarting") and not failure:
                found = ReplicaState.UNHEALTHY
        return ReplicaStatus(
            int(container.labels[INDEX]),
            str(container.short_id),
            address,
            found,
            detail,
            restarts,
        )


def _address(container: Container) -> str:
    if known := container.labels.get(ADDRESS):
        return str(known)
    ports = container.attrs.get("NetworkSettings", {}).get("Ports", {}).get(f"{PORT}/tcp")
    return f"http://127.0.0.1:{ports[0]['HostPort']}" if ports else ""


def _log(container: Container, tail: int) -> str:
    try:
        return str(container.logs(tail=tail).decode(errors="replace"))
    except (NotFound, APIError):
        return ""


def _age(started: str) -> float:
    try:
        # Docker writes nanoseconds, which Python does not read.
        moment = datetime.fromisoformat(started[:19]).replace(tzinfo=UTC)
    except ValueError:
        return 0.0
    return time.time() - moment.timestamp()


def _content(spec: ServiceSpec, settings: dict[str, Any]) -> str:
    facts = [
        *(spec.image, spec.artifact_digest, dict(spec.env), spec.cpu, spec.memory_mb),
        *(settings.get(name) for name in ("connect", "network", "sockets_dir", "max_restarts")),
    ]
    return hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()


def _failure(error: Exception) -> RunFailure:
    if not isinstance(error, APIError):
        return engine.unreachable(error, app=APP)
    text = engine.reason(error)
    if error.status_code == 409:
        return RunFailure(
            "deployments.platform.name-taken",
            f"The container cannot be made: {text}",
            "Somebody else is deploying this, or a container of that name is not ours; look and "
            "retry.",
        )
    return engine.failure(text, app=APP) or RunFailure(
        "deployments.platform.engine-refused",
        f"The Docker Engine refuses: {text}",
        "Correct the resources and options of the deployment, then retry.",
    )
