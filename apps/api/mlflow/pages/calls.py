"""The calls of MLflow's pages: read with the rights of the person, or refused."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponseBase, JsonResponse

from apps.accounts.models import User
from apps.api.mlflow import copies, model_versions, registered_models
from apps.api.mlflow.arguments import Arguments
from apps.api.mlflow.asked import Asked, answer_of
from apps.api.mlflow.edge import in_json
from apps.api.mlflow.named import entry_version_asked
from apps.api.mlflow.pages import answered, graphql
from apps.api.mlflow.pages.admission import admit
from apps.api.mlflow.pages.answered import Address
from apps.api.mlflow.pages.routes import place_of, readable
from apps.api.mlflow.passthrough import json_of, normalised, passed
from apps.core.errors import Invalid, NotFound
from apps.tracking import upstream

Call = Callable[[User, Arguments], dict[str, Any]]


def answer(request: HttpRequest, user: User) -> HttpResponseBase:
    method, path = request.method or "", normalised(request.path_info)
    if method == "POST" and request.content_type != "application/json":
        raise Invalid("Send JSON, and say so in the Content-Type.")
    address = (method, path)
    if address in (answered.GRAPHQL, answered.FILE_OF_VERSION) or address in OURS:
        admit(request, address, user)
    if address == answered.GRAPHQL:
        return JsonResponse(graphql.answer(user, json_of(request)))
    if address == answered.FILE_OF_VERSION:
        return _file_of_version(request, user)
    if call := OURS.get(address):
        return in_json(call(user, Arguments.of(request)))
    route, matched = readable(method, path)
    admit(request, (method, place_of(route)), user)
    asked = Asked(user, route.use, method, matched, may_make_default=False)
    response = passed(request, route, asked)
    if not response.headers.get("Content-Type", "").startswith("application/json"):
        # What people uploaded is looked at in the pages or on one's own disk, never by itself.
        response.setdefault("Content-Disposition", "attachment")
    return response


def _file_of_version(request: HttpRequest, user: User) -> HttpResponseBase:
    """From mlgov's own copy, which is what was reviewed."""
    arguments = Arguments.of(request)
    version, path = entry_version_asked(user, arguments), arguments.text("path", required=True)
    artifact = version.artifacts.filter(path=path).first()
    if artifact is None:
        raise NotFound(f"{version} has no file “{path[:200]}”.")
    return copies.sent(request, artifact)


def _about_the_server(user: User, arguments: Arguments) -> dict[str, Any]:
    """What kind of server it is, without what mlgov does not let through."""
    path = "/api/3.0/mlflow/server-info"
    said = answer_of(upstream.client().request("GET", path))
    return {
        "store_type": said.get("store_type"),
        "workspaces_enabled": False,
        "trace_archival_enabled": bool(said.get("trace_archival_enabled")),
        "multipart_uploads_enabled": False,
        "multipart_downloads_enabled": False,
        "features_enabled": {"gateway": False},
    }


def _no_gateway(user: User, arguments: Arguments) -> dict[str, Any]:
    return {"endpoints": []}


def _no_telemetry(user: User, arguments: Arguments) -> dict[str, Any]:
    return {"disable_ui_telemetry": True, "disable_ui_events": [], "ui_rollout_percentage": 0}


def _nothing_kept(user: User, arguments: Arguments) -> dict[str, Any]:
    return {"status": "disabled"}


OURS: dict[Address, Call] = {
    answered.MODELS: registered_models.search_models,
    answered.MODEL: registered_models.get,
    answered.ALIAS: registered_models.get_by_alias,
    answered.LATEST: registered_models.get_latest_versions,
    answered.LATEST_POSTED: registered_models.get_latest_versions,
    answered.VERSIONS: model_versions.search_versions,
    answered.VERSION: model_versions.get,
    answered.SERVER: _about_the_server,
    # As the server says where there is none.
    answered.GATEWAY: _no_gateway,
    answered.TELEMETRY: _no_telemetry,
    answered.TELEMETRY_POSTED: _nothing_kept,
}
