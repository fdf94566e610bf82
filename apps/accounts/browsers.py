"""In which browsers a person signs in, so that he hears of a new one."""

import hashlib
import re
import secrets
from typing import Any

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, HttpResponse

from apps.accounts.models import KnownBrowser, User
from apps.audit.services import record

COOKIE = "mlgov_browser"
YEAR = 365 * 24 * 3600
WELL_FORMED = re.compile(r"[A-Za-z0-9_-]{32}")


@transaction.atomic
def note_sign_in(request: HttpRequest, response: HttpResponse | None, user: User) -> None:
    """Remember the browser. The person gets a mail unless he was known here, or never before."""
    name = request.COOKIES.get(COOKIE, "")
    if not WELL_FORMED.fullmatch(name):
        name = secrets.token_urlsafe(24)
    is_first = not user.known_browsers.exists()
    digest = hashlib.sha256(name.encode()).hexdigest()
    browser, is_new = KnownBrowser.objects.get_or_create(user=user, digest=digest)
    if not is_new:
        browser.save(update_fields=["last_at"])
    elif not is_first:
        agent = get_adapter().get_http_user_agent(request)[:200]
        record(actor=user, action="user.new_browser", obj=user, data={"browser": agent})
        get_adapter().send_notification_mail("account/email/new_browser", user)
    if response is not None:
        options: dict[str, Any] = {
            "path": settings.SESSION_COOKIE_PATH,
            "secure": settings.SESSION_COOKIE_SECURE,
            "httponly": True,
            "samesite": "Lax",
        }
        response.set_cookie(COOKIE, name, max_age=YEAR, **options)
