"""How waiting looks: a bar in a terminal or a notebook, lines where output is a log."""

import importlib.util
import os
import time
from collections.abc import Mapping
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from mlgov_client.errors import Misused

MODES = ("auto", "bar", "lines", "none")
# CI systems end jobs that say nothing for long.
REMINDER = 300.0


class Display:
    """Shows nothing. The others show the same differently."""

    def __enter__(self) -> "Display":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        return None

    def show(self, text: str, done: int, total: int) -> None:
        return None


class Lines(Display):
    """A line for whatever is new, and now and then one that says that nothing is."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._shown = ""
        self._started = self._at = time.monotonic()

    def show(self, text: str, done: int, total: int) -> None:
        now = time.monotonic()
        if text == self._shown and now - self._at < REMINDER:
            return
        self._shown, self._at = text, now
        passed = time.strftime("%H:%M:%S", time.gmtime(now - self._started))
        self._console.print(f"[{passed}] {text}", markup=False, highlight=False, soft_wrap=True)


class Bar(Display):
    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            SpinnerColumn(),
            BarColumn(bar_width=20),
            TextColumn("{task.completed:.0f}/{task.total:.0f}"),
            TimeElapsedColumn(),
            TextColumn("{task.description}", markup=False),
            console=console,
        )
        self._task = self._progress.add_task("", total=1)

    def __enter__(self) -> "Bar":
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def show(self, text: str, done: int, total: int) -> None:
        self._progress.update(self._task, description=text, completed=done, total=max(total, 1))


def display(mode: str = "auto", environ: Mapping[str, str] | None = None) -> Display:
    """The display of that name; `auto` looks where the output goes."""
    if mode not in MODES:
        raise Misused(f"“{mode}” is no kind of progress. There are {', '.join(MODES)}.")
    if mode == "none":
        return Display()
    env = os.environ if environ is None else environ
    # A notebook shows what goes to stderr as if it were an error.
    console = Console(stderr=not Console().is_jupyter)
    if mode == "bar" or (mode == "auto" and _can_draw(console, env)):
        return Bar(console)
    return Lines(console)


def _can_draw(console: Console, env: Mapping[str, str]) -> bool:
    if console.is_jupyter:
        return importlib.util.find_spec("ipywidgets") is not None
    return console.is_terminal and not console.is_dumb_terminal and not env.get("CI")
