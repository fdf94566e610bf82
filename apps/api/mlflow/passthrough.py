"""Everything that is not the registry, passed on to the tracking server.

The path is normalised once, matched against the declared routes, and built anew from what
matched. Bodies stream both ways in chunks; nothing of the sender's identity goes along.
"""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode

import urllib3
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.http.request import UnreadablePostError
from urllib3.exceptions import HTTPError

from apps.accounts.models import User
from apps.api.mlflow import errors
from apps.api.mlflow.arguments import parsed_body
from apps.api.mlflow.edge import governed
from apps.api.mlflow.routes import Body, Route, Use, route_for
from apps.core.errors import Invalid, NotFound, NotPermitted, TooLarge
from apps.projects.queries import projects_where
from apps.registry import upstream

CHUNK = 256 * 1024
LARGEST_JSON = 16 * 1024 * 1024
LARGEST_ERROR = 64 * 1024
REQUEST_HEADERS = (
    "Accept",
    "Content-Encoding",
    "Content-Type",
    "Range",
    "User-Agent",
    "X-MLflow-Client-Version",
    "X-Mlflow-Experiment-Id",
    "X-Mlflow-Run-Id",
)
RESPONSE_HEADERS = (
    "Content-Disposition",
    "Content-Encoding",
    "Content-Length",
    "Content-Range",
    "Content-Type",
    "ETag",
    "Last-Modified",
)


class _CutOff(Invalid):
    """The sender stopped in the middle of the body."""


@governed
def pass_on(request: HttpRequest, user: User) -> HttpResponseBase:
    path = normalised(request.path_info)
    found = route_for(request.method or "", path)
    if found is None:
        raise NotFound(
            f"mlgov does not pass {request.method} {path} on. If MLflow's client needs it, tell "
            "the platform's people.",
            code="no_such_endpoint",
        )
    route, matched = found
    _require_right(user, route.use)
    body, headers = _body(request, route)
    if route.protection is not None:
        given: dict[str, Any] = {}
        if route.body is Body.JSON:
            given = parsed_body(body)
            # What was checked is what is sent: one spelling, no second reading.
            body = json.dumps(given).encode()
            headers["Content-Length"] = str(len(body))
        route.protection(matched, given)
    for name in REQUEST_HEADERS:
        if value := request.headers.get(name):
            headers[name] = value
    response = upstream.client().request(
        route.method, path, query=_query(request), headers=headers, body=body
    )
    return _answer(response)


def normalised(path: str) -> str:
    """The decoded path, if there is only one way to read it. Raises `NotFound`."""
    plain = path
    for _ in range(3):
        if _is_ambiguous(plain):
            raise NotFound(
                "mlgov does not pass on paths with empty, dotted or encoded parts.",
                code="no_such_endpoint",
            )
        plain = unquote(plain)
    return path


def _is_ambiguous(path: str) -> bool:
    parts = path.split("/")[1:]
    return (
        not path.startswith("/")
        or any(part in ("", ".", "..") for part in parts)
        or "\\" in path
        or not path.isprintable()
    )


def _require_right(user: User, use: Use) -> None:
    if projects_where(user, may=use).exists():
        return
    if use is Use.WRITE and projects_where(user, may=Use.READ).exists():
        raise NotPermitted(
            "You may read experiments and not write to them. Ask an owner of your project to make "
            "you a data scientist."
        )
    raise NotPermitted("You are in no project yet. Ask an owner of a project to let you in.")


def _query(request: HttpRequest) -> str:
    text = request.META.get("QUERY_STRING", "")
    try:
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=500)
    except ValueError:
        raise Invalid("The query of the address cannot be read.") from None
    if any("\x00" in part for pair in pairs for part in pair):
        raise Invalid("The query holds a NUL character.")
    return urlencode(pairs)


# ---- the body on its way up ---------------------------------------------------------------------


