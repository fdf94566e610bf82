"""Two servers that are asked the same, and whether they answer the same."""

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import requests

from tests.contract.differential.differences import TABLE

BELOW = "/api/2.0/mlflow"
TIMES = {"creation_timestamp", "last_updated_timestamp"}
# What the stock server gives back in no particular order.
UNORDERED = {"tags": "key", "latest_versions": "version", "aliases": "alias"}


@dataclass(frozen=True)
class Answer:
    status: int
    body: Any

    @property
    def is_refusal(self) -> bool:
        return self.status != 200

    def __str__(self) -> str:
        if not self.is_refusal:
            return f"200 {json.dumps(self.body, sort_keys=True)}"
        if isinstance(self.body, dict) and "error_code" in self.body:
            return f"{self.status} {self.body['error_code']}: {self.body.get('message')}"
        return f"{self.status} {self.body}"


class Side:
    """One server."""

    def __init__(self, url: str, token: str = "") -> None:
        self.url = url
        self._session = requests.Session()
        self._session.trust_env = False
        if token:
            self._session.headers["Authorization"] = f"Bearer {token}"

    def call(
        self,
        method: str,
        path: str,
        values: Any = None,
        *,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """A GET's values are its query, everybody else's are the body."""
        options: dict[str, Any] = {"timeout": 30, "headers": headers or {}}
        if body is not None:
            options["data"] = body
            options["headers"] = {"Content-Type": "application/json", **options["headers"]}
        elif method == "GET":
            options["params"] = values
        else:
            options["json"] = {} if values is None else values
        url = f"{self.url}{path}" if path.startswith("/") else f"{self.url}{BELOW}/{path}"
        response = self._session.request(method, url, allow_redirects=False, **options)
        try:
            return Answer(response.status_code, response.json())
        except ValueError:
            return Answer(response.status_code, response.text[:200])

    def close(self) -> None:
        self._session.close()


@dataclass
class Both:
    """The stock server and mlgov. What they answer differently and the table does not tell, is
    kept in `disagreements`."""

    stock: Side
    mlgov: Side
    disagreements: list[str] = field(default_factory=list)
    calls: int = 0
    _beside: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1))

    def __call__(self, method: str, path: str, values: Any = None, **more: Any) -> Answer:
        """Ask both; gives back what mlgov answered, as it can be compared."""
        theirs, ours = self.ask(lambda side: side.call(method, path, values, **more))
        if path.endswith("get-latest-versions"):
            theirs, ours = (_by_version(answer) for answer in (theirs, ours))
        return self.compare(f"{method} {path}", _told(values, more), theirs, ours)

    def ask(self, question: Callable[[Side], Answer]) -> tuple[Answer, Answer]:
        """Both at the same time: that halves the time."""
        self.calls += 1
        theirs = self._beside.submit(question, self.stock)
        ours = question(self.mlgov)
        return theirs.result(), ours

    def close(self) -> None:
        self._beside.shutdown()
        self.stock.close()
        self.mlgov.close()

    def compare(self, call: str, told: str, theirs: Answer, ours: Answer) -> Answer:
        theirs, ours = comparable(theirs), comparable(ours)
        if theirs != ours and not self._is_deliberate(call, theirs, ours):
            self.disagreements.append(
                f"{call} {told}\n  stock {theirs!s:.600}\n  mlgov {ours!s:.600}"
            )
        return ours

    def _is_deliberate(self, call: str, theirs: Answer, ours: Answer) -> bool:
        return any(row.tells(call, str(theirs), str(ours)) for row in TABLE)

    def report(self) -> str:
        count = len(self.disagreements)
        return f"{count} of {self.calls} calls differ:\n" + "\n".join(self.disagreements)


def comparable(answer: Answer) -> Answer:
    if answer.is_refusal:
        body = answer.body
        if isinstance(body, dict):
            body = {name: body[name] for name in ("error_code", "message") if name in body}
        return Answer(answer.status, body)
    return Answer(answer.status, _normal(answer.body))


def _by_version(answer: Answer) -> Answer:
    if answer.is_refusal or not answer.body:
        return answer
    return Answer(200, {"model_versions": _sorted(answer.body["model_versions"], "version")})


def _normal(value: Any) -> Any:
    if isinstance(value, list):
        return [_normal(item) for item in value]
    if not isinstance(value, dict):
        return value
    found = {}
    for name, item in value.items():
        if name in TIMES:
            assert isinstance(item, int), f"{name} is {item!r}"
            assert abs(item / 1000 - time.time()) < 600, f"{name} is {item!r}"
            found[name] = "some time"
        elif name == "user_id":
            continue  # see the table
        elif name == "webhook_id":
            found[name] = "some id"
        elif name == "events":
            found[name] = sorted(_normal(item), key=str)
        elif name in UNORDERED:
            found[name] = _sorted(_normal(item), UNORDERED[name])
        else:
            found[name] = _normal(item)
    return found


def _sorted(rows: list[Any], key: str) -> list[Any]:
    return sorted(rows, key=lambda row: str(row[key]) if isinstance(row, dict) else row)


def _told(values: Any, more: dict[str, Any]) -> str:
    return f"{json.dumps(values):.300} {more or ''!s:.300}".strip()
