"""Asking again and again, ever more seldom, until it is done or the time is over."""

import re
import time
from collections.abc import Callable
from typing import TypeVar

from mlgov_client.errors import Misused, TimedOut, Unreachable

T = TypeVar("T")
FIRST_PAUSE, GROWTH, LONGEST_PAUSE = 1.0, 1.5, 30.0
# A restart of mlgov is no reason to give up hours of waiting.
LONGEST_OUTAGE = 300.0
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
DURATION = re.compile(r"(?:\d+(?:\.\d+)?[smhd])+|\d+(?:\.\d+)?", re.ASCII)
PART = re.compile(r"(\d+(?:\.\d+)?)([smhd]?)", re.ASCII)


def seconds_of(duration: float | str) -> float:
    """`90`, `"90s"`, `"45m"`, `"1h30m"`, `"2d"`: a plain number counts seconds."""
    if isinstance(duration, str):
        text = duration.replace(" ", "")
        if not DURATION.fullmatch(text):
            raise Misused(f"“{duration}” is no time to wait. Write for example 90s, 45m or 1h30m.")
        seconds = sum(float(number) * UNITS[unit or "s"] for number, unit in PART.findall(text))
    else:
        seconds = float(duration)
    if not 0 <= seconds < float("inf"):
        raise Misused("A time to wait is a number of seconds, from 0 on.")
    return seconds


def wait(
    read: Callable[[], T],
    *,
    until: Callable[[T], bool],
    told: Callable[[T], None],
    trouble: Callable[[Unreachable], None],
    timeout: float | str | None,
    what: str,
) -> T:
    """The first value for which `until` holds. Without a timeout, however long it takes."""
    started = time.monotonic()
    deadline = None if timeout is None else started + seconds_of(timeout)
    if isinstance(timeout, (int, float)):
        timeout = f"{timeout:g} seconds"
    pause = FIRST_PAUSE
    answered = started
    while True:
        try:
            value = read()
        except Unreachable as error:
            if time.monotonic() - answered > LONGEST_OUTAGE:
                raise
            trouble(error)
        else:
            answered = time.monotonic()
            told(value)
            if until(value):
                return value
        left = pause if deadline is None else deadline - time.monotonic()
        if left <= 0:
            raise TimedOut(
                f"It took longer than {timeout} to wait for {what}. At mlgov it goes on."
            )
        time.sleep(min(pause, left))
        pause = min(pause * GROWTH, LONGEST_PAUSE)
