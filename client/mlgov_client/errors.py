"""What can go wrong, each with the sentence to show and the exit code of the command line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlgov_client.shapes import Deployment, Review, Run


class MlgovError(Exception):
    """Anything that this package refuses or reports. The message is a sentence for people."""

    exit_code = 1

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Misused(MlgovError, ValueError):
    """The call makes no sense, or the address or the token of mlgov is not configured."""

    exit_code = 2


class Refused(MlgovError):
    """mlgov said no. `code` is for programs; the message is mlgov's own sentence."""

    exit_code = 1

    def __init__(
        self,
        message: str,
        *,
        code: str,
        status: int,
        details: Mapping[str, Any] | None = None,
        request_id: str = "",
    ) -> None:
        super().__init__(message)
        self.code = code
        self.status = status
        self.details = dict(details or {})
        self.request_id = request_id

    def __str__(self) -> str:
        # Sentences for single fields say more than the one above them, unless they repeat it.
        more = [
            f"{field}: {said}"
            for field, said in self.details.items()
            if isinstance(said, str) and said != self.message
        ]
        return " ".join([self.message, *more])


class Unreachable(MlgovError):
    """mlgov does not answer, or something else answers at its address."""

    exit_code = 5


class TimedOut(MlgovError, TimeoutError):
    """The time to wait is over. What was waited for goes on without us."""

    exit_code = 4


class NotApproved(MlgovError):
    """The review ended without approval, or its reviewers ask for changes."""

    exit_code = 3

    def __init__(self, message: str, review: Review) -> None:
        super().__init__(message)
        self.review = review


class DeploymentFailed(MlgovError):
    exit_code = 6

    def __init__(self, message: str, deployment: Deployment | None) -> None:
        super().__init__(message)
        self.deployment = deployment


class RunFailed(MlgovError):
    """An evaluation, or a file that a worker writes, did not come to an end."""

    exit_code = 7

    def __init__(self, message: str, run: Run) -> None:
        super().__init__(message)
        self.run = run
