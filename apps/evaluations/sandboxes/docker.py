import contextlib
import io
import tarfile
import time
from typing import Any

import docker
import requests
from docker.errors import APIError, DockerException, ImageNotFound, NotFound
from docker.models.containers import Container

from apps.builds.builders import engine
from apps.builds.builders.base import BuildContext
from apps.evaluations.sandboxes.base import (
    FAILURE,
    LAST_LINES,
    MOST_REPORT_BYTES,
    REPORT,
    Measuring,
    Sandbox,
    Written,
)
from apps.runs.failures import RunFailure

APP = "evaluations"
LABEL, INSTANCE = "org.mlgov.evaluation", "org.mlgov.instance"
DIGEST = "org.mlgov.digest"
IN_CONTAINER, SOCKET, WORK, JOB = "/run/mlgov", "s", "/work", "job"
EVALUATOR_MEMORY_MB = 2048
LOOK_EVERY = 0.3
LAST_BREATH = 3.0
TAKEN_AT_ONCE = 1 << 20


class DockerSandbox(Sandbox):
    """Two hardened containers without any network, which share a socket and nothing else.

    The socket lies in a volume in memory that both mount: the engine may be another machine's. The
    data set and the report lie in a second one that only the evaluator mounts.
    Options: `docker_host`, `instance`.
    """

    def __init__(self, options: Any = None) -> None:
        super().__init__(options)
        self._connected: docker.DockerClient | None = None

    @property
    def client(self) -> docker.DockerClient:
        if self._connected is None:
            self._connected = engine.connect(self.options, app=APP)
        return self._connected

    def check(self) -> None:
        self._connected = engine.connect(self.options, app=APP)

    def has(self, image: str, registry_auth: tuple[str, str] | None = None) -> bool:
        try:
            self.client.images.get(image)
        except ImageNotFound:
            return self._pulled(image, registry_auth)
        except (DockerException, requests.RequestException) as error:
            raise _failure(error) from error
        return True

    def run(self, measuring: Measuring, ctx: BuildContext) -> Written:
        try:
            self._verify(measuring)
            self.sweep_one(measuring.name)
            model = self._start_model(measuring)
            evaluator = self._start_evaluator(measuring)
            _wait(model, evaluator, measuring.seconds, ctx)
            return _written(model, evaluator)
        except (DockerException, requests.RequestException) as error:
            raise _failure(error) from error
        finally:
            with contextlib.suppress(DockerException, requests.RequestException):
                self.sweep_one(measuring.name)

    def sweep(self, living: set[str]) -> None:
        try:
            names = {
                str(each.labels.get(LABEL))
                for each in self.client.containers.list(all=True, filters=self._ours())
            } | {
                str((each.attrs.get("Labels") or {}).get(LABEL))
                for each in self.client.volumes.list(filters=self._ours())
            }
            for name in names - living:
                self.sweep_one(name)
        except (DockerException, requests.RequestException) as error:
            raise _failure(error) from error

    def sweep_one(self, name: str) -> None:
        """Remove the containers and volumes of one evaluation."""
        mine: dict[str, str | list[str] | bool] = {"label": [*self._mine(), f"{LABEL}={name}"]}
        for container in self.client.containers.list(all=True, filters=mine):
            with contextlib.suppress(NotFound):
                container.remove(force=True, v=True)
        for volume in self.client.volumes.list(filters=mine):
            with contextlib.suppress(NotFound):
                volume.remove(force=True)

    def _ours(self) -> dict[str, str | list[str] | bool]:
        # Another installation may use the same engine.
        return {"label": self._mine()}

    def _mine(self) -> list[str]:
        return [f"{INSTANCE}={self.options.get('instance', '')}"]

    def _labels(self, measuring: Measuring) -> dict[str, str]:
        return {LABEL: measuring.name, INSTANCE: str(self.options.get("instance", ""))}

    def _pulled(self, image: str, registry_auth: tuple[str, str] | None) -> bool:
        name, _, digest = image.partition("@")
        if not digest:
            return False
        auth = dict(zip(("username", "password"), registry_auth or (), strict=False))
        try:
            self.client.images.pull(name, tag=digest, auth_config=auth or None)
        except (DockerException, requests.RequestException):
            return False  # it is built again
        return True

    def _verify(self, measuring: Measuring) -> None:
        found = self.client.images.get(measuring.image).labels.get(DIGEST, "")
        if found != measuring.artifact_digest:
            raise RunFailure(
                "evaluations.platform.digest-mismatch",
                f"The image carries a model with the digest {found or '(none)'}, and the version "
                f"has {measuring.artifact_digest}.",
                "Nothing was started. Find out who changed the image, then build it again.",
            )

    def _start_model(self, measuring: Measuring) -> Container:
        volume = self.client.volumes.create(
            f"{measuring.name}-socket",
            driver="local",
            driver_opts={
                "type": "tmpfs",
                "device": "tmpfs",
                "o": f"size=1m,nr_inodes=64,uid={engine.USER},gid={engine.USER},mode=0700",
            },
            labels=self._labels(measuring),
        )
        threads = str(max(1, int(measuring.cpu)))
        made: Container = self.client.containers.run(
            measuring.image,
            name=f"{measuring.name}-model",
            detach=True,
            network_mode="none",
            environment={
                "OMP_NUM_THREADS": threads,
                "OPENBLAS_NUM_THREADS": threads,
                "MLGOV_ARTIFACT_DIGEST": measuring.artifact_digest,
                "MLGOV_LISTEN": f"unix:{IN_CONTAINER}/{SOCKET}",
            },
            labels=self._labels(measuring),
            healthcheck={"test": ["NONE"]},
            volumes={volume.name: {"bind": IN_CONTAINER, "mode": "rw"}},
            **engine.hardened(cpu=measuring.cpu, memory_mb=measuring.memory_mb),
        )
        return made

    def _start_evaluator(self, measuring: Measuring) -> Container:
        work = self.client.volumes.create(f"{measuring.name}-work", labels=self._labels(measuring))
        made: Container = self.client.containers.create(
            measuring.evaluator,
            entrypoint=["python", "-m", "mlgov_evaluator"],
            command=[f"{WORK}/{JOB}", f"unix:{IN_CONTAINER}/{SOCKET}"],
            name=f"{measuring.name}-evaluator",
            network_mode="none",
            labels=self._labels(measuring),
            volumes={
                f"{measuring.name}-socket": {"bind": IN_CONTAINER, "mode": "rw"},
                work.name: {"bind": WORK, "mode": "rw"},
            },
            **engine.hardened(cpu=measuring.cpu, memory_mb=EVALUATOR_MEMORY_MB),
        )
        made.put_archive(WORK, _packed(measuring))
        made.start()
        return made


