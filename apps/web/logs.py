"""A run as its page shows it: steps, log, and where to ask for more."""

from dataclasses import dataclass

from django.urls import reverse

from apps.runs.models import Run, RunLogLine

# What a page shows of a long log; the rest is behind “Raw”.
NEWEST = 500
AT_ONCE = 1_000


@dataclass(frozen=True)
class Log:
    run: Run
    lines: list[RunLogLine]
    more_url: str
    raw_url: str
    left_out: int

    @property
    def id(self) -> str:
        return f"log-{self.run.pk}"


def log_of(run: Run) -> Log:
    """The newest lines of a run's log."""
    # Read before the lines: what is written between the two is asked for next time.
    finished = run.is_finished
    newest = RunLogLine.objects.filter(run=run).order_by("-id")
    lines = list(reversed(newest[:NEWEST]))
    url = reverse("web:run_log", args=[run.pk])
    last = lines[-1].pk if lines else 0
    total = newest.count() if len(lines) == NEWEST else len(lines)
    return Log(
        run=run,
        lines=lines,
        more_url="" if finished else f"{url}?after={last}",
        raw_url=f"{url}?format=text",
        left_out=total - len(lines),
    )


def lines_after(run: Run, pk: int) -> list[RunLogLine]:
    return list(RunLogLine.objects.filter(run=run, pk__gt=pk).order_by("id")[:AT_ONCE])
