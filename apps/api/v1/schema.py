"""The OpenAPI schema and its browsable page."""

from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.views import SpectacularSwaggerSplitView
from rest_framework.exceptions import NotFound
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

ERROR = {
    "type": "object",
    "required": ["code", "message"],
    "properties": {
        "code": {"type": "string", "description": "For programs."},
        "message": {"type": "string", "description": "For people."},
        "details": {"type": "object", "description": "Field -> what is wrong with it."},
    },
}
METHODS = ("get", "post", "put", "patch", "delete")


def with_refusals(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Every operation may be refused, always in the same form."""
    result["components"]["schemas"]["Refusal"] = ERROR
    refusal = {
        "description": "Refused: 400 wrong input, 401 who are you, 403 you may not, 404 there is "
        "no such thing for you, 409 too late or taken, 413 too large, 415 not JSON, 503 try later.",
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Refusal"}}},
    }
    for path in result["paths"].values():
        for method in METHODS:
            if method in path:
                path[method]["responses"]["default"] = refusal
    return result


class AccessTokenScheme(OpenApiAuthenticationExtension):
    target_class = "apps.api.authentication.AccessTokenAuthentication"
    name = "accessToken"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "A token from your tokens page: mlgov_pat_…",
        }


class DocsView(SpectacularSwaggerSplitView):
    """Swagger's page, from our own files.

    It sets styles from its script, for which this page alone is given leave.
    """

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response = super().dispatch(request, *args, **kwargs)
        response["Content-Security-Policy"] = (
            "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
            "img-src 'self' data:; font-src 'self'; connect-src 'self'; base-uri 'none'; "
            "form-action 'none'; frame-ancestors 'none'"
        )
        return response


class NothingHereView(APIView):
    """An address that nothing answers to, refused like everything else here."""

    permission_classes = (AllowAny,)

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        self.http_method_names = [(request.method or "get").lower()]
        setattr(self, self.http_method_names[0], self.nothing)
        return super().dispatch(request, *args, **kwargs)

    def nothing(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        raise NotFound("There is nothing at this address. /api/v1/docs shows what there is.")
