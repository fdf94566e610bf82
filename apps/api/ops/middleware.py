"""Counts requests for /metrics."""

import time
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from apps.api.ops.metrics import REQUESTS, SECONDS

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class RequestMetricsMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        started = time.monotonic()
        response = self.get_response(request)
        match = request.resolver_match
        view = match.view_name if match is not None else "none"
        # Anybody can invent methods, and each label value is kept for ever.
        method = request.method if request.method in METHODS else "other"
        REQUESTS.labels(view, method, response.status_code).inc()
        SECONDS.labels(view).observe(time.monotonic() - started)
        return response
