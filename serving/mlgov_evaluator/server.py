"""Asking the model: HTTP over a unix socket or loopback, each answer bounded."""

import http.client
import json
import socket
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pandas as pd

from mlgov_evaluator import data
from mlgov_evaluator.failures import Failure, shown

ROWS_AT_ONCE = 500
MOST_BYTES_SENT = 4 << 20
MOST_BYTES_TAKEN = 32 << 20
ANSWER_SECONDS = 120.0
LOOK_EVERY = 0.2


class _Unix(http.client.HTTPConnection):
    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class Server:
    """The model server at `unix:/path` or `http://host:port`."""

    def __init__(self, address: str, say: Callable[[str], None]) -> None:
        self.address = address
        self.say = say
        self.rows = 0
        self.seconds = 0.0

    def wait(self, seconds: float) -> None:
        """Until the model is loaded. Whoever started it notices when it ends instead."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                if self._ask("GET", "/ping", None, 5.0)[0] == 200:
                    return
            except (OSError, http.client.HTTPException):
                pass
            time.sleep(LOOK_EVERY)
        raise Failure(
            "model.not-ready",
            f"The model did not load within {seconds:g} seconds.",
            "Look at what it wrote. If it only needs longer, allow it more time.",
        )

    def predict(self, features: pd.DataFrame) -> list[Any]:
        """One prediction for each row, in order."""
        found: list[Any] = []
        start, step = 0, ROWS_AT_ONCE
        while start < len(features):
            part = features.iloc[start : start + step]
            body = json.dumps(data.records(part), allow_nan=False).encode()
            if len(body) > MOST_BYTES_SENT and len(part) > 1:
                step = max(1, len(part) // 2)
                continue
            found += self._predictions(body, len(part), start)
            start += len(part)
        return found

    def _predictions(self, body: bytes, rows: int, first: int) -> list[Any]:
        started = time.perf_counter()
        try:
            status, answer = self._ask("POST", "/invocations", body, ANSWER_SECONDS)
        except TimeoutError as error:
            raise Failure(
                "model.too-slow",
                f"The model did not answer {rows} rows within {ANSWER_SECONDS:g} seconds.",
                "Make the model faster, or evaluate it on fewer rows.",
            ) from error
        except (OSError, http.client.HTTPException) as error:
            raise Failure(
                "model.died",
                f"The model's server ended while it predicted rows {first + 1} to {first + rows}.",
                "Look at its last lines in the log. Often it needs more memory than it has.",
            ) from error
        self.seconds += time.perf_counter() - started
        self.rows += rows
        if status != 200:
            raise Failure(
                "model.refuses-rows",
                f"The model refuses rows {first + 1} to {first + rows}: {_message(answer)}",
                "Upload rows that match its signature, without gaps that it cannot take; or log a "
                "model that takes them.",
            )
        try:
            said = json.loads(answer)
            predictions = said["predictions"] if isinstance(said, dict) else said
        except (ValueError, KeyError, RecursionError) as error:
            raise _odd("is not JSON with “predictions”") from error
        if not isinstance(predictions, list):
            raise _odd(f"is no list but {type(predictions).__name__}")
        if len(predictions) != rows:
            raise Failure(
                "model.wrong-length",
                f"The model was given {rows} rows and answered {len(predictions)} predictions.",
                "Log a model that answers each row with one prediction.",
            )
        return predictions

    def _ask(self, method: str, path: str, body: bytes | None, timeout: float) -> tuple[int, bytes]:
        connection = self._connection(timeout)
        try:
            connection.request(method, path, body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            answer = response.read(MOST_BYTES_TAKEN + 1)
        finally:
            connection.close()
        if len(answer) > MOST_BYTES_TAKEN:
            raise Failure(
                "model.answer-too-large",
                f"The model answered with more than {MOST_BYTES_TAKEN >> 20} MB at once.",
                "Log a model that answers each row with one prediction.",
            )
        return response.status, answer

    def _connection(self, timeout: float) -> http.client.HTTPConnection:
        if self.address.startswith("unix:"):
            return _Unix(self.address.removeprefix("unix:"), timeout)
        url = urlsplit(self.address)
        return http.client.HTTPConnection(url.hostname or "", url.port, timeout=timeout)


def _message(answer: bytes) -> str:
    try:
        said = json.loads(answer)
        return str(said["message"])[:400]
    except (ValueError, KeyError, TypeError, RecursionError):
        return shown(answer[:200].decode(errors="replace"))


def _odd(what: str) -> Failure:
    return Failure(
        "model.answer-unreadable",
        f"What the model answers {what}.",
        "Call it locally with its input example; log it again when it answers predictions.",
    )
