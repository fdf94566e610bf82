"""How a run fails: with an id, a text a person understands, and a way out."""

# The code of a run whose worker went silent. Whoever started the run decides on another try.
WORKER_LOST = "runs.platform.worker-lost"


class RunFailure(Exception):
    """The work cannot be done.

    `code` is `<app>.model.<what>` where the model's author can mend it,
    `<app>.project.<what>` where an owner of the project can, and `<app>.platform.<what>` where the
    platform's people have to.
    """

    def __init__(self, code: str, text: str, remedy: str = "") -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.remedy = remedy


class RunCancelled(Exception):
    """Somebody asked for the run to end."""


class RunLost(Exception):
    """The run was given up for silence meanwhile; whatever it does now does not count."""
