"""Refusals of the domain: a code for programs and a sentence for the person who asked.

They know nothing of HTTP. Each interface has one translator: `apps.web.refusals`,
`apps.api.errors` and `apps.api.mlflow.errors`.
"""

from collections.abc import Mapping
from typing import Any


class DomainError(Exception):
    """A request that the domain refuses.

    `message` is shown to the person as it is; `details` maps a field to its own sentence.
    """

    code = "refused"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or type(self).code
        self.details = dict(details or {})


class NotPermitted(DomainError):
    """You may not."""

    code = "not_permitted"


class NotFound(DomainError):
    """It does not exist, at least not for you."""

    code = "not_found"


class AlreadyExists(DomainError):
    code = "already_exists"


class Invalid(DomainError):
    """The input is wrong; the same input will be wrong again."""

    code = "invalid"

    @classmethod
    def at(cls, field: str, sentence: str) -> "Invalid":
        """What is wrong with one field, said once for all and at that field."""
        return cls(sentence, details={field: sentence})


class Conflict(DomainError):
    """It is too late, or not yet time: the object's state does not allow it."""

    code = "conflict"


class TooLarge(DomainError):
    code = "too_large"


class Unavailable(DomainError):
    """A part of the platform does not answer; the same request may succeed later."""

    code = "unavailable"


class TooManyRequests(DomainError):
    """The class of requests is used up for this minute."""

    code = "too_many_requests"

    def __init__(self, rate: str, *, retry_after: int) -> None:
        super().__init__(
            f"These are too many requests of the class “{rate}” within one minute. Wait "
            f"{retry_after} seconds, or ask the platform's people to raise the limit.",
            details={"retry_after": retry_after},
        )
        self.retry_after = retry_after