def _wait(model: Container, evaluator: Container, seconds: float, ctx: BuildContext) -> None:
    deadline = time.monotonic() + seconds
    while True:
        ctx.check()
        if time.monotonic() > deadline:
            raise TimeoutError
        evaluator.reload()
        if evaluator.status not in ("created", "running"):
            break
        model.reload()
        if model.status not in ("created", "running"):
            # It would look for a server that is not there until its patience ends.
            evaluator.kill()
            break
        time.sleep(LOOK_EVERY)
    evaluator.wait(timeout=30)
    last = time.monotonic() + LAST_BREATH
    while evaluator.wait()["StatusCode"] and time.monotonic() < last:
        model.reload()
        if model.status not in ("created", "running"):
            break
        time.sleep(LOOK_EVERY)


def _written(model: Container, evaluator: Container) -> Written:
    model.reload()
    evaluator.reload()
    state = model.attrs["State"]
    return Written(
        report=_taken(evaluator, REPORT),
        failure=_taken(evaluator, FAILURE),
        status=int(evaluator.attrs["State"]["ExitCode"]),
        evaluator_log=_log(evaluator),
        model_log=_log(model),
        model_ended=not state.get("Running"),
        out_of_memory=bool(state.get("OOMKilled")) or state.get("ExitCode") == 137,
    )


def _packed(measuring: Measuring) -> io.BytesIO:
    """The evaluator's files as an archive, his own to read and write."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        directory = tarfile.TarInfo(JOB)
        directory.type, directory.mode = tarfile.DIRTYPE, 0o700
        directory.uid = directory.gid = engine.USER
        tar.addfile(directory)
        for name, path in measuring.files.items():
            entry = tarfile.TarInfo(f"{JOB}/{name}")
            entry.size, entry.mode = path.stat().st_size, 0o600
            entry.uid = entry.gid = engine.USER
            with path.open("rb") as file:
                tar.addfile(entry, file)
    packed.seek(0)
    return packed


def _taken(container: Container, name: str) -> bytes | None:
    """A file that the evaluator wrote, of which no more is read than may be kept."""
    try:
        stream, facts = container.get_archive(f"{WORK}/{JOB}/{name}")
    except NotFound:
        return None
    if int((facts or {}).get("size") or 0) > MOST_REPORT_BYTES:
        return b" " * (MOST_REPORT_BYTES + 1)
    packed = io.BytesIO()
    for chunk in stream:
        packed.write(chunk)
        if packed.tell() > MOST_REPORT_BYTES + TAKEN_AT_ONCE:
            return b" " * (MOST_REPORT_BYTES + 1)
    packed.seek(0)
    with tarfile.open(fileobj=packed) as tar:
        file = tar.extractfile(name)
        return file.read(MOST_REPORT_BYTES + 1) if file else None


def _log(container: Container) -> str:
    try:
        return str(container.logs(tail=LAST_LINES).decode(errors="replace"))[-100_000:]
    except (NotFound, APIError):
        return ""


def _failure(error: Exception) -> RunFailure:
    if isinstance(error, ImageNotFound):
        return RunFailure(
            "evaluations.platform.environment-missing",
            f"An image is gone: {engine.reason(error)}",
            "Start the evaluation again: it is built anew.",
        )
    if not isinstance(error, APIError):
        return engine.unreachable(error, app=APP)
    text = engine.reason(error)
    return engine.failure(text, app=APP) or RunFailure(
        "evaluations.platform.engine-refused",
        f"The Docker Engine refuses: {text}",
        "Correct the resources and options of the environment, then start the evaluation again.",
    )
