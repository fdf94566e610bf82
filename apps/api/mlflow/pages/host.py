"""Tells requests for the host of MLflow's pages from all others, and answers them."""

from collections.abc import Callable
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.request import split_domain_port
from django.http.response import HttpResponseBase

from apps.accounts.models import User
from apps.api.mlflow import errors
from apps.api.mlflow.edge import in_mlflows_words
from apps.api.mlflow.pages import answered, calls, files, sign_on
from apps.api.mlflow.pages.admission import admit
from apps.core.admission import forget_body
from apps.core.counting import count_address
from apps.core.errors import NotPermitted

NO_SIGN_ON = "Your sign-on has ended. Load the page again."
OF_OTHERS = "MLflow's pages answer to themselves only, and this request came from another site."
# Only what the pages bring along runs. Styles are set by script, one at a time; pictures and
# files are shown from memory. Nothing is loaded from, or sent to, another host.
POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "media-src 'self' blob:",
        "connect-src 'self' blob:",
        "worker-src 'self' blob:",
        "frame-src blob:",
        "manifest-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ]
)
HEADERS = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class PagesHostMiddleware:
    """Whatever the host is asked for is answered here: nothing of mlgov's is behind it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not _is_for_the_pages(request):
            return self.get_response(request)
        response = in_mlflows_words(lambda: _answer(request), request)
        if response.status_code >= 400:
            forget_body(request)
        for name, value in HEADERS.items():
            response[name] = value
        response.setdefault("Content-Security-Policy", "sandbox; default-src 'none'")
        response.setdefault("Cache-Control", "private, no-store")
        return response


def _is_for_the_pages(request: HttpRequest) -> bool:
    if not settings.MLGOV_MLFLOW_PAGES:
        return False
    host, _ = split_domain_port(request.META.get("HTTP_HOST", ""))
    return host == urlsplit(settings.MLGOV_MLFLOW_PAGES).hostname


def _answer(request: HttpRequest) -> HttpResponseBase:
    path = request.path_info
    if (request.method, path) == answered.SIGN_ON:
        _require_a_window(request)
        admit(request, answered.SIGN_ON, None)
        return sign_on.finish(request)
    if (request.method, path) == answered.PAGE:
        _require_a_window(request)
        return _page(request)
    _require_same_origin(request)
    user = sign_on.person(request)
    if user is None:
        count_address(request)
        return errors.error("UNAUTHENTICATED", NO_SIGN_ON, status=401)
    request.user = user
    if path.startswith(files.FOLDER):
        if request.method == "GET":
            admit(request, answered.FILE, user)
        return _with_policy(files.file(request))
    return calls.answer(request, user)


def _page(request: HttpRequest) -> HttpResponseBase:
    user: User | None = sign_on.person(request)
    admit(request, answered.PAGE, user)
    if user is None:
        return sign_on.begin(request)
    request.user = user
    return _with_policy(files.page())


def _with_policy(response: HttpResponseBase) -> HttpResponseBase:
    response["Content-Security-Policy"] = POLICY
    return response


def _require_a_window(request: HttpRequest) -> None:
    """A page is opened by anybody's link, but in a window only: not in a frame, nor by a script."""
    mode, target = request.headers.get("Sec-Fetch-Mode"), request.headers.get("Sec-Fetch-Dest")
    if mode not in (None, "navigate") or target not in (None, "document"):
        raise NotPermitted(OF_OTHERS)


def _require_same_origin(request: HttpRequest) -> None:
    origin, site = request.headers.get("Origin"), request.headers.get("Sec-Fetch-Site")
    # Browsers name the origin of whatever is not a plain GET, also where they send no Sec-Fetch.
    is_named = origin is not None or request.method in ("GET", "HEAD")
    is_ours = origin in (None, settings.MLGOV_MLFLOW_PAGES)
    if not (is_named and is_ours and site in (None, "same-origin", "none")):
        raise NotPermitted(OF_OTHERS)
