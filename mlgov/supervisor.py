"""Keeps the processes of a one-machine installation running: starts, watches, restarts, ends them.

It knows nothing of what it runs; `mlgov.embedded` says what that is. In containers it is not
used: there, one process per container and the orchestrator's own restarts.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

TETHERED = str(Path(__file__).with_name("tethered.py"))
LONGEST_PAUSE = 30.0
STEADY_AFTER = 60.0  # a child that ran this long starts anew with short pauses
TICK = 0.1
START_MARK = "---- started"
LARGEST_LOG = 10 * 1024 * 1024

Say = Callable[[str], None]


class NotStarted(Exception):
    """A child ended, or did not become ready in time; the message shows the end of its log."""


@dataclass
class Child:
    name: str
    title: str
    command: Sequence[str]
    ready: Callable[["Child"], bool]
    environment: Mapping[str, str] = field(default_factory=dict)
    ignores: tuple[str, ...] = ()  # how inherited variables begin that are kept from it
    patience: float = 90.0  # seconds until it has to be ready
    farewell: float = 15.0  # seconds between asking it to end and ending it

    # Set by the supervisor.
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)
    log: Path | None = field(default=None, init=False)
    started_at: float = field(default=0.0, init=False)
    next_start: float = field(default=0.0, init=False)
    failures: int = field(default=0, init=False)

    @property
    def pid(self) -> int | None:
        return self.process.pid if self.process else None

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None


class Supervisor:
    """Starts its children on entering the block and ends them on leaving it.

    Within the block SIGTERM and SIGHUP do what Ctrl-C does: they raise KeyboardInterrupt.
    """

    def __init__(self, children: Sequence[Child], *, log_dir: Path, say: Say = print) -> None:
        self.children = list(children)
        self.log_dir = log_dir
        self.say = say
        self.is_started = False  # True once all were ready: only then a dead child is news
        self._ending = threading.Event()
        self._at_once = threading.Event()  # set by a second Ctrl-C
        self._handlers: dict[signal.Signals, Any] = {}
        # One thread starts every child: Linux ends a tethered child with the *thread* that
        # started it, so that thread has to be the last one to go.
        self._keeper = threading.Thread(target=self._keep, name="supervisor", daemon=True)

    def __enter__(self) -> "Supervisor":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        self.log_dir.mkdir(parents=True, exist_ok=True)
        for child in self.children:
            child.log = self.log_dir / f"{child.name}.log"
            if child.log.exists() and child.log.stat().st_size > LARGEST_LOG:
                child.log.replace(child.log.with_suffix(".log.1"))
        self._on_signals(signal.default_int_handler)
        self._keeper.start()

    def wait_ready(self, progress: Callable[[list[Child]], None] | None = None) -> None:
        """Return when every child answers, with a line for each as it does.

        `progress` is called many times a second with those still waited for.
        """
        began = time.monotonic()
        waiting = list(self.children)
        while waiting:
            for child in list(waiting):
                if child.failures or (child.process and child.ready(child)):
                    waiting.remove(child)
                    if child.failures:
                        raise NotStarted(_obituary(child))
                    self.say(f"    ready: {child.title} ({time.monotonic() - began:.1f} s)")
                elif time.monotonic() - began > child.patience:
                    raise NotStarted(
                        f"The {child.title} did not answer within {child.patience:.0f} seconds."
                        + _end_of_log(child)
                    )
            if progress:
                progress(waiting)
            if self._ending.wait(TICK):
                raise NotStarted("Ended before everything had started.")
        self.is_started = True

    def run_until_signal(self) -> None:
        """Return on SIGINT or SIGTERM. Children that end meanwhile are started again."""
        try:
            while not self._ending.wait(1):
                pass
        except KeyboardInterrupt:
            pass

    def stop(self) -> None:
        """End every child; harmless when some, or all, have ended."""
        self._on_signals(lambda *_: self._at_once.set())
        self._ending.set()
        if self._keeper.is_alive():
            self._keeper.join()
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        self._handlers = {}

    def _on_signals(self, handler: Callable[..., object]) -> None:
        if threading.current_thread() is not threading.main_thread():
            return
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            before = signal.signal(number, handler)
            self._handlers.setdefault(number, before)

    # ---- what the keeper thread does --------------------------------------------------------

    def _keep(self) -> None:
        for child in self.children:
            self._launch(child)
        while not self._ending.wait(TICK):
            for child in self.children:
                self._look_after(child)
        self._end_all()

    def _look_after(self, child: Child) -> None:
        now = time.monotonic()
        if child.is_running:
            if child.failures and now - child.started_at > STEADY_AFTER:
                child.failures = 0
        elif child.process is not None:
            pause = min(2.0**child.failures, LONGEST_PAUSE)
            child.failures += 1
            child.next_start = now + pause
            if self.is_started:
                self.say(
                    f"The {child.title} ended ({_manner(child.process.returncode)}); "
                    f"starting it again in {pause:.0f} s. Its log: {child.log}"
                )
            child.process = None
        elif self.is_started and now >= child.next_start:
            self._launch(child)

    def _launch(self, child: Child) -> None:
        child.started_at = time.monotonic()
        try:
            child.process = self._spawn(child)
        except OSError as error:  # no process, no memory, no room for the log: it may pass
            child.failures += 1
            child.next_start = child.started_at + LONGEST_PAUSE
            self.say(f"The {child.title} could not be started: {error}.")

    def _spawn(self, child: Child) -> subprocess.Popen[bytes]:
        assert child.log is not None
        with child.log.open("ab") as log:
            log.write(f"\n{START_MARK} {time.strftime('%Y-%m-%d %H:%M:%S')}\n".encode())
            log.flush()
            return subprocess.Popen(
                [sys.executable, "-I", "-S", TETHERED, str(os.getpid()), *child.command],
                env=_inherited(child) | {"PYTHONUNBUFFERED": "1", **child.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # A session of its own: Ctrl-C in the terminal reaches the supervisor only, which
                # then ends the children in its own way.
                start_new_session=True,
            )

    def _end_all(self) -> None:
        asked_at = time.monotonic()
        for child in self.children:
            if child.process is not None and child.is_running:
                # To the child, not to its group: gunicorn and celery end their own workers, and
                # report them as crashed when somebody else does.
                child.process.terminate()
        for child in self.children:
            while child.is_running and not self._at_once.wait(TICK / 2):
                if time.monotonic() - asked_at > child.farewell:
                    self.say(f"The {child.title} did not end in {child.farewell:.0f} s: killed.")
                    break
            if child.process is not None:
                _kill_group(child.process)


def _inherited(child: Child) -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if not k.startswith(child.ignores)}


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    """What the child left behind in its group must not outlive it."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass
    process.wait()


def _manner(status: int) -> str:
    return f"by {signal.Signals(-status).name}" if status < 0 else f"with status {status}"


def _obituary(child: Child) -> str:
    return f"The {child.title} ended while starting." + _end_of_log(child)


def _end_of_log(child: Child, lines: int = 15) -> str:
    assert child.log is not None
    with child.log.open("rb") as log:
        log.seek(max(0, child.log.stat().st_size - 20_000))
        text = log.read().decode(errors="replace")
    tail = text.rpartition(START_MARK)[2].strip().splitlines()[1:][-lines:]
    return "\n".join([f" The end of {child.log}:", *(f"    {line}" for line in tail)])
