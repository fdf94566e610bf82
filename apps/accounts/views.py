"""One's own account: how one is called, and the end of a token. Tokens are made in `apps.web`."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_http_methods, require_POST

from apps.accounts import services
from apps.accounts.forms import ProfileForm
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
