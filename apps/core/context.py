"""From where the present work was asked for: request id, address, interface.

The middleware fills it for requests, tasks fill it for themselves; the audit trail and the log
read it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any, Protocol

import structlog


class Limits(Protocol):
    """What the credential behind the request leaves of a person's rights."""

    def require_write(self, audit_action: str, project_id: int | None) -> None: ...


@dataclass(frozen=True)
class RequestContext:
    request_id: str = ""
    ip: str = ""
    via: str = "system"
    # Short name of the project where what is made without naming one belongs.
    default_project: str = ""
    # The access token that was sent, as the audit trail names it, and what it is limited to.
    token: str = ""
    limits: Limits | None = None
    # What is worked out once for the request, and never outlives it.
    memo: dict[Any, Any] | None = None


_current: ContextVar[RequestContext] = ContextVar("mlgov_request", default=RequestContext())


def current() -> RequestContext:
    return _current.get()


def note_token(token: str, limits: Limits | None) -> None:
    """Who asks is known by now. Holds until the block that `acting` began ends."""
    _current.set(replace(current(), token=token, limits=limits))


def forget() -> None:
    """What the request worked out does not hold any more."""
    memo = current().memo
    if memo is not None:
        memo.clear()


@contextmanager
def acting(
    *,
    request_id: str | None = None,
    ip: str | None = None,
    via: str | None = None,
    default_project: str | None = None,
    memo: dict[Any, Any] | None = None,
) -> Iterator[RequestContext]:
    """Override parts of the context for a block."""
    changes: dict[str, Any] = {
        "request_id": request_id,
        "ip": ip,
        "via": via,
        "default_project": default_project,
        "memo": memo,
    }
    context = replace(current(), **{k: v for k, v in changes.items() if v is not None})
    token = _current.set(context)
    with structlog.contextvars.bound_contextvars(request_id=context.request_id, via=context.via):
        try:
            yield context
        finally:
            _current.reset(token)
