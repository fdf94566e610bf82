"""Refusals of the domain in the words of MLflow's client.

The client retries 408, 429 and every 5xx for minutes and then loses the message, so no refusal is
answered with one of these, but for one: who sends too much gets 429 with Retry-After, for which the
client waits at most a minute, and then has lost nothing. A tracking server that does not answer is
424: the request is right, and what it depends on failed.
"""

from typing import Any

from django.http import JsonResponse

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

IN_MLFLOW_TERMS: dict[type, tuple[str, int]] = {
    DomainError: ("BAD_REQUEST", 400),
    Invalid: ("INVALID_PARAMETER_VALUE", 400),
    NotPermitted: ("PERMISSION_DENIED", 403),
    NotFound: ("RESOURCE_DOES_NOT_EXIST", 404),
    AlreadyExists: ("RESOURCE_ALREADY_EXISTS", 400),
    Conflict: ("RESOURCE_CONFLICT", 409),
    TooLarge: ("INVALID_PARAMETER_VALUE", 413),
    TooManyRequests: ("REQUEST_LIMIT_EXCEEDED", 429),
    Unavailable: ("TEMPORARILY_UNAVAILABLE", 424),
}
# Where MLflow's own server answers otherwise than its own rule.
BY_CODE: dict[str, tuple[str, int]] = {
    "no_such_alias": ("INVALID_PARAMETER_VALUE", 400),
    "no_such_endpoint": ("ENDPOINT_NOT_FOUND", 404),
    "no_such_method": ("ENDPOINT_NOT_FOUND", 405),
    "length_required": ("INVALID_PARAMETER_VALUE", 411),
}


def answer_for(refusal: DomainError) -> JsonResponse:
    kind = next(kind for kind in type(refusal).__mro__ if kind in IN_MLFLOW_TERMS)
    code, status = BY_CODE.get(refusal.code) or IN_MLFLOW_TERMS[kind]
    response = error(code, refusal.message, status=status, **refusal.details)
    if isinstance(refusal, TooManyRequests):
        response["Retry-After"] = str(refusal.retry_after)
    return response


def error(code: str, message: str, *, status: int, **further: Any) -> JsonResponse:
    """`further` reaches the person's program as `RestException.json`."""
    return JsonResponse({"error_code": code, "message": message, **further}, status=status)


def unauthenticated(message: str) -> JsonResponse:
    response = error("UNAUTHENTICATED", message, status=401)
    response["WWW-Authenticate"] = 'Bearer realm="mlgov"'
    return response
