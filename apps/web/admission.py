"""Holds each request to the door through which it comes, whatever it speaks."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse

from apps.core.admission import forget_body, require_length
from apps.core.counting import count_address, count_person
from apps.core.doors import Login
from apps.core.errors import DomainError, TooLarge
from apps.core.middleware import interface_of
from apps.core.routes import door_of, methods_of
from apps.web.refusals import as_page

# They know who asks only once they have read what was sent with the request, and count it then.
COUNT_THEMSELVES = (Login.TOKEN, Login.EITHER)
# They say it in their own words that there is no such method.
REFUSE_THEMSELVES = ("mlflow", "endpoint")


class AdmissionMiddleware:
    """Stands before the one for CSRF, which would read the body first."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Any, args: Any, kwargs: Any
    ) -> HttpResponse | None:
        match = request.resolver_match
        is_mlflow = match is not None and match.namespace == "mlflow"
        interface = "mlflow" if is_mlflow else interface_of(request.path_info)
        door = door_of(request)
        if door is None:
            return None if interface in REFUSE_THEMSELVES else _no_such_method(request, interface)
        request.door = door  # type: ignore[attr-defined]
        if door.login is Login.KEY:
            # The view of predictions measures and counts, in words of its own.
            return None
        try:
            require_length(request, door)
            if door.login not in COUNT_THEMSELVES:
                user: Any = request.user
                if user.is_authenticated:
                    count_person(request, user.pk)
                else:
                    count_address(request)
        except DomainError as refusal:
            forget_body(request)
            return _told(request, refusal, interface)
        return None


def _no_such_method(request: HttpRequest, interface: str) -> HttpResponse:
    allowed = methods_of(request)
    if interface != "api":
        return HttpResponseNotAllowed(allowed)
    message = f'Method "{request.method}" not allowed.'
    response = JsonResponse({"code": "method_not_allowed", "message": message}, status=405)
    response["Allow"] = ", ".join(allowed)
    return response


def _told(request: HttpRequest, refusal: DomainError, interface: str) -> HttpResponse:
    status = 413 if isinstance(refusal, TooLarge) else 429
    if interface == "mlflow":
        body = {"error_code": "INVALID_PARAMETER_VALUE", "message": refusal.message}
        return JsonResponse(body, status=status)
    if interface == "api":
        return JsonResponse({"code": refusal.code, "message": refusal.message}, status=status)
    return as_page(request, refusal)
