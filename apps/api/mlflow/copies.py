"""mlgov's own copies of the artifacts of versions, below a reserved place among the artifacts.

Clients are sent there for versions that did not come from the server behind the pass-through. The
address is written out, so it leads to mlgov whatever tracking server the client has. Nothing of
this place is ever passed on.
"""

import mimetypes
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, unquote

from django.conf import settings
from django.core.files import File
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.http import StreamingHttpResponse as Streaming
from django.utils.http import content_disposition_header
from django.views.decorators.csrf import csrf_exempt

from apps.accounts.models import User
from apps.api.mlflow.edge import governed
from apps.api.mlflow.passthrough import pass_on
from apps.core.errors import Conflict, DomainError, NotFound, NotPermitted
from apps.registry import mlmodel, policies, storage
from apps.registry.models import Artifact, ModelVersion
from apps.tracking import upstream

ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts"
RESERVED = "mlgov"
PLACE = re.compile(rf"{RESERVED}/versions/(?P<pk>[0-9]{{1,18}})(?:/(?P<path>.+))?")
RANGE = re.compile(r"bytes=(\d{1,18})-(\d{0,18})")
CHUNK = 256 * 1024


def is_on_the_tracking_server(version: ModelVersion) -> bool:
    """Whether clients still find the model where it was registered from, behind the pass-through.

    It may have been deleted there since, and a server that is down has nothing either.
    """
    query = {"path": version.artifact_path}
    try:
        found = upstream.client().get_json(ARTIFACTS, query, "artifacts of the version")
        paths = [str(entry["path"]) for entry in found.get("files") or []]
    except (DomainError, KeyError, TypeError):
        return False
    return any(path.rpartition("/")[2] == mlmodel.NAME for path in paths)


def address_of(version: ModelVersion) -> str:
    return f"{settings.MLGOV_BASE_URL}{ARTIFACTS}/{RESERVED}/versions/{version.pk}"


@csrf_exempt
def artifacts(request: HttpRequest, place: str = "") -> HttpResponseBase:
    """Everything below the artifacts: ours is answered here, the rest is passed on."""
    named = [place] if place else _asked_for(request)
    if any(is_reserved(text) for text in named):
        return _copies(request)
    return pass_on(request)


def is_reserved(place: str) -> bool:
    """Whether some way to read a path leads to the reserved place."""
    for _ in range(4):
        parts = [part.casefold() for part in re.split(r"[/\\]", place) if part not in ("", ".")]
        if parts[:1] == [RESERVED] or (".." in parts and RESERVED in parts):
            return True
        place = unquote(place)
    return False


@governed
def _copies(request: HttpRequest, user: User) -> HttpResponseBase:
    if request.method not in ("GET", "HEAD"):
        raise NotPermitted("What is registered stays as it was reviewed: this place is read only.")
    place = request.path_info.removeprefix(ARTIFACTS).removeprefix("/")
    asked = [place] if place else _asked_for(request)
    match = PLACE.fullmatch(asked[0].rstrip("/")) if len(asked) == 1 else None
    if match is None:
        raise NotFound("There is no version at this place.")
    version = _version(user, int(match["pk"]))
    if not place:
        return JsonResponse(_listed(version, match["path"] or ""))
    artifact = version.artifacts.filter(path=match["path"] or "").first()
    if artifact is None:
        raise NotFound(f"{version} has no file “{(match['path'] or '')[:200]}”.")
    return sent(request, artifact)


def _asked_for(request: HttpRequest) -> list[str]:
    """What the client lists: a folder, or the root."""
    try:
        pairs = parse_qsl(request.META.get("QUERY_STRING", ""), max_num_fields=500)
    except ValueError:
        return []  # too much for the tracking server as well, which says so
    return [value for name, value in pairs if name == "path"]


def _version(user: User, pk: int) -> ModelVersion:
    found = policies.versions.visible_to(user).select_related("model__project").filter(pk=pk)
    version = found.first()
    if version is None:
        raise NotFound("There is no version at this place.")
    if not version.is_ready:
        raise Conflict(f"{version} is not ready, so there is nothing to download.")
    return version


def _listed(version: ModelVersion, folder: str) -> dict[str, Any]:
    """Files and folders directly in a folder, as the tracking server lists them."""
    prefix = f"{folder}/" if folder else ""
    files: dict[str, dict[str, Any]] = {}
    for artifact in version.artifacts.filter(path__startswith=prefix).order_by("path"):
        # Of the two databases one does not tell upper from lower case here.
        if not artifact.path.startswith(prefix):
            continue
        name, _, below = artifact.path[len(prefix) :].partition("/")
        if below:
            files[name] = {"path": name, "is_dir": True}
        else:
            files[name] = {"path": name, "is_dir": False, "file_size": artifact.size}
    return {"files": list(files.values())}


# ---- a file on its way down ---------------------------------------------------------------------


def sent(request: HttpRequest, artifact: Artifact) -> HttpResponseBase:
    """A file of mlgov's own copy, or the part of it that is asked for."""
    first, last, is_part = 0, artifact.size - 1, False
    if match := RANGE.fullmatch(request.headers.get("Range", "")):
        first, is_part = int(match[1]), True
        last = min(last, int(match[2])) if match[2] else last
        if first >= artifact.size or last < first:
            answer: HttpResponseBase = HttpResponse(status=416)
            answer["Content-Range"] = f"bytes */{artifact.size}"
            return answer
    length = last - first + 1
    if request.method == "HEAD":
        answer = HttpResponse()
    else:
        content = _bytes(storage.open_blob(artifact.sha256), first, length)
        answer = Streaming(content, status=206 if is_part else 200)
    if is_part:
        answer["Content-Range"] = f"bytes {first}-{last}/{artifact.size}"
    name = artifact.path.rpartition("/")[2]
    answer["Content-Type"] = mimetypes.guess_type(name)[0] or "application/octet-stream"
    answer["Content-Length"] = str(length)
    answer["Accept-Ranges"] = "bytes"
    answer["ETag"] = f'"sha256:{artifact.sha256}"'
    answer["Content-Disposition"] = content_disposition_header(True, name) or "attachment"
    # What people uploaded is shown by nobody's browser in our name.
    answer["X-Content-Type-Options"] = "nosniff"
    answer["Content-Security-Policy"] = "sandbox; default-src 'none'"
    return answer


def _bytes(file: File, first: int, length: int) -> Iterator[bytes]:
    with file:
        if first:
            file.seek(first)
        while length and (chunk := file.read(min(CHUNK, length))):
            length -= len(chunk)
            yield chunk
    if length:
        # Too late for a status: the connection ends before the announced length.
        raise ConnectionError("the artifact store gave out less than was recorded")
