import json
import re
import time
import traceback
import uuid
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from mlgov_serving import bodies, refusals
from mlgov_serving.identity import Identity
from mlgov_serving.logs import say
from mlgov_serving.metrics import Metrics
from mlgov_serving.model import Attempt, attempt
from mlgov_serving.refusals import Refusal, Vocabulary

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

METHODS = {
    "/invocations": ("POST",),
    "/ping": ("GET",),
    "/health": ("GET",),
    "/version": ("GET",),
    "/metrics": ("GET",),
}
CONTENT_TYPES = ("application/json", "text/csv", "application/vnd.apache.parquet")
REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
NOT_JSON = re.compile(rb"NaN|Infinity")


class TooLarge(Exception):
    pass


class Disconnected(Exception):
    pass


class Guard:
    """MLflow's scoring server, without what it gives away and with what operations need.

    Pure ASGI around the application, not middleware inside it: exceptions of its handlers pass
    such a layer by.
    """

    def __init__(
        self,
        app: Any,
        identity: Identity,
        metrics: Metrics,
        vocabulary: Vocabulary,
        max_body: int = 16 << 20,
    ) -> None:
        self.app = app
        self.identity = identity
        self.metrics = metrics
        self.vocabulary = vocabulary
        self.max_body = max_body

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
        elif scope["type"] == "http":
            await self._answer(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1000})

    async def _answer(self, scope: Message, receive: Receive, send: Send) -> None:
        headers = {key.lower(): value.decode("latin-1") for key, value in scope["headers"]}
        given = headers.get(b"x-request-id", "")
        request_id = given if REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
        path, started = scope["path"], time.perf_counter()
        scores = path == "/invocations" and scope["method"] == "POST"
        status, kind, body, received = 500, "application/json", b"", 0
        log: dict[str, Any] = {}
        if scores:
            self.metrics.in_flight.inc()
        try:
            if refusal := self._refused_at_the_door(scope, headers):
                # What the client still sends is read and dropped, so that it reads the answer.
                await self._drop(receive, headers)
            elif path == "/metrics":
                status = 200
                body, kind = self.metrics.render(headers.get(b"accept", ""))
            else:
                payload = await self._payload(receive, headers)
                received = len(payload)
                refusal = bodies.objection(payload) if scores and _is_json(headers) else None
                if refusal is None:
                    status, kind, body, refusal, log = await self._score(scope, payload)
        except TooLarge:
            await self._drop(receive, headers)
            refusal = Refusal(413, "TOO_LARGE", f"The body may have {self.max_body:,} bytes.")
        except Disconnected:
            refusal, log = Refusal(499, "DISCONNECTED", ""), {"reason": "the client went away"}
        finally:
            if scores:
                self.metrics.in_flight.dec()
        if refusal:
            status, kind = refusal.status, "application/json"
            body = _json(error_code=refusal.code, message=refusal.message, request_id=request_id)
            log = {
                "reason": refusal.message,
                **({"error": refusal.kind} if refusal.kind else {}),
                **log,
            }
        if status != 499:
            await self._send(send, status, kind, body, request_id, scope)
        seconds = time.perf_counter() - started
        if scores:
            self.metrics.answered(status, seconds)
        if scores or status >= 400:
            say(
                "request",
                request_id=request_id,
                method=scope["method"],
                path=path[:200],
                status=status,
                ms=round(seconds * 1000, 2),
                bytes_in=received,
                bytes_out=len(body),
                model=self.identity.model_name,
                version=self.identity.model_version,
                deployment=self.identity.deployment,
                **log,
            )

    def _refused_at_the_door(self, scope: Message, headers: dict[bytes, str]) -> Refusal | None:
        methods = METHODS.get(scope["path"])
        if methods is None:
            return Refusal(404, "RESOURCE_DOES_NOT_EXIST", f"There is only {', '.join(METHODS)}.")
        if scope["method"] not in methods:
            return Refusal(405, "BAD_REQUEST", f"{scope['path']} takes {', '.join(methods)} only.")
        if scope["method"] == "POST":
            mime = _mime(headers)
            if mime not in CONTENT_TYPES:
                known = ", ".join(CONTENT_TYPES)
                return Refusal(415, "UNSUPPORTED_MEDIA_TYPE", f"Send one of {known}.")
            length = headers.get(b"content-length", "")
            if length.isdigit() and int(length) > self.max_body:
                raise TooLarge
        return None

    async def _payload(self, receive: Receive, headers: dict[bytes, str]) -> bytes:
        chunks, size = [], 0
        async for chunk in _chunks(receive):
            size += len(chunk)
            if size > self.max_body:
                raise TooLarge
            chunks.append(chunk)
        return b"".join(chunks)

    async def _drop(self, receive: Receive, headers: dict[bytes, str]) -> None:
        size = 0
        try:
            async for chunk in _chunks(receive):
                size += len(chunk)
                if size > 4 * self.max_body:
                    return
        except Disconnected:
            return

    async def _score(
        self, scope: Message, payload: bytes
    ) -> tuple[int, str, bytes, Refusal | None, dict[str, Any]]:
        """Ask MLflow's application: status, content type, body, refusal, fields for the log."""
        messages = iter([{"type": "http.request", "body": payload, "more_body": False}])
        answer: dict[str, Any] = {"status": 500, "headers": [], "body": []}

        async def inner_receive() -> Message:
            return next(messages, {"type": "http.disconnect"})

        async def inner_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer["status"], answer["headers"] = message["status"], message["headers"]
            else:
                answer["body"].append(message.get("body", b""))

        mine = Attempt()
        token = attempt.set(mine)
        log: dict[str, Any] = {}
        try:
            await self.app(scope, inner_receive, inner_send)
        except Exception as error:
            answer["status"] = 500
            log = {"error": type(error).__name__, "where": _where(error)}
        finally:
            attempt.reset(token)
        status, body = answer["status"], b"".join(answer["body"])
        if status < 400:
            kind = (
                dict(answer["headers"]).get(b"content-type", b"application/json").decode("latin-1")
            )
            return status, kind, _finite(body) if scope["method"] == "POST" else body, None, log
        return status, "", b"", self._refusal(status, body, mine, log), log

    def _refusal(self, status: int, body: bytes, mine: Attempt, log: dict[str, Any]) -> Refusal:
        if status == 504:
            return Refusal(504, "DEADLINE_EXCEEDED", "The model took too long to answer.")
        if mine.refusal:
            return mine.refusal
        if status == 500 and not mine.reached_the_model:
            if log.get("error") == "RecursionError":
                return Refusal(400, "BAD_REQUEST", "The body is nested too deeply.")
            return Refusal(400, "BAD_REQUEST", "The body cannot be read as input of this model.")
        if status >= 500:
            return Refusal(500, "INTERNAL_ERROR", "The prediction cannot be written as JSON.")
        try:
            told = json.loads(body)
            code, message = str(told.get("error_code", "BAD_REQUEST")), str(told.get("message", ""))
        except (ValueError, AttributeError):
            code, message = "BAD_REQUEST", ""
        if status == 415:
            return Refusal(415, "UNSUPPORTED_MEDIA_TYPE", "The content type must be plain UTF-8.")
        return refusals.from_message(status, code, message, self.vocabulary)

    async def _send(
        self, send: Send, status: int, kind: str, body: bytes, request_id: str, scope: Message
    ) -> None:
        headers = [
            (b"content-type", kind.encode("latin-1")),
            (b"content-length", str(len(body)).encode()),
            (b"x-request-id", request_id.encode()),
            (b"x-content-type-options", b"nosniff"),
            *self.identity.headers,
        ]
        if status == 405:
            headers.append((b"allow", ", ".join(METHODS[scope["path"]]).encode()))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def _mime(headers: dict[bytes, str]) -> str:
    return headers.get(b"content-type", "").partition(";")[0].strip().lower()


def _is_json(headers: dict[bytes, str]) -> bool:
    return _mime(headers) == "application/json"


async def _chunks(receive: Receive) -> Any:
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Disconnected
        yield message.get("body", b"")
        if not message.get("more_body"):
            return


def _finite(body: bytes) -> bytes:
    """The same JSON with null for NaN and the infinities, which only Python's parser accepts."""
    if not NOT_JSON.search(body):
        return body
    return json.dumps(json.loads(body, parse_constant=lambda name: None)).encode()


def _json(**fields: str) -> bytes:
    return json.dumps(fields).encode()


def _where(error: BaseException) -> list[str]:
    # Files and lines, never the message: it quotes the data.
    frames = traceback.extract_tb(error.__traceback__)[-5:]
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
