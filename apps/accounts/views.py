"""One's own account: how one is called, and the end of a token. Tokens are made in `apps.web`."""

from typing import Any

from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.accounts import services
from apps.accounts.forms import ProfileForm
from apps.accounts.recent import confirmed_for_changes
from apps.core.pages import answer


@login_required
@require_POST
def token_revoke(request: HttpRequest, pk: int) -> HttpResponse:
    user: Any = request.user
    token = get_object_or_404(services.tokens_answered_for(user), pk=pk)
    services.revoke_token(token, by=user)
    messages.success(request, f"The token “{token.name}” opens nothing any more.")
    return redirect("accounts:tokens")


@login_required
@require_safe
def sessions(request: HttpRequest) -> HttpResponse:
    user: Any = request.user
    found = UserSession.objects.purge_and_list(user)
    current = request.session.session_key
    context = {
        "section": "account",
        "sessions": [
            {"session": session, "is_current": session.session_key == current}
            for session in sorted(found, key=lambda session: session.created_at, reverse=True)
        ],
        "hours": settings.SESSION_COOKIE_AGE // 3600,
        "idle_minutes": settings.MLGOV_SESSION_IDLE // 60,
    }
    return answer(request, "accounts/sessions.html", context)


@login_required
@require_POST
@confirmed_for_changes
def session_end(request: HttpRequest, pk: int | None = None) -> HttpResponse:
    """End one session, or all others."""
    user: Any = request.user
    ended = services.end_sessions(user, but=request.session.session_key or "", only=pk)
    messages.success(request, f"{ended} session{'s are' if ended != 1 else ' is'} ended.")
    return redirect("accounts:sessions")


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def profile(request: HttpRequest) -> HttpResponse:
    user: Any = request.user
    posted = request.method == "POST"
    form = ProfileForm(request.POST if posted else None, initial={"name": user.name})
    if posted and form.is_valid():
        services.rename(user, name=form.cleaned_data["name"], by=user)
        messages.success(request, "Saved.")
        return redirect("accounts:profile")
    context = {
        "section": "account",
        "form": form,
        "memberships": user.memberships.select_related("project").order_by("project__name"),
        "groups": user.groups.order_by("name"),
    }
    return answer(request, "accounts/profile.html", context, status=422 if posted else 200)
