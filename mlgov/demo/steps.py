"""A visible line and a moving indicator for each step of the demo."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.status import Status


class StepFailed(Exception):
    """A step did not do what it says; the message says what came instead."""


class Step:
    """One step while it lasts."""

    def __init__(self, console: Console, status: Status, title: str) -> None:
        self._console, self._status, self._title = console, status, title

    def note(self, text: str) -> None:
        """A line that stays."""
        self._console.print(f"      {text}", markup=False)

    def progress(self, text: str) -> None:
        """What is going on right now, beside the indicator."""
        self._status.update(f"{self._title}: {text}")

    def require(self, condition: object, otherwise: str) -> None:
        if not condition:
            raise StepFailed(f"{self._title}: {otherwise}")

    def wait_for(
        self, question: Callable[[], bool], *, what: str, seconds: float, every: float = 0.5
    ) -> None:
        """Ask until the answer is yes. Raises `StepFailed` after `seconds`."""
        end = time.monotonic() + seconds
        while not question():
            if time.monotonic() > end:
                raise StepFailed(f"{self._title}: {what} did not happen within {seconds:.0f} s.")
            time.sleep(every)


class Script:
    """Numbers the steps and times them."""

    def __init__(self, console: Console, *, after: int = 0) -> None:
        self.console = console
        self._number = after

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        self._number += 1
        began = time.monotonic()
        self.console.print(f"[bold]{self._number:>2}. {title}[/bold]")
        with self.console.status(title) as status:
            yield Step(self.console, status, title)
        self.console.print(f"      done in {time.monotonic() - began:.1f} s", style="green")
