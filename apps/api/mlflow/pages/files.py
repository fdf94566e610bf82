"""The pages themselves: the tracking server's one document, and what it is made of."""

from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse

from apps.api.mlflow.passthrough import normalised, streamed
from apps.core.errors import NotFound, NotPermitted, Unavailable
from apps.tracking import upstream

FOLDER = "/static-files/"
SENT = ("Content-Encoding", "Content-Length", "Content-Type", "ETag", "Last-Modified")
NO_PAGES = (
    "The tracking server behind mlgov has no pages. Ask the platform's people to look at how it "
    "is started."
)
# Their names hold a digest of their content.
KEPT = "private, max-age=86400"


def page() -> HttpResponse:
    response = upstream.client().request("GET", "/")
    status, body = upstream.whole(response)
    if status in (401, 403):
        raise upstream.client().not_let_in()
    kind = response.headers.get("Content-Type", "")
    if status != 200 or not kind.startswith("text/html"):
        raise Unavailable(NO_PAGES)
    return HttpResponse(body, content_type=kind)


def file(request: HttpRequest) -> HttpResponseBase:
    if request.method != "GET":
        raise NotPermitted("MLflow's pages are read-only here.")
    path = normalised(request.path_info)
    response = upstream.client().request("GET", path)
    if response.status != 200:
        response.close()
        raise NotFound(f"MLflow's pages have no file {path[:200]}.")
    answer = StreamingHttpResponse(streamed(response))
    del answer["Content-Type"]
    for name in SENT:
        if value := response.headers.get(name):
            answer[name] = value
    answer["Cache-Control"] = KEPT
    return answer
