"""Calls of mlgov's REST API: bounded in time, repeated only where repeating is harmless."""

import json
import random
import time
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import IO, Any, TypeVar
from urllib.parse import quote

import requests
from requests.auth import AuthBase

from mlgov_client.configuration import Configuration
from mlgov_client.errors import Misused, Refused, Unreachable

T = TypeVar("T")
TIMEOUT = (10, 60)  # seconds: to connect, and between two bytes of the answer
ATTEMPTS = 4
LONGEST_PAUSE = 10.0
PAGE_SIZE = 100
# Somebody in front of mlgov answers for it, or mlgov asks to come again.
COME_AGAIN = (429, 502, 503, 504)

try:
    VERSION = version("mlgov-client")
except PackageNotFoundError:
    VERSION = "0"


class Bearer(AuthBase):
    """As an object, so that a .netrc of the machine does not put another one in its place."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class Transport:
    def __init__(self, configuration: Configuration) -> None:
        self.url = configuration.url
        self._configuration = configuration
        self._session = requests.Session()
        self._session.auth = Bearer(configuration.token)
        self._session.headers.update(
            {"Accept": "application/json", "User-Agent": f"mlgov-client/{VERSION}"}
        )

    def get(self, path: str, read: Callable[[Any], T], **query: Any) -> T:
        """Reads change nothing, so they are tried again where the connection fails."""
        return _repeated(lambda: self._read(self._send("GET", path, params=query), read))

    def fetch(self, path: str) -> tuple[bytes, Mapping[str, str]]:
        """A file, with the headers that it came with."""
        answer = _repeated(lambda: self._send("GET", path))
        return answer.content, answer.headers

    def post(self, path: str, read: Callable[[Any], T], **body: Any) -> T:
        """Never repeated: whether the first one was carried out cannot be known."""
        return self._once(path, read, json=body)

    def upload(
        self,
        path: str,
        read: Callable[[Any], T],
        file: tuple[str, IO[bytes]],
        fields: Mapping[str, str],
    ) -> T:
        """A file by its name, with what is said of it. Never repeated either."""
        return self._once(path, read, data=dict(fields), files={"file": file})

    def _once(self, path: str, read: Callable[[Any], T], **body: Any) -> T:
        try:
            return self._read(self._send("POST", path, **body), read)
        except _ComeAgain as answer:
            raise answer.error from answer.__cause__

    def all(self, path: str, read: Callable[[Any], T], **query: Any) -> Iterator[T]:
        """The rows of a list, page after page."""
        page = 1
        while True:
            rows, is_last = self.get(
                path,
                lambda data: ([read(row) for row in data["results"]], data["next"] is None),
                page=page,
                page_size=PAGE_SIZE,
                **query,
            )
            yield from rows
            if is_last:
                return
            page += 1

    def _send(self, method: str, path: str, **options: Any) -> requests.Response:
        try:
            answer = self._session.request(
                method,
                f"{self.url}/api/v1{path}",
                timeout=TIMEOUT,
                # Given here, because requests prefers the environment to what a session has.
                verify=self._configuration.verify,
                cert=self._configuration.certificate,
                # A redirect would carry the token elsewhere, or turn a POST into a GET.
                allow_redirects=False,
                **options,
            )
        except requests.exceptions.SSLError as error:
            raise Unreachable(
                f"The certificate of {self.url} is not trusted here: {_reason(error)} Set "
                "REQUESTS_CA_BUNDLE to the certificates of your organisation."
            ) from error
        except (requests.ConnectionError, requests.Timeout) as error:
            sentence = f"No answer from {self.url}: {_reason(error)}"
            if method != "GET":
                sentence += " Whether it was done is not known: look before you try again."
            raise _ComeAgain(Unreachable(sentence)) from error
        except (requests.RequestException, OSError, UnicodeError) as error:
            # OSError: a certificate file that is not there.
            raise Misused(f"{self.url} cannot be asked: {_reason(error)}") from error
        if answer.ok and not answer.is_redirect and not 300 <= answer.status_code < 400:
            return answer
        raise self._error_of(answer)

    def _error_of(self, answer: requests.Response) -> Exception:
        status = answer.status_code
        request_id = answer.headers.get("X-Request-ID", "")
        if 300 <= status < 400:
            return Unreachable(
                f"{self.url} points elsewhere ({answer.headers.get('Location', 'nowhere')[:200]}). "
                "Set MLGOV_URL to the address of mlgov itself."
            )
        try:
            said = answer.json()
            message, code = str(said["message"]), str(said["code"])
        except (ValueError, KeyError, TypeError):
            error: Exception = Unreachable(
                f"{self.url} answered {status}, and not in the way of mlgov. Is MLGOV_URL right, "
                "and is mlgov running?"
            )
        else:
            details = said.get("details")
            if status < 500 and status != 429:
                return Refused(
                    message,
                    code=code,
                    status=status,
                    details=details if isinstance(details, dict) else None,
                    request_id=request_id,
                )
            error = Unreachable(message)
        if status in COME_AGAIN:
            return _ComeAgain(error, after=_seconds(answer.headers.get("Retry-After", "")))
        return error

    def _read(self, answer: requests.Response, read: Callable[[Any], T]) -> T:
        try:
            return read(answer.json())
        except (json.JSONDecodeError, KeyError, TypeError, ValueError, AttributeError) as error:
            raise Unreachable(
                f"The answer of {self.url} cannot be read by mlgov-client {VERSION}. Is MLGOV_URL "
                "the address of mlgov, and is it as new as this client?"
            ) from error


class _ComeAgain(Exception):
    """The same call may succeed a little later; `error` is what to say where it does not."""

    def __init__(self, error: Exception, after: float = 0.0) -> None:
        super().__init__(str(error))
        self.error = error
        self.after = after


def _repeated(ask: Callable[[], T]) -> T:
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return ask()
        except _ComeAgain as answer:
            if attempt == ATTEMPTS:
                raise answer.error from answer.__cause__
            pause = answer.after or 0.5 * 2 ** (attempt - 1) * random.uniform(0.8, 1.2)
            time.sleep(min(pause, LONGEST_PAUSE))
    raise AssertionError("unreachable")


def path_of(*parts: object) -> str:
    """A path from names, which may hold anything."""
    return "".join(f"/{quote(str(part), safe='')}" for part in parts)


def _seconds(text: str) -> float:
    return float(text) if text.isascii() and text.isdigit() else 0.0


def _reason(error: BaseException) -> str:
    """The innermost words: what requests wraps around them is for its developers."""
    if isinstance(error, requests.Timeout):
        return "it takes too long."
    reason: BaseException = error
    while True:
        inner = getattr(reason, "reason", None) or next(
            (a for a in reason.args if isinstance(a, BaseException)), None
        )
        if not isinstance(inner, BaseException) or inner is reason:
            break
        reason = inner
    words = str(reason).rpartition(": ")[2].strip().rstrip(".")[:300]
    return f"{words or type(reason).__name__}."
