"""Keeps one replica running: started as a program, by path, with the standard library only.

    python -I supervisor.py DIRECTORY

The directory holds `replica.json` (what to run), the lock that makes this the only supervisor,
`supervisor.json` (who it is), `status.json` (how the replica is) and `replica.log`.
"""

import ctypes
import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import FrameType
from typing import IO, Any

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
# It ran this long: what ends it now is a new misfortune, not the old one.
SETTLED_SECONDS = 60.0
GRACE_SECONDS = 10.0
HEARS_WITHIN = 1.0  # seconds until a signal is heard, at the latest
LOCK_SECONDS = 3.0
# The runtime's exit statuses for a model that does not load and for files nobody approved
FINAL_STATUSES = (3, 4)
LOG_BYTES, LOG_FILES = 5 << 20, 3
DIE_WITH_PARENT = 1


class Log:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("ab")

    def write(self, line: bytes) -> None:
        if self._file.tell() + len(line) > LOG_BYTES:
            self._turn()
        self._file.write(line)
        self._file.flush()

    def _turn(self) -> None:
        self._file.close()
        for number in range(LOG_FILES - 1, 0, -1):
            older = self._path.with_suffix(f".log.{number}")
            newer = self._path.with_suffix(f".log.{number - 1}") if number > 1 else self._path
            if newer.exists():
                newer.replace(older)
        self._file = self._path.open("ab")


class Supervisor:
    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.plan: dict[str, Any] = json.loads((directory / "replica.json").read_text())
        self.log = Log(directory / "replica.log")
        self.child: subprocess.Popen[bytes] | None = None
        self.stopping = threading.Event()
        self.restarts = 0

    def run(self) -> None:
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, self._stop)
        write_json(self.directory / "supervisor.json", {"pid": os.getpid()})
        pause, failures = FIRST_PAUSE, 0
        while not self.stopping.is_set():
            started = time.monotonic()
            status = self._run_once()
            if self.stopping.is_set():
                break
            if time.monotonic() - started > SETTLED_SECONDS:
                pause, failures = FIRST_PAUSE, 0
            failures += 1
            if status in FINAL_STATUSES or failures > int(self.plan["max_restarts"]):
                self._tell("exited", status)
                return
            self._tell("restarting", status)
            self.stopping.wait(pause)
            pause = min(pause * 2, LONGEST_PAUSE)
            self.restarts += 1
        self._tell("stopped", 0)

    def _run_once(self) -> int:
        Path(self.plan["socket"]).unlink(missing_ok=True)
        try:
            self.child = subprocess.Popen(
                self.plan["command"],
                cwd=Path(self.plan["socket"]).parent,
                env=self.plan["env"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                preexec_fn=die_with_parent,
            )
        except OSError as error:
            self.log.write(f"cannot start: {error}\n".encode())
            return 127
        self._tell("running", None)
        if self.stopping.is_set():  # the signal came between the start and here
            self.child.terminate()
        # Not read here: a signal that comes just before a read begins is heard only after it.
        reader = threading.Thread(target=self._keep_log, args=(self.child.stdout,), daemon=True)
        reader.start()
        while reader.is_alive():
            reader.join(HEARS_WITHIN)
        return self.child.wait()

    def _keep_log(self, output: IO[bytes]) -> None:
        for line in output:
            self.log.write(line)

    def _stop(self, _signal: int, _frame: FrameType | None) -> None:
        if self.stopping.is_set():
            return
        self.stopping.set()
        if self.child is not None and self.child.poll() is None:
            self.child.terminate()
            timer = threading.Timer(GRACE_SECONDS, self.child.kill)
            timer.daemon = True
            timer.start()

    def _tell(self, state: str, status: int | None) -> None:
        write_json(
            self.directory / "status.json",
            {
                "state": state,
                "status": status,
                "child": self.child.pid if self.child else None,
                "restarts": self.restarts,
                "since": time.time(),
            },
        )


def die_with_parent() -> None:
    # A supervisor that is killed outright must not leave a model behind that nobody counts.
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(DIE_WITH_PARENT, signal.SIGKILL)


def write_json(path: Path, content: dict[str, Any]) -> None:
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(content))
    fresh.replace(path)


def only_one(lock: IO[str]) -> bool:
    deadline = time.monotonic() + LOCK_SECONDS
    while time.monotonic() < deadline:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:  # a supervisor, or somebody who looks for a moment
            time.sleep(0.02)
    return False


def main() -> None:
    directory = Path(sys.argv[1])
    # Away from whoever started it: his end is not its end, and he need not wait for it.
    if os.fork():
        os._exit(0)
    os.setsid()
    with (directory / "lock").open("w") as lock:
        if only_one(lock):
            Supervisor(directory).run()


if __name__ == "__main__":
    main()
