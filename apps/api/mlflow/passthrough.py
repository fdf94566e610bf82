"""Everything that is not the registry, passed on to the tracking server.

The path is normalised once, matched against the declared routes, and built anew from what
matched. Bodies stream both ways in chunks; nothing of the sender's identity goes along.
"""

from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

import urllib3
from django.conf import settings
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    JsonResponse,
    StreamingHttpResponse,
)
from django.http.request import UnreadablePostError
from urllib3.exceptions import HTTPError

from apps.accounts.models import User
from apps.api.mlflow import errors, spans
from apps.api.mlflow.arguments import parsed_body
from apps.api.mlflow.asked import JSON, Answered, Asked, queried
from apps.api.mlflow.edge import governed
from apps.api.mlflow.refused import reason_for
from apps.api.mlflow.routes import Body, Route, route_for
from apps.api.mlflow.scopes import places, traces
from apps.core.errors import Invalid, NotFound, TooLarge, Unavailable
from apps.tracking import upstream

CHUNK = 256 * 1024
LARGEST_JSON = 16 * 1024 * 1024
# With these the client tries again for minutes, and then has lost what was said.
RETRIED = {408, 429, 500, 502, 503, 504}
NOT_RETRIED = 424
REQUEST_HEADERS = ("Accept", "Range", "User-Agent", "X-MLflow-Client-Version")
BODY_HEADERS = {
    Body.STREAM: ("Content-Encoding", "Content-Type"),
    Body.SPANS: (
        "Content-Encoding",
        "Content-Type",
        traces.EXPERIMENT_HEADER,
        traces.RUN_HEADER,
    ),
}
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
        reason = reason_for(path)
        raise NotFound(
            f"mlgov does not pass {request.method} {path} on"
            + (f": {reason}." if reason else ".")
            + " If MLflow's client needs it, tell the platform's people.",
            code="no_such_endpoint",
        )
    route, matched = found
    return passed(request, route, Asked(user, route.use, route.method, matched))


def passed(request: HttpRequest, route: Route, asked: Asked) -> HttpResponseBase:
    """What comes of a request by a route; `asked` is yet to be filled with what it says."""
    try:
        return _passed(request, route, asked)
    except Answered as refusal:
        return said(refusal)
    except NotFound:
        # Whoever is in no project sees nothing, and should know why.
        places.require_a_project(asked.user)
        raise


def said(refusal: Answered) -> HttpResponse:
    return _said(refusal.status, refusal.body)


def _passed(request: HttpRequest, route: Route, asked: Asked) -> HttpResponseBase:
    _fill(asked, request, route)
    answer = route.scope(asked)
    if answer is not None:
        return JsonResponse(answer)
    if route.protection is not None:
        route.protection(asked.path, asked.values)
    if route.reply is not None:
        return JsonResponse(route.reply(asked))
    body, headers = _body(request, route, asked)
    response = upstream.client().request(
        route.method,
        route.address(asked.path),
        query=asked.query,
        headers={**asked.headers, **headers},
        body=body,
    )
    return _answer(response)


def _fill(asked: Asked, request: HttpRequest, route: Route) -> None:
    names = [*REQUEST_HEADERS, *BODY_HEADERS.get(route.body, ())]
    asked.headers = {name: value for name in names if (value := request.headers.get(name))}
    if route.method == "GET":
        asked.in_query, asked.values = True, queried(request.META.get("QUERY_STRING", ""))
    elif route.body is Body.JSON:
        asked.values = json_of(request)
    elif route.body is Body.SPANS:
        asked.content = _read(request, spans.LARGEST)


def json_of(request: HttpRequest) -> dict[str, Any]:
    return parsed_body(_read(request, LARGEST_JSON))


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


# ---- the body on its way up ---------------------------------------------------------------------


def _body(request: HttpRequest, route: Route, asked: Asked) -> tuple[Any, dict[str, str]]:
    """What to send, and the headers that say how long it is."""
    if route.body is Body.NONE:
        return None, {}
    if route.body is not Body.STREAM:
        content = asked.body if route.body is Body.JSON else asked.content
        kind = JSON if route.body is Body.JSON else {}
        return content, {**kind, "Content-Length": str(len(content))}
    length = _length(request)
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
    if response.status in (401, 403):
        # It is mlgov that the server does not let in, not the person, whose token was right: rights
        # were looked at before anything was passed on.
        response.close()
        raise upstream.client().not_let_in()
    kind = response.headers.get("Content-Type", "")
    if response.status >= 300 and not kind.startswith("application/json"):
        return _translated(response)
    if response.status in RETRIED:
        return _said(*upstream.whole(response))
    answer = StreamingHttpResponse(streamed(response), status=response.status)
    del answer["Content-Type"]
    for name in RESPONSE_HEADERS:
        if value := response.headers.get(name):
            answer[name] = value
    # What people uploaded is shown by nobody's browser in our name.
    answer["X-Content-Type-Options"] = "nosniff"
    answer["Content-Security-Policy"] = "sandbox; default-src 'none'"
    return answer


def _said(status: int, body: bytes) -> HttpResponse:
    """A refusal of the server, with a status for which the client does not try again."""
    return HttpResponse(
        body,
        status=NOT_RETRIED if status in RETRIED else status,
        content_type="application/json",
    )


def streamed(response: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
    try:
        yield from response.stream(CHUNK, decode_content=False)
    except HTTPError as error:
        # Too late for a status: the connection ends before the announced length.
        raise ConnectionError("the tracking server broke off in the middle of an answer") from error
    finally:
        response.close()


def _translated(response: urllib3.BaseHTTPResponse) -> HttpResponse:
    """The server's page as an error of its API: the client cannot read HTML or redirects."""
    response.close()
    status = 404 if response.status < 400 or response.status == 405 else response.status
    if status in RETRIED or status >= 500:
        return errors.answer_for(Unavailable(upstream.DOWN))
    code = "ENDPOINT_NOT_FOUND" if status == 404 else "BAD_REQUEST"
    message = f"The tracking server answers with status {response.status}."
    return errors.error(code, message, status=status)
