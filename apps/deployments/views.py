"""The door for consumers of predictions. Everything is answered in JSON."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse, UnreadablePostError
from django.middleware.csrf import CsrfViewMiddleware
from django.views.decorators.csrf import csrf_exempt

from apps.core.context import current
from apps.core.counting import count_address, count_key, count_person
from apps.core.errors import (
    DomainError,
    Invalid,
    NotFound,
    NotPermitted,
    TooLarge,
    TooManyRequests,
    Unavailable,
)
from apps.deployments import gateway, queries
from apps.deployments.models import ApiKey, Endpoint
from apps.deployments.specs import LONGEST_BODY

STATUS: dict[type[DomainError], int] = {
    Invalid: 400,
    gateway.NotAuthenticated: 401,
    NotPermitted: 403,
    NotFound: 404,
    TooLarge: 413,
    TooManyRequests: 429,
    gateway.BadAnswer: 502,
    Unavailable: 503,
    gateway.TimedOut: 504,
}
METHODS = ("POST", "GET", "HEAD")


class _Csrf(CsrfViewMiddleware):
    def _reject(self, request: HttpRequest, reason: str) -> str:
        return reason


# API keys and tokens are sent on purpose, sessions by every form of every site: so the check is
# made below, for sessions only.
@csrf_exempt
def invocations(
    request: HttpRequest, project: str, endpoint: str, version: int | None = None
) -> HttpResponse:
    return _in_json(lambda: _answer(request, project, endpoint, version))


def _answer(request: HttpRequest, project: str, endpoint: str, version: int | None) -> HttpResponse:
    if request.method not in METHODS:
        return _refusal(405, "method_not_allowed", "Use POST to predict, or GET to look.")
    found, caller = _admit(request, project, endpoint)
    if request.method != "POST":
        return JsonResponse(_description(request, found))
    body = _body(request)
    answer = gateway.predict(
        found,
        version=version,
        body=body,
        content_type=request.headers.get("Content-Type") or "application/json",
        request_id=current().request_id,
        caller=caller,
    )
    response = HttpResponse(answer.body, status=answer.status)
    for name, value in answer.headers.items():
        response[name] = value
    return response


def _admit(request: HttpRequest, project: str, endpoint: str) -> tuple[Endpoint, Any]:
    action = "predict" if request.method == "POST" else "view"
    credential = _credential(request)
    if credential is not None:
        try:
            found, caller = gateway.admit(project, endpoint, credential, action)
        except DomainError:
            # Wrong, or of another endpoint: whose it is, is not told.
            count_address(request)
            raise
        if isinstance(caller, ApiKey):
            count_key(request, caller.pk)
        else:
            count_person(request, caller.pk)
        return found, caller
    if request.user.is_authenticated:
        count_person(request, request.user.pk)
    else:
        count_address(request)
        raise gateway.NotAuthenticated(
            "Send an API key of this endpoint: Authorization: Bearer mlgov_key_…"
        )
    if request.method == "POST":
        _require_csrf_token(request)
    return gateway.admit_person(project, endpoint, request.user, action), request.user


def _credential(request: HttpRequest) -> str | None:
    """The key or token of the request, None where it has none."""
    key = request.headers.get("X-Api-Key")
    if key is not None:
        return key.strip()
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    return None


def _require_csrf_token(request: HttpRequest) -> None:
    check = _Csrf(lambda _: HttpResponse())
    check.process_request(request)
    if reason := check.process_view(request, lambda _: HttpResponse(), (), {}):
        raise NotPermitted(f"CSRF check failed: {reason}", code="csrf")


def _body(request: HttpRequest) -> bytes:
    length = request.META.get("CONTENT_LENGTH") or ""
    if not length and request.headers.get("Transfer-Encoding"):
        raise Invalid("Send the length of the body: chunked requests are not taken.")
    too_large = TooLarge(
        f"The body may have {LONGEST_BODY:,} bytes. Send the rows in several requests."
    )
    if length.isdigit() and int(length) > LONGEST_BODY:
        raise too_large
    try:
        # Not request.body, whose limit is that of forms.
        body = request.read(LONGEST_BODY + 1)
    except UnreadablePostError:
        raise Invalid("The body ended before it was complete.") from None
    if len(body) > LONGEST_BODY:
        raise too_large
    return body


def _description(request: HttpRequest, endpoint: Endpoint) -> dict[str, Any]:
    base = request.build_absolute_uri(endpoint.path)
    serving = queries.serving_deployments(endpoint).order_by("-version__number")
    return {
        "endpoint": str(endpoint),
        "url": base,
        "model": endpoint.model.name,
        "environment": endpoint.environment.slug,
        "versions": [
            {
                "version": deployment.version.number,
                "traffic": deployment.traffic,
                "url": request.build_absolute_uri(
                    endpoint.path.replace(
                        "/invocations", f"/versions/{deployment.version.number}/invocations"
                    )
                ),
            }
            for deployment in serving
        ],
    }


def _in_json(work: Callable[[], HttpResponse]) -> HttpResponse:
    try:
        return work()
    except DomainError as refusal:
        response = _refusal(STATUS.get(type(refusal), 400), refusal.code, refusal.message)
        if isinstance(refusal, TooManyRequests):
            response["Retry-After"] = str(refusal.retry_after)
        return response


def _refusal(status: int, code: str, message: str) -> HttpResponse:
    response = JsonResponse(
        {"code": code, "message": message, "request_id": current().request_id}, status=status
    )
    if status == 401:
        response["WWW-Authenticate"] = 'Bearer realm="mlgov endpoint"'
    elif status == 405:
        response["Allow"] = ", ".join(METHODS)
    elif status == 503:
        response["Retry-After"] = str(gateway.RETRY_AFTER)
    return response
