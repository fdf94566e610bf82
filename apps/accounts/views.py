"""One's own account: access tokens, and how one is called."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from apps.accounts import services
from apps.accounts.forms import ProfileForm, TokenForm
from apps.core.errors import DomainError
from apps.core.pages import answer, put_on_form


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def tokens(request: HttpRequest) -> HttpResponse:
    """The tokens; the answer to a POST is the only page that shows the new one's secret."""
    user: Any = request.user
    posted = request.method == "POST"
    form = TokenForm(request.POST if posted else None)
    refusal, made, secret = None, None, ""
    if posted and form.is_valid():
        try:
            made, secret = services.create_token(
                user,
                name=form.cleaned_data["name"],
                expires_at=form.cleaned_data["expires_at"],
                by=user,
            )
            form = TokenForm()
        except DomainError as error:
            refusal = error
            put_on_form(form, error)
    context = {
        "section": "account",
        "tokens": user.access_tokens.order_by("revoked_at", "-pk"),
        "form": form,
        "made": made,
        "secret": secret,
        "usage": _usage(secret) if secret else "",
    }
    status = 422 if posted and made is None else 200
    return answer(request, "accounts/tokens.html", context, refusal=refusal, status=status)


@login_required
@require_POST
def token_revoke(request: HttpRequest, pk: int) -> HttpResponse:
    user: Any = request.user
    token = get_object_or_404(user.access_tokens, pk=pk)
    services.revoke_token(token, by=user)
    messages.success(request, f"The token “{token.name}” opens nothing any more.")
    return redirect("accounts:tokens")


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


def _usage(secret: str) -> str:
    return (
        f"export MLFLOW_TRACKING_URI={settings.MLGOV_BASE_URL}\n"
        f"export MLFLOW_TRACKING_TOKEN={secret}"
    )
