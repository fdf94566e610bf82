"""Following something slow: line by line, with an eye on the clock and on whether it is wanted."""

import os
import queue
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from apps.builds.builders.base import BuildContext
from apps.runs.failures import RunFailure

Item = TypeVar("Item")
LOOK_UP_EVERY = 0.5
INHERITED = ("PATH", "HOME", "LANG", "TMPDIR", "USER", "SSL_CERT_FILE", "SSL_CERT_DIR")
INHERITED_PREFIXES = ("UV_", "LC_", "XDG_")
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY")


def follow(
    items: Iterable[Item],
    *,
    check: Callable[[], None],
    stop: Callable[[], None],
    deadline: float,
) -> Iterator[Item]:
    """Yield items as they come.

    Twice a second `check` may raise, whether there was an item or not, and so does the deadline
    (of `time.monotonic`). Whatever ends this early, `stop` ends the source.
    """
    arrived: queue.Queue[tuple[str, Item | BaseException | None]] = queue.Queue()

    def read() -> None:
        try:
            for item in items:
                arrived.put(("item", item))
            arrived.put(("end", None))
        except BaseException as error:
            arrived.put(("error", error))

    threading.Thread(target=read, name="follow", daemon=True).start()
    ended, next_look = False, 0.0
    try:
        while True:
            if time.monotonic() >= next_look:
                check()
                next_look = time.monotonic() + LOOK_UP_EVERY
            if time.monotonic() > deadline:
                raise RunFailure(
                    "builds.platform.timeout",
                    "The build took longer than it may.",
                    "Retry it; if it is the size of the requirements, allow more time in the "
                    "environment's options (timeout_seconds).",
                )
            try:
                kind, item = arrived.get(timeout=LOOK_UP_EVERY)
            except queue.Empty:
                continue
            if kind == "item":
                yield item  # type: ignore[misc]
            else:
                ended = True
                if isinstance(item, BaseException):
                    raise item
                return
    finally:
        if not ended:
            stop()


def run(
    command: Sequence[str],
    ctx: BuildContext,
    *,
    cwd: Path,
    deadline: float,
    env: Mapping[str, str] | None = None,
    quiet: bool = False,
) -> tuple[int, str]:
    """Run a program with its output in the log; returns its exit status and the output."""
    with subprocess.Popen(  # nosec B603: the arguments are a list, built here
        list(command),
        cwd=cwd,
        env={**clean_environment(), **(env or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    ) as process:
        assert process.stdout is not None  # nosec B101
        lines = []
        for line in follow(
            process.stdout,
            check=ctx.check,
            stop=lambda: end_group(process.pid),
            deadline=deadline,
        ):
            lines.append(line)
            if not quiet and line.strip():
                ctx.log(line.rstrip("\n"))
        return process.wait(), "".join(lines)


def clean_environment() -> dict[str, str]:
    """The environment for a program of somebody else: no secret of ours is in it."""
    return {
        name: value
        for name, value in os.environ.items()
        if name in INHERITED or name.startswith(INHERITED_PREFIXES) or name.upper() in PROXIES
    }


def end_group(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
