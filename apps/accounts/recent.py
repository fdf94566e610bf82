"""Who does something sensitive has shown a moment ago that it is he."""

import time
from collections.abc import Callable
from functools import wraps
from typing import Any

from allauth.account import app_settings
from allauth.account.internal.flows.login import get_authentication_records
from allauth.account.internal.flows.reauthentication import get_reauthentication_flows
from allauth.core.exceptions import ReauthenticationRequired
from django.http import HttpRequest, HttpResponse

from apps.core.errors import NotPermitted


def confirmed_for_changes(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Ask again for password or factor before a POST, unless that was just given."""

    @wraps(view)
    def asked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.method == "POST" and not was_recent(request):
            # allauth keeps the request, asks, and goes on with it.
            raise ReauthenticationRequired
        return view(request, *args, **kwargs)

    return asked


def require_recent(request: HttpRequest) -> None:
    """The same for calls that cannot be asked back: raises `NotPermitted`."""
    if not was_recent(request):
        raise NotPermitted(
            "Your session has to be confirmed first. Make tokens on your tokens page, which asks "
            "for it, or with a token.",
            code="confirm_first",
        )


def was_recent(request: HttpRequest) -> bool:
    user: Any = request.user
    # Who only signs on elsewhere has nothing to show here.
    if not get_reauthentication_flows(user):
        return True
    since = time.time() - app_settings.REAUTHENTICATION_TIMEOUT
    return any(entry["at"] > since for entry in get_authentication_records(request, user))
