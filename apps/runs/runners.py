"""What the carrying-out of a run looks like from inside."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.utils import timezone

from apps.accounts.models import User
from apps.runs.failures import RunCancelled, RunLost
from apps.runs.models import Run, RunLogLine, RunStep, StepState
from apps.runs.states import RunState

MASK = "••••••"
LONGEST_LINE = 4_000
LONGEST_LOG = 20_000


class RunContext:
    """Steps, log and cancellation of a run. The one place where log lines are written."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self._step: RunStep | None = None
        self._secrets: set[str] = set()
        self._lines = 0

    @contextmanager
    def step(self, name: str, title: str) -> Iterator[RunStep]:
        """A named part of the work, with its own time on the page."""
        self.check()
        step = RunStep.objects.create(run=self.run, name=name, title=title)
        outer, self._step = self._step, step
        try:
            yield step
        except BaseException:
            self._finish(step, StepState.FAILED)
            raise
        else:
            self._finish(step, StepState.SUCCEEDED)
        finally:
            self._step = outer

    def log(self, text: str, stream: str = "out") -> None:
        # Masked as a whole, because a secret may have several lines.
        for line in self.masked(text).rstrip().splitlines() or [""]:
            self._lines += 1
            if self._lines > LONGEST_LOG:
                return
            if self._lines == LONGEST_LOG:
                line = f"(the log ends here: it has {LONGEST_LOG} lines)"
            RunLogLine.objects.create(
                run=self.run, step=self._step, stream=stream, text=line[:LONGEST_LINE]
            )

    def mask(self, secret: str) -> None:
        """Never show this text in the log or in the error of this run."""
        if secret:
            self._secrets.add(secret)

    def masked(self, text: str) -> str:
        """The text as it may be shown and stored: no secrets, and nothing a database refuses."""
        for secret in sorted(self._secrets, key=len, reverse=True):
            text = text.replace(secret, MASK)
        return text.replace("\x00", "�").encode(errors="replace").decode()

    def check(self) -> None:
        """Raise `RunCancelled` or `RunLost` where the work should stop."""
        state, token, cancel = (
            Run.objects.filter(pk=self.run.pk)
            .values_list("state", "token", "cancel_requested")
            .get()
        )
        if state != RunState.RUNNING or token != self.run.token:
            raise RunLost
        if cancel:
            raise RunCancelled

    def _finish(self, step: RunStep, state: StepState) -> None:
        step.state = state
        step.finished_at = timezone.now()
        step.save(update_fields=["state", "finished_at"])


Runner = Callable[[Run, RunContext], None]


# Whether a person may still do what a run was asked for, on what the run works on.
Allows = Callable[[User, Run], bool]


@dataclass(frozen=True)
class Registration:
    function: Runner
    queue: str
    allows: Allows | None = None


_runners: dict[str, Registration] = {}


def runner(
    kind: str, *, queue: str = "default", allows: Allows | None = None
) -> Callable[[Runner], Runner]:
    """Carry out the runs of this kind. The function may be called again after a crash.

    `allows` is asked when the work starts, about whoever asked for it.
    """

    def register(function: Runner) -> Runner:
        _runners[kind] = Registration(function, queue, allows)
        return function

    return register


def kinds() -> set[str]:
    return set(_runners)


def queues() -> set[str]:
    """Where runs wait for a worker."""
    return {registration.queue for registration in _runners.values()}


def registration_of(kind: str) -> Registration:
    return _runners[kind]
