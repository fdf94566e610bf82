"""What probes and scrapers ask. They have to answer without a database, too."""

import logging

from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST

from apps.accounts.resting import TokenRests
from apps.accounts.services import user_for_token
from apps.api.authentication import token_of
from apps.api.ops import health, metrics
from apps.projects.queries import is_auditor

log = logging.getLogger(__name__)


@never_cache
@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """The process is up. Asks nothing else, or a slow database would have it restarted."""
    return JsonResponse({"ok": True, "version": settings.MLGOV_VERSION})


@never_cache
@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """Every part that mlgov needs is there; else 503, with which one is not and what to do."""
    try:
        parts = health.parts()
    except DatabaseError:
        log.exception("the database failed while its state was read")
        connection.close()
        parts = [health.Part("database", False, "The database failed in between.", "Ask again.")]
    ok = all(part.ok for part in parts)
    body = {"ok": ok, "parts": [part.as_json() for part in parts]}
    return JsonResponse(body, status=200 if ok else 503)


@never_cache
@require_safe
def metrics_text(request: HttpRequest) -> HttpResponse:
    """Figures for Prometheus, for whoever has an administrator's or an auditor's token."""
    if not settings.CONFIGURATION.metrics_public:
        message = "Send the access token of an administrator or auditor as a bearer token."
        try:
            user = user_for_token(token_of(request.headers.get("Authorization", "")) or "")
        except TokenRests as refusal:
            user, message = None, refusal.message
        if user is None:
            response = JsonResponse({"code": "not_authenticated", "message": message}, status=401)
            response["WWW-Authenticate"] = 'Bearer realm="mlgov"'
            return response
        if not is_auditor(user):
            message = "Only administrators and auditors may read the metrics."
            return JsonResponse({"code": "not_permitted", "message": message}, status=403)
    return HttpResponse(metrics.exposition(), content_type=CONTENT_TYPE_LATEST)
