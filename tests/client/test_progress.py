"""How waiting looks in a terminal, in a log, and nowhere."""

import io
import os
import subprocess
import sys
import threading

import pytest
from rich.console import Console

from mlgov_client import Client, Misused
from mlgov_client.progress import Bar, Display, Lines, display

WAITING = """
from mlgov_client.progress import display
with display() as shown:
    shown.show("Review 7: 0 of [bold]2[/bold] approvals", 0, 2)
    shown.show("Review 7: 1 of [bold]2[/bold] approvals", 1, 2)
"""


def on_a_terminal(**environment: str) -> str:
    """What a terminal gets to see of a wait."""
    master, slave = os.openpty()
    seen: list[bytes] = []

    def read() -> None:
        # Linux ends a terminal that nobody writes to any more with an error.
        try:
            while chunk := os.read(master, 4096):
                seen.append(chunk)
        except OSError:
            pass

    reader = threading.Thread(target=read)
    reader.start()
    plain = {name: value for name, value in os.environ.items() if name != "CI"}
    try:
        subprocess.run(
            [sys.executable, "-c", WAITING],
            env={**plain, "TERM": "xterm", "COLUMNS": "120", **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=slave,
            timeout=30,
            check=True,
        )
    finally:
        os.close(slave)
        reader.join(10)
        os.close(master)
    return b"".join(seen).decode()


def test_a_terminal_shows_a_bar_and_gets_its_cursor_back():
    seen = on_a_terminal()

    assert "1/2" in seen
    assert "1 of [bold]2[/bold] approvals" in seen
    assert seen.rindex("\x1b[?25h") > seen.rindex("\x1b[?25l")


@pytest.mark.parametrize("environment", [{"CI": "true"}, {"TERM": "dumb"}])
def test_ci_and_plain_terminals_get_lines(environment):
    assert on_a_terminal(**environment).split("\r\n") == [
        "[00:00:00] Review 7: 0 of [bold]2[/bold] approvals",
        "[00:00:00] Review 7: 1 of [bold]2[/bold] approvals",
        "",
    ]


def test_a_log_says_nothing_twice_but_now_and_then_that_it_still_waits(monkeypatch):
    console = Console(record=True, file=io.StringIO())
    lines = Lines(console)
    for text in ("open", "open", "approved"):
        lines.show(text, 0, 1)
    monkeypatch.setattr("mlgov_client.progress.REMINDER", 0.0)
    lines.show("approved", 0, 1)

    said = [line.partition("] ")[2] for line in console.export_text().splitlines()]
    assert said == ["open", "approved", "approved"]


def test_the_kind_can_be_chosen():
    assert isinstance(display("bar"), Bar)
    assert isinstance(display("lines"), Lines)
    assert type(display("none")) is Display
    with pytest.raises(Misused, match="auto, bar, lines, none"):
        Client("https://h", "t", progress="loud")