def _body(request: HttpRequest, route: Route) -> tuple[Any, dict[str, str]]:
    """What to send, and the headers that say how long it is."""
    if route.body is Body.NONE:
        return None, {}
    length = _length(request)
    if route.body is Body.JSON:
        return _read(request, LARGEST_JSON), {}
    if length is not None:
        if length > settings.MLGOV_UPLOAD_LIMIT:
            raise _too_large()
        return _counted(request, length), {"Content-Length": str(length)}
    return _unmeasured(request), {"Transfer-Encoding": "chunked"}


def _length(request: HttpRequest) -> int | None:
    """The announced length; None for a body in chunks of its own, which ends where it says."""
    if "chunked" in request.headers.get("Transfer-Encoding", "").lower():
        if not request.META.get("wsgi.input_terminated"):
            raise Invalid("Send a Content-Length with the body.", code="length_required")
        return None
    text = request.META.get("CONTENT_LENGTH") or "0"
    if not (text.isascii() and text.isdigit()):
        raise Invalid("The Content-Length is not a number.")
    return int(text)


def _read(request: HttpRequest, limit: int) -> bytes:
    length = _length(request)
    if length is not None and length > limit:
        raise TooLarge(f"This call takes a body of at most {limit} bytes.")
    chunks, size = [], 0
    for chunk in _counted(request, length) if length is not None else _unmeasured(request):
        size += len(chunk)
        if size > limit:
            raise TooLarge(f"This call takes a body of at most {limit} bytes.")
        chunks.append(chunk)
    return b"".join(chunks)


def _counted(request: HttpRequest, length: int) -> Iterator[bytes]:
    left = length
    while left:
        try:
            chunk = request.read(min(CHUNK, left))
        except UnreadablePostError:
            chunk = b""
        if not chunk:
            raise _CutOff(f"The upload ended after {length - left} of {length} bytes.")
        left -= len(chunk)
        yield chunk


def _unmeasured(request: HttpRequest) -> Iterator[bytes]:
    # Django takes a body without a length for an empty one; the server knows where it ends.
    stream, size = request.META["wsgi.input"], 0
    while True:
        try:
            chunk = stream.read(CHUNK)
        except OSError:
            raise _CutOff(f"The upload broke off after {size} bytes.") from None
        if not chunk:
            return
        size += len(chunk)
        if size > settings.MLGOV_UPLOAD_LIMIT:
            raise _too_large()
        yield chunk


def _too_large() -> TooLarge:
    limit = settings.MLGOV_UPLOAD_LIMIT // (1024 * 1024)
    return TooLarge(
        f"An upload has at most {limit} MB. Make the file smaller, or ask the platform's people "
        "to raise MLGOV_UPLOAD_LIMIT_MB."
    )


# ---- the answer on its way down -----------------------------------------------------------------


def _answer(response: urllib3.BaseHTTPResponse) -> HttpResponseBase:
    kind = response.headers.get("Content-Type", "")
    if response.status >= 300 and not kind.startswith("application/json"):
        return _translated(response)
    answer = StreamingHttpResponse(_streamed(response), status=response.status)
    del answer["Content-Type"]
    for name in RESPONSE_HEADERS:
        if value := response.headers.get(name):
            answer[name] = value
    # What people uploaded is shown by nobody's browser in our name.
    answer["X-Content-Type-Options"] = "nosniff"
    answer["Content-Security-Policy"] = "sandbox; default-src 'none'"
    return answer


def _streamed(response: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
    try:
        yield from response.stream(CHUNK, decode_content=False)
    except HTTPError as error:
        # Too late for a status: the connection ends before the announced length.
        raise ConnectionError("the tracking server broke off in the middle of an answer") from error
    finally:
        response.close()


def _translated(response: urllib3.BaseHTTPResponse) -> HttpResponse:
    """The server's page as an error of its API: the client cannot read HTML or redirects."""
    response.read(LARGEST_ERROR)
    response.close()
    status = 404 if response.status < 400 or response.status == 405 else response.status
    code = {404: "ENDPOINT_NOT_FOUND", 403: "PERMISSION_DENIED"}.get(status, "BAD_REQUEST")
    return errors.error(
        "INTERNAL_ERROR" if status >= 500 else code,
        f"The tracking server answers with status {response.status}.",
        status=status,
    )
