"""Refusals of the domain in the words of the REST API."""

import logging
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.core.signals import got_request_exception
from rest_framework.exceptions import AuthenticationFailed, NotAuthenticated
from rest_framework.response import Response
from rest_framework.views import exception_handler, set_rollback

from apps.core import full
from apps.core.context import current
from apps.core.counting import count_address
from apps.core.errors import (
    AlreadyExists,
    Conflict,
    DomainError,
    Invalid,
    NotFound,
    NotPermitted,
    TooLarge,
    TooManyRequests,
    Unavailable,
)

log = logging.getLogger(__name__)
STATUS: dict[type[DomainError], int] = {
    Invalid: 400,
    NotPermitted: 403,
    NotFound: 404,
    AlreadyExists: 409,
    Conflict: 409,
    TooLarge: 413,
    TooManyRequests: 429,
    Unavailable: 503,
}


def answer(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler: every refusal has a code and a message, and changed nothing."""
    if isinstance(error, (AuthenticationFailed, NotAuthenticated)):
        try:
            count_address(context["request"]._request)
        except TooManyRequests as too_many:
            error = too_many
    if isinstance(error, RequestDataTooBig):
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE // 1024**2
        error = TooLarge(f"The body is larger than {limit} MB.")
    if refusal := full.refusal_of(error):
        log.error("%s", refusal.message, exc_info=error)
        error = refusal
    if isinstance(error, DomainError):
        # What an earlier service call of the same request wrote goes with the refusal.
        set_rollback()
        body: dict[str, Any] = {"code": error.code, "message": error.message}
        if error.details:
            body["details"] = error.details
        response = Response(body, status=status_of(error))
        if isinstance(error, TooManyRequests):
            response["Retry-After"] = str(error.retry_after)
        elif response.status_code == 503:
            response["Retry-After"] = "10"
        return response
    refused = exception_handler(error, context)
    if refused is None:
        return None if settings.DEBUG else _unexpected(error, context)
    detail = refused.data.get("detail") if isinstance(refused.data, dict) else None
    if detail is not None:
        code = getattr(detail, "code", "error")
        refused.data = {"code": code, "message": str(detail)}
    else:
        refused.data = {
            "code": "invalid",
            "message": "Some of the input is wrong; details say which.",
            "details": _sentences(refused.data),
        }
    return refused


def _sentences(data: Any) -> Any:
    """Field -> sentence, as the domain's own refusals have it."""
    if not isinstance(data, dict):
        return {"body": " ".join(map(str, data))}
    return {
        field: " ".join(errors)
        if isinstance(errors, list) and all(isinstance(error, str) for error in errors)
        else errors
        for field, errors in data.items()
    }


def status_of(error: DomainError) -> int:
    return next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 400)


def _unexpected(error: Exception, context: dict[str, Any]) -> Response:
    """A mistake of ours. In JSON, as everything else here, and findable by its request id."""
    set_rollback()
    log.error("unexpected error in the REST API", exc_info=error)
    got_request_exception.send(sender=answer, request=context["request"]._request)
    message = (
        "Something went wrong that mlgov did not expect. Show the platform's people this request "
        f"id: {current().request_id}"
    )
    return Response({"code": "unexpected", "message": message}, status=500)
