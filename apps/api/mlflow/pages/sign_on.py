"""Who is asking: a cookie of this host alone, fetched with a ticket from mlgov's own pages.

The browser is given a secret first and shows it with the ticket, so that nobody can be signed on
as somebody else by a link.
"""

import re
import secrets
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from apps.accounts import services
from apps.accounts.models import User
from apps.core.errors import NotPermitted

SECRET = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
MINUTES = 60


def person(request: HttpRequest) -> User | None:
    secret = request.COOKIES.get(_name("mlflow-session"), "")
    return services.person_behind(secret) if SECRET.fullmatch(secret) else None


def begin(request: HttpRequest) -> HttpResponse:
    """To mlgov, for a ticket."""
    browser = _browser(request) or secrets.token_urlsafe(32)
    query = urlencode({"browser": services.digest_of_secret(browser)})
    address = f"{settings.MLGOV_ORIGIN}{reverse('web:mlflow_pages')}?{query}"
    response = HttpResponseRedirect(address)
    _set(response, "mlflow-browser", browser, max_age=30 * MINUTES)
    return response


def finish(request: HttpRequest) -> HttpResponse:
    """Back from mlgov, with a ticket."""
    browser = _browser(request)
    try:
        secret = services.complete_sign_on(
            request.GET.get("ticket", ""), browser=services.digest_of_secret(browser)
        )
    except NotPermitted as refusal:
        return HttpResponse(
            f"{refusal.message}\n\n{settings.MLGOV_MLFLOW_PAGES}/",
            status=403,
            content_type="text/plain; charset=utf-8",
        )
    response = HttpResponseRedirect("/")
    _set(response, "mlflow-session", secret)
    return response


def _browser(request: HttpRequest) -> str:
    secret = request.COOKIES.get(_name("mlflow-browser"), "")
    return secret if SECRET.fullmatch(secret) else ""


def _set(response: HttpResponse, name: str, value: str, max_age: int | None = None) -> None:
    # Lax, because the way to the page is a redirect from another site.
    response.set_cookie(
        _name(name), value, max_age=max_age, secure=_is_secure(), httponly=True, samesite="Lax"
    )


def _name(name: str) -> str:
    # With this beginning a browser takes the cookie from this very host only.
    return f"__Host-{name}" if _is_secure() else name


def _is_secure() -> bool:
    return settings.MLGOV_MLFLOW_PAGES.startswith("https:")
