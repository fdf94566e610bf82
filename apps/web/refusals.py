"""Refusals of the domain as pages. The one place where the pages' status codes live."""

import logging
import sys
from collections.abc import Callable
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render, resolve_url
from django.template.loader import render_to_string
from django.urls import get_script_prefix
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.defaults import bad_request as stock_bad_request
from django.views.defaults import server_error

from apps.core import full
from apps.core.context import current
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
from apps.core.middleware import interface_of
from apps.deployments.gateway import BadAnswer, TimedOut

log = logging.getLogger(__name__)

IN_WEB_TERMS: dict[type[DomainError], tuple[int, str]] = {
    Invalid: (422, "This cannot be done like that"),
    NotPermitted: (403, "You may not do this"),
    NotFound: (404, "There is nothing here for you"),
    AlreadyExists: (409, "There is one already"),
    Conflict: (409, "This is not possible now"),
    TooLarge: (413, "This is too large"),
    TooManyRequests: (429, "This is too much at once"),
    Unavailable: (503, "A part of the platform does not answer"),
    BadAnswer: (502, "The answer cannot be shown"),
    TimedOut: (504, "There was no answer in time"),
}
# What htmx puts in place although it is an error; see the configuration in base.html.
SWAPPED = 422


def in_web_terms(refusal: DomainError) -> tuple[int, str]:
    for kind in type(refusal).__mro__:
        if kind in IN_WEB_TERMS:
            return IN_WEB_TERMS[kind]
    return 422, "This cannot be done"


class RefusalMiddleware:
    """Answers a refusal that no form has shown, and gives those on forms their status."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if not getattr(request, "htmx", False):
            refusal = getattr(response, "refusal", None)
            if refusal is not None:
                response.status_code = in_web_terms(refusal)[0]
            return response
        if response.status_code == 302 and _leads_to_sign_in(response):
            # The whole page has to go there, not the part that was asked for.
            response = HttpResponse(status=204)
            response["HX-Redirect"] = _sign_in_and_return(request)
        return response

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if current().via not in ("web", "admin"):
            return None
        full_disk = full.refusal_of(error)
        if full_disk is not None:
            log.error("%s", full_disk.message, exc_info=error)
            error = full_disk
        return as_page(request, error) if isinstance(error, DomainError) else None


def as_page(request: HttpRequest, refusal: DomainError) -> HttpResponse:
    """The refusal as a page, or as the part of one that htmx shows on top."""
    status, title = in_web_terms(refusal)
    context = {"title": title, "refusal": refusal, "back": _where_from(request)}
    if getattr(request, "htmx", False):
        response = render(request, "web/refusal.html#alert", context, status=SWAPPED)
        response["HX-Retarget"] = "#main"
        response["HX-Reswap"] = "afterbegin show:window:top"
    else:
        response = render(request, "web/refusal.html", context, status=status)
    if isinstance(refusal, TooManyRequests):
        response["Retry-After"] = str(refusal.retry_after)
    return response


def broken(request: HttpRequest) -> HttpResponse:
    """Answers what went wrong outside a view, or while a refusal was told."""
    return _full_disk(request, sys.exc_info()[1]) or server_error(request)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    # A session that cannot be stored is taken for one that somebody else has ended.
    return _full_disk(request, exception) or stock_bad_request(request, exception)


def _full_disk(request: HttpRequest, error: BaseException | None) -> HttpResponse | None:
    refusal = None if error is None else full.refusal_of(error)
    if refusal is None:
        return None
    interface = interface_of(request.path_info)
    if interface == "mlflow":
        body = {"error_code": "TEMPORARILY_UNAVAILABLE", "message": refusal.message}
        return JsonResponse(body, status=424)
    if interface in ("api", "endpoint"):
        return JsonResponse({"code": refusal.code, "message": refusal.message}, status=503)
    status, title = in_web_terms(refusal)
    context = {"title": title, "refusal": refusal, "back": get_script_prefix()}
    # Without the request: what a page asks for around it may be what failed.
    return HttpResponse(render_to_string("web/refusal.html", context), status=status)


def _leads_to_sign_in(response: HttpResponse) -> bool:
    return urlsplit(response["Location"]).path == resolve_url(settings.LOGIN_URL)


def _sign_in_and_return(request: HttpRequest) -> str:
    page = urlsplit(request.headers.get("HX-Current-URL", "")).path or get_script_prefix()
    return f"{resolve_url(settings.LOGIN_URL)}?next={page}"


def _where_from(request: HttpRequest) -> str:
    """The page that the refused form was on."""
    referer = request.headers.get("Referer", "")
    if url_has_allowed_host_and_scheme(
        referer, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    ):
        return urlsplit(referer).path
    return get_script_prefix()
