import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from apps.deployments.targets import health, http, supervisor
from apps.deployments.targets.base import (
    Capabilities,
    DeploymentTarget,
    ReplicaState,
    ReplicaStatus,
    ServiceSpec,
)
from apps.runs.failures import RunFailure

ENVIRONMENT, MODEL = "venv:", "model:"
MARKER = ".complete"
START_SECONDS = 60
MAX_RESTARTS = 5
SOCKET = "s"
END_SECONDS = supervisor.GRACE_SECONDS + 5
KILL_SECONDS = 5


class ProcessTarget(DeploymentTarget):
    """A process for each replica, watched by a small supervisor that outlives the worker.

    For one machine without a container engine: the model runs as this user, without isolation.
    Options: `state_dir`, `start_seconds`, `max_restarts`.
    """

    capabilities = Capabilities(max_replicas=8, restarts=True)

    @property
    def state_dir(self) -> Path:
        return Path(self.options["state_dir"]).absolute()

    def check(self) -> None:
        try:
            self.state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.state_dir.chmod(0o700)
        except OSError as error:
            raise _disk(error, self.state_dir) from error

    def apply(self, spec: ServiceSpec) -> list[ReplicaStatus]:
        self.check()
        python, model = _parts(spec)
        try:
            with _alone(self.state_dir, spec.name):
                for directory in replicas(self.state_dir, spec.name):
                    if _index(directory) >= spec.replicas:
                        end(directory)
                for index in range(spec.replicas):
                    directory = self.state_dir / f"{spec.name}-{index}"
                    plan = self._plan(spec, python, model, directory, index)
                    if not _runs(directory) or _read(directory / "replica.json") != plan:
                        end(directory)
                        _start(directory, plan)
        except OSError as error:
            raise _disk(error, self.state_dir) from error
        return self.observe(spec.name)

    def observe(self, name: str) -> list[ReplicaStatus]:
        return [self._status(directory) for directory in replicas(self.state_dir, name)]

    def logs(self, name: str, tail: int = 200) -> str:
        return "\n".join(
            f"[{_index(directory)}] {line}"
            for directory in replicas(self.state_dir, name)
            for line in _log(directory).splitlines()[-tail:]
        )

    def remove(self, name: str) -> None:
        if not self.state_dir.is_dir():
            return
        with _alone(self.state_dir, name):
            for directory in replicas(self.state_dir, name):
                end(directory)

    def _plan(
        self, spec: ServiceSpec, python: Path, model: Path, directory: Path, index: int
    ) -> dict[str, Any]:
        threads = str(max(1, int(spec.cpu)))
        home = directory / "home"
        env = {
            "OMP_NUM_THREADS": threads,
            "OPENBLAS_NUM_THREADS": threads,
            # Only what the runtime reads: a service does not choose the interpreter's settings.
            **{name: value for name, value in spec.env.items() if name.startswith("MLGOV_")},
            "MLGOV_ARTIFACT_DIGEST": spec.artifact_digest,
            "PATH": f"{python.parent}:/usr/local/bin:/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "HOME": str(home),
            "TMPDIR": str(home),
            "MPLCONFIGDIR": str(home),
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "PYTHONUNBUFFERED": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        settings = self.settings(spec)
        return {
            "service": spec.name,
            "index": index,
            # The socket by its bare name: the supervisor starts it there, and paths may be long.
            "command": [
                *(str(python), "-m", "mlgov_serving", "--model", str(model)),
                *("--uds", SOCKET),
            ],
            "env": env,
            "socket": str(directory / "run" / SOCKET),
            "max_restarts": int(settings.get("max_restarts") or MAX_RESTARTS),
            "content": hashlib.sha256(
                "\0".join((spec.image, spec.environment, spec.artifact_digest)).encode()
            ).hexdigest(),
        }

    def _status(self, directory: Path) -> ReplicaStatus:
        plan, status = _read(directory / "replica.json"), _read(directory / "status.json")
        address = f"unix:{plan.get('socket', '')}"
        child = status.get("child")
        found, detail = ReplicaState.EXITED, ""
        if not _runs(directory):
            ended = health.last_words(_log(directory))
            if status.get("state") == "exited":
                detail = ended or f"it ended with status {status.get('status')}"
            else:
                detail = "its supervisor is gone"
        elif status.get("state") in ("running", None):
            detail = health.ping(address)
            if not detail:
                found = ReplicaState.HEALTHY
            else:
                limit = float(self.options.get("start_seconds") or START_SECONDS)
                young = time.time() - float(status.get("since") or time.time()) < limit
                found = ReplicaState.STARTING if young else ReplicaState.UNHEALTHY
        else:
            found = ReplicaState.UNHEALTHY
            detail = f"it ended with status {status.get('status')} and is started again"
        return ReplicaStatus(
            _index(directory),
            str(child or ""),
            address,
            found,
            detail,
            int(status.get("restarts") or 0),
        )


def names(state_dir: str | Path) -> list[str]:
    """The services that have replicas in this directory."""
    return sorted({_read(path).get("service", "") for path in _plans(Path(state_dir))} - {""})


def stop_all(state_dir: str | Path) -> None:
    """End every replica, as when the machine is shut down. What was deployed is applied again."""
    directories = [path.parent for path in _plans(Path(state_dir))]
    for directory in directories:  # all at once, then wait for each
        _signal_supervisor(directory, signal.SIGTERM)
    for directory in directories:
        end(directory)


def replicas(state_dir: Path, name: str) -> list[Path]:
    found = [path.parent for path in _plans(state_dir) if _read(path).get("service") == name]
    return sorted(found, key=_index)


def end(directory: Path) -> None:
    """End a replica with its supervisor, and remove what it left."""
    _signal_supervisor(directory, signal.SIGTERM)
    deadline = time.monotonic() + END_SECONDS
    while _runs(directory) and time.monotonic() < deadline:
        time.sleep(0.02)
    if _runs(directory):
        child = _read(directory / "status.json").get("child")
        _signal_supervisor(directory, signal.SIGKILL)  # on Linux its child ends with it, soon
        if sys.platform != "linux" and child:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        deadline = time.monotonic() + KILL_SECONDS
        while child and _exists(child) and time.monotonic() < deadline:
            time.sleep(0.02)
    plan = _read(directory / "replica.json")
    http.forget(f"unix:{plan.get('socket', '')}")
    shutil.rmtree(directory, ignore_errors=True)


def _start(directory: Path, plan: dict[str, Any]) -> None:
    directory.mkdir(mode=0o700)
    (directory / "run").mkdir(mode=0o700)
    (directory / "home").mkdir(mode=0o700)
    (directory / "replica.json").touch(mode=0o600)
    supervisor.write_json(directory / "replica.json", plan)
    with (directory / "supervisor.log").open("ab") as log:
        subprocess.run(  # nosec B603: our own program, which detaches itself at once
            [sys.executable, "-I", str(supervisor.__file__), str(directory)],
            cwd="/",
            env={"PATH": os.defpath, "LANG": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            check=True,
        )
    # From here on its lock is its life: wait until it has it.
    deadline = time.monotonic() + 10
    while not (directory / "supervisor.json").exists() and time.monotonic() < deadline:
        time.sleep(0.01)


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True


def _runs(directory: Path) -> bool:
    """Whether a supervisor holds the lock: unlike a process id, a lock is never another's."""
    try:
        with (directory / "lock").open("r+") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def _signal_supervisor(directory: Path, number: int) -> None:
    pid = _read(directory / "supervisor.json").get("pid")
    if pid and _runs(directory):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def _plans(state_dir: Path) -> list[Path]:
    return sorted(state_dir.glob("*/replica.json"))


def _index(directory: Path) -> int:
    return int(directory.name.rpartition("-")[2])


def _read(path: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(path.read_text())
    except (FileNotFoundError, ValueError):
        return {}
    return content


def _log(directory: Path) -> str:
    try:
        return (directory / "replica.log").read_text(errors="replace")
    except FileNotFoundError:
        return ""


def _parts(spec: ServiceSpec) -> tuple[Path, Path]:
    home = Path(spec.environment.removeprefix(ENVIRONMENT))
    model = Path(spec.image.removeprefix(MODEL))
    prefixes = spec.environment.startswith(ENVIRONMENT) and spec.image.startswith(MODEL)
    if not prefixes or not (home / MARKER).is_file() or not (model.parent / MARKER).is_file():
        raise RunFailure(
            "deployments.platform.image-missing",
            "The environment or the model's files are not on this machine.",
            "Build the version again, with the builder of this environment.",
        )
    return home / "bin" / "python", model


@contextlib.contextmanager
def _alone(state_dir: Path, name: str) -> Iterator[None]:
    with (state_dir / f".{name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _disk(error: OSError, path: Path) -> RunFailure:
    return RunFailure(
        "deployments.platform.disk",
        f"The worker cannot write to {path}: {error.strerror or error}.",
        "Free space there or mend its permissions, then retry.",
    )
