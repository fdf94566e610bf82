"""From where the present work was asked for: request id, address, interface.

The middleware fills it for requests, tasks fill it for themselves; the audit trail and the log
read it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace

import structlog


@dataclass(frozen=True)
class RequestContext:
    request_id: str = ""
    ip: str = ""
    via: str = "system"
    # Short name of the project where what is made without naming one belongs.
    default_project: str = ""


_current: ContextVar[RequestContext] = ContextVar("mlgov_request", default=RequestContext())


def current() -> RequestContext:
    return _current.get()


@contextmanager
def acting(
    *,
    request_id: str | None = None,
    ip: str | None = None,
    via: str | None = None,
    default_project: str | None = None,
) -> Iterator[RequestContext]:
    """Override parts of the context for a block."""
    changes = {
        "request_id": request_id,
        "ip": ip,
        "via": via,
        "default_project": default_project,
    }
    context = replace(current(), **{k: v for k, v in changes.items() if v is not None})
    token = _current.set(context)
    with structlog.contextvars.bound_contextvars(request_id=context.request_id, via=context.via):
        try:
            yield context
        finally:
            _current.reset(token)
