"""Access tokens. A token may name a project, which accounts know nothing of: hence here."""

from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from apps.accounts.models import AccessToken
from apps.accounts.recent import confirmed_for_changes
from apps.accounts.services import tokens_answered_for
from apps.core.errors import DomainError
from apps.core.pages import answer, put_on_form
from apps.projects import tokens as services
from apps.web.forms import ProjectTokenForm


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@confirmed_for_changes
def tokens(request: HttpRequest) -> HttpResponse:
    """The tokens; the answer to a POST is the only page that shows the new one's secret."""
    user: Any = request.user
    posted = request.method == "POST"
    form = ProjectTokenForm(request.POST if posted else None, user=user)
    refusal, made, secret = None, None, ""
    if posted and form.is_valid():
        project = form.cleaned_data["default_project"]
        try:
            made, secret = services.create_token(
                form.cleaned_data.get("account") or user,
                name=form.cleaned_data["name"],
                expires_at=form.cleaned_data["expires_at"],
                default_project=project.slug if project else "",
                **form.limits(),
                by=user,
            )
            form = ProjectTokenForm(user=user)
        except DomainError as error:
            refusal = error
            put_on_form(form, error)
    context = {
        "section": "account",
        "tokens": _told(tokens_answered_for(user).order_by("revoked_at", "-pk")),
        "form": form,
        "made": made,
        "secret": secret,
        "usage": _usage(secret) if secret else "",
    }
    status = 422 if posted and made is None else 200
    return answer(request, "accounts/tokens.html", context, refusal=refusal, status=status)


def _told(tokens: Iterable[AccessToken]) -> list[dict[str, Any]]:
    tokens = list(tokens)
    slugs = services.slugs_of(tokens)
    return [
        {
            "token": token,
            "scope": services.scope_of(token),
            "projects": [slugs[key] for key in token.projects or [] if key in slugs],
        }
        for token in tokens
    ]


def _usage(secret: str) -> str:
    return (
        f"export MLFLOW_TRACKING_URI={settings.MLGOV_BASE_URL}\n"
        f"export MLFLOW_TRACKING_TOKEN={secret}"
    )
