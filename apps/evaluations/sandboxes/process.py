import contextlib
import ctypes
import os
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from pathlib import Path
from typing import IO

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

ENVIRONMENT, MODEL, MARKER = "venv:", "model:", ".complete"
SOCKET = "s"
LOOK_EVERY = 0.2
# How long the server may take to end after the evaluator noticed that it does not answer.
LAST_BREATH = 3.0
LONGEST_LINE = 4_000
LARGEST_FILE = 1 << 30
DIE_WITH_PARENT = 1


class ProcessSandbox(Sandbox):
    """Two processes of this user on a unix socket, for one machine without a container engine.

    They are killed with the worker, and the model when it takes more memory than it may. There is
    no other isolation: whoever may register models here runs code as this user anyway.
    Option: `work_dir`.
    """

    @property
    def work_dir(self) -> Path:
        return Path(self.options["work_dir"]).absolute()

    def check(self) -> None:
        try:
            self.work_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise RunFailure(
                "evaluations.platform.disk",
                f"The worker cannot write to {self.work_dir}: {error.strerror or error}.",
                "Free space there or mend its permissions, then start the evaluation again.",
            ) from error

    def has(self, image: str, registry_auth: tuple[str, str] | None = None) -> bool:
        model = Path(image.removeprefix(MODEL))
        return image.startswith(MODEL) and (model.parent / MARKER).is_file()

    def run(self, measuring: Measuring, ctx: BuildContext) -> Written:
        home = self.work_dir / measuring.name
        shutil.rmtree(home, ignore_errors=True)
        for name in ("run", "job", "home-of-model", "home-of-evaluator"):
            (home / name).mkdir(parents=True, mode=0o700)
        for name, path in measuring.files.items():
            shutil.copyfile(path, home / "job" / name)
        model = evaluator = None
        try:
            model = _Child(
                [
                    *(_python(measuring.environment), "-m", "mlgov_serving"),
                    *("--model", measuring.image.removeprefix(MODEL), "--uds", SOCKET),
                ],
                cwd=home / "run",
                home=home / "home-of-model",
                env={"MLGOV_ARTIFACT_DIGEST": measuring.artifact_digest},
            )
            evaluator = _Child(
                [
                    *(_python(measuring.evaluator), "-m", "mlgov_evaluator"),
                    # By its bare name: the path of a socket may not be long.
                    *(str(home / "job"), f"unix:{SOCKET}"),
                ],
                cwd=home / "run",
                home=home / "home-of-evaluator",
            )
            is_over = _wait(model, evaluator, measuring, ctx)
            return Written(
                report=_read(home / "job" / REPORT),
                failure=_read(home / "job" / FAILURE),
                status=evaluator.status,
                evaluator_log=evaluator.said(),
                model_log=model.said(),
                model_ended=model.status is not None,
                out_of_memory=is_over or model.status == -signal.SIGKILL,
            )
        finally:
            for child in (evaluator, model):
                if child is not None:
                    child.end()
            shutil.rmtree(home, ignore_errors=True)

    def sweep(self, living: set[str]) -> None:
        for left in self.work_dir.glob("*"):
            if left.name not in living:
                shutil.rmtree(left, ignore_errors=True)


class _Child:
    """A process with little of an environment, of whose output the last lines are kept."""

    def __init__(
        self, command: list[str], *, cwd: Path, home: Path, env: dict[str, str] | None = None
    ) -> None:
        self._lines: deque[str] = deque(maxlen=LAST_LINES)
        self.process = subprocess.Popen(  # nosec B603: the arguments are a list, built here
            command,
            cwd=cwd,
            env={
                **(env or {}),
                "PATH": f"{Path(command[0]).parent}:/usr/local/bin:/usr/bin:/bin",
                "LANG": "C.UTF-8",
                "HOME": str(home),
                "TMPDIR": str(home),
                "MPLCONFIGDIR": str(home),
                "MLFLOW_DISABLE_TELEMETRY": "true",
                "OMP_NUM_THREADS": "1",
                "OPENBLAS_NUM_THREADS": "1",
                "PYTHONUNBUFFERED": "1",
                "PYTHONDONTWRITEBYTECODE": "1",
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_confined,
        )
        assert self.process.stdout is not None  # nosec B101
        self._reader = threading.Thread(target=self._keep, args=(self.process.stdout,), daemon=True)
        self._reader.start()

    @property
    def status(self) -> int | None:
        return self.process.poll()

    def said(self) -> str:
        if self.status is not None:
            self._reader.join(1)
        return "\n".join(list(self._lines))

    def memory_mb(self) -> float:
        try:
            status = Path(f"/proc/{self.process.pid}/statm").read_text()
        except OSError:  # it ended, or this is no Linux
            return 0.0
        return int(status.split()[1]) * resource.getpagesize() / (1 << 20)

    def end(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def _keep(self, output: IO[bytes]) -> None:
        # By pieces, because a hostile line may have gigabytes.
        rest = b""
        while piece := output.read1(1 << 16):  # type: ignore[attr-defined]
            *lines, rest = (rest + piece).split(b"\n")
            self._lines.extend(line[:LONGEST_LINE].decode(errors="replace") for line in lines)
            rest = rest[:LONGEST_LINE]
        if rest:
            self._lines.append(rest.decode(errors="replace"))


def _wait(model: _Child, evaluator: _Child, measuring: Measuring, ctx: BuildContext) -> bool:
    """Until the evaluator has ended; whether the model was ended for its memory."""
    deadline = time.monotonic() + measuring.seconds
    while evaluator.status is None:
        ctx.check()
        if time.monotonic() > deadline:
            raise TimeoutError
        if model.memory_mb() > measuring.memory_mb:
            model.end()
            evaluator.end()
            return True
        if model.status is not None:
            # It would look for a server that is not there until its patience ends.
            evaluator.end()
            return False
        time.sleep(LOOK_EVERY)
    if evaluator.status != 0:
        with contextlib.suppress(subprocess.TimeoutExpired):
            model.process.wait(LAST_BREATH)
    return False


def _confined() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(DIE_WITH_PARENT, signal.SIGKILL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST_FILE, LARGEST_FILE))


def _python(environment: str) -> str:
    home = Path(environment.removeprefix(ENVIRONMENT))
    if not environment.startswith(ENVIRONMENT) or not (home / MARKER).is_file():
        raise RunFailure(
            "evaluations.platform.environment-missing",
            "The environment is not on this machine.",
            "Start the evaluation again: it is built anew.",
        )
    return str(home / "bin" / "python")


def _read(path: Path) -> bytes | None:
    try:
        with path.open("rb") as file:
            return file.read(MOST_REPORT_BYTES + 1)
    except FileNotFoundError:
        return None
