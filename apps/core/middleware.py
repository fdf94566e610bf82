"""Request context, log and security headers."""

import ipaddress
import logging
import re
import time
import uuid
from collections.abc import Callable

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.functional import SimpleLazyObject

from apps.core.context import acting

log = structlog.get_logger("mlgov.requests")
WELL_FORMED_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")


def client_address(request: HttpRequest) -> str:
    """The address of the client, as the outermost proxy that we trust saw it."""
    proxies = settings.CONFIGURATION.trusted_proxies
    forwarded = request.headers.get("X-Forwarded-For", "")
    if proxies and forwarded:
        hops = [hop.strip() for hop in forwarded.split(",")]
        claimed = _address(hops[-min(proxies, len(hops))])
        if claimed:
            return claimed
    return _address(request.META.get("REMOTE_ADDR", ""))


def _address(text: str) -> str:
    """An IP address, or nothing: whoever passes the proxy by can write anything into the header."""
    try:
        return str(ipaddress.ip_address(text.partition("%")[0]))
    except ValueError:
        return ""


def interface_of(path: str) -> str:
    if path.startswith(("/api/2.0/", "/api/3.0/", "/ajax-api/", "/v1/traces")):
        return "mlflow"
    if path.startswith("/api/"):
        return "api"
    if path.startswith("/admin/"):
        return "admin"
    if path.startswith("/endpoints/"):
        return "endpoint"
    return "web"


class RequestContextMiddleware:
    """Give each request an id that logs, audit events and the answer share."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get("X-Request-ID", "")
        request_id = given if WELL_FORMED_ID.fullmatch(given) else uuid.uuid4().hex
        with acting(
            request_id=request_id,
            ip=client_address(request),
            via=interface_of(request.path_info),
            memo={},
        ):
            response = self.get_response(request)
        response["X-Request-ID"] = request_id
        return response


class RequestLogMiddleware:
    """One line for each request. Never a query string or a header: both may hold secrets."""

    # What probes ask for every few seconds is worth a line only where it goes wrong.
    quiet = frozenset({"/healthz", "/readyz", "/metrics"})

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        started = time.monotonic()
        response = self.get_response(request)
        level = logging.INFO
        if response.status_code >= 500:
            level = logging.ERROR
        elif request.path_info in self.quiet or request.path.startswith(settings.STATIC_URL):
            level = logging.DEBUG
        log.log(
            level,
            "request",
            method=request.method,
            path=loggable_path(request),
            status=response.status_code,
            ms=round((time.monotonic() - started) * 1000, 1),
            user=known_user(request),
        )
        return response


def loggable_path(request: HttpRequest) -> str:
    """The path, but the pattern of the route where the path itself is a secret."""
    match = request.resolver_match
    if match is not None and {"key", "token", "uidb36"} & match.kwargs.keys():
        return f"/{match.route}"
    return request.path


def known_user(request: HttpRequest) -> int | None:
    """Whom the request turned out to be from. Asks nobody: a log line is not worth a query."""
    user = getattr(request, "user", None)
    if isinstance(user, SimpleLazyObject):
        user = getattr(request, "_cached_user", None)
    return getattr(user, "pk", None)


class WellFormedAddressMiddleware:
    """Refuse a NUL in the path or the query: nothing here is called so, and PostgreSQL chokes."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if "\x00" in request.path or "%00" in request.META.get("QUERY_STRING", ""):
            message = "The address holds a NUL character."
            # MLflow's client reads its own key, and calls everything else an internal error.
            key, code = (
                ("error_code", "INVALID_PARAMETER_VALUE")
                if interface_of(request.path_info) == "mlflow"
                else ("code", "invalid")
            )
            return JsonResponse({key: code, "message": message}, status=400)
        return self.get_response(request)


class SecurityHeadersMiddleware:
    """Content-Security-Policy and Permissions-Policy; Django 6's own takes over on 6.2."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.policy = "; ".join(
            f"{directive} {' '.join(sources)}" for directive, sources in settings.SECURE_CSP.items()
        )

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.setdefault("Content-Security-Policy", self.policy)
        response.setdefault("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
        return response
