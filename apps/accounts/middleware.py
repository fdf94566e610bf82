"""What a session has to keep to: how long it lasts, and a second factor where it is demanded."""

import logging
from collections.abc import Callable
from typing import Any

from allauth.account.internal.flows.login import get_authentication_records
from allauth.mfa.utils import is_mfa_enabled
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from requests import RequestException

from apps.accounts import lifetimes

OF_PROVIDERS = (RequestException, OAuth2Error, KeyError)
log = logging.getLogger(__name__)
# Where a second factor is set up, and what a browser needs for it.
WITHOUT_FACTOR = ("/accounts/", "/static/", "/healthz", "/readyz")


class SessionRulesMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        # Programs bring no session, and nothing is looked up for them.
        if settings.SESSION_COOKIE_NAME in request.COOKIES and request.user.is_authenticated:
            # A page that is left open asks by itself for what is new: that is nobody's activity.
            by_itself = request.method == "GET" and "HX-Request" in request.headers
            if lifetimes.is_over(request.session, is_activity=not by_itself):
                logout(request)
                messages.info(request, "Your session has ended. Sign in again.")
            elif lacks_a_factor(request):
                return _asked_for_a_factor(request)
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """A provider that is down, or says what none should, is no mistake of ours."""
        if request.path_info.startswith("/accounts/oidc/") and isinstance(exception, OF_PROVIDERS):
            log.warning("a sign-on provider does not answer as it should: %r", exception)
            return render(request, "socialaccount/authentication_error.html", status=503)
        return None


def lacks_a_factor(request: HttpRequest) -> bool:
    """Whether the person has to set up a second factor before anything else."""
    user: Any = request.user
    demanded = settings.MLGOV_MFA == "everybody" or (
        settings.MLGOV_MFA == "administrators" and (user.is_superuser or user.is_staff)
    )
    if not demanded or request.path_info.startswith(WITHOUT_FACTOR):
        return False
    methods = {entry.get("method") for entry in get_authentication_records(request, user)}
    # Who signs on elsewhere is asked for a factor there.
    return "socialaccount" not in methods and not is_mfa_enabled(user)


def _asked_for_a_factor(request: HttpRequest) -> HttpResponse:
    sentence = "Your account needs a second factor. Set one up before you go on."
    if request.path_info.startswith(("/api/", "/ajax-api/", "/endpoints/")):
        return JsonResponse({"code": "second_factor_required", "message": sentence}, status=403)
    messages.warning(request, sentence)
    return HttpResponseRedirect(reverse("mfa_index"))
