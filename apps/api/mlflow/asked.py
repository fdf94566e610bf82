"""What a request for the tracking server says: read once, in one spelling.

The server accepts several spellings of a name, and would choose among them. Here what was checked
is what is sent: the query or the body is built anew from what was read.
"""

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode

import urllib3

from apps.accounts.models import User
from apps.api.mlflow.arguments import missing
from apps.core.errors import Invalid
from apps.projects.models import Project
from apps.tracking import upstream

MOST_PAIRS = 1000
JSON = {"Content-Type": "application/json"}


class Answered(Exception):
    """The tracking server's own refusal, which the client gets as it is."""

    def __init__(self, status: int, body: bytes) -> None:
        super().__init__(status)
        self.status, self.body = status, body


@dataclass
class Asked:
    """`values` is the query (lists of strings) or the JSON body; `may` the right it asks for."""

    user: User
    may: str
    method: str
    path: dict[str, str]
    values: dict[str, Any] = field(default_factory=dict)
    in_query: bool = False
    headers: dict[str, str] = field(default_factory=dict)
    # A body that is no JSON but is looked into: spans in OpenTelemetry's format.
    content: bytes = b""
    # Where a new experiment goes.
    project: Project | None = None
    # Whether the default experiment of the person's project may be made where there is none yet.
    may_make_default: bool = True

    def text(self, *names: str) -> str:
        """The value of the first name. `names` are the fields that mean the same to the server."""
        found = {value for name in names if (value := self._one(name)) not in (None, "")}
        if len(found) > 1:
            raise Invalid(f"'{names[0]}' is given more than once, with different values.")
        for name in names[1:]:
            self.values.pop(name, None)
        if not found:
            raise missing(names[0])
        value = found.pop()
        self.put(names[0], value)
        return value

    def optional(self, name: str) -> str:
        return self._one(name) or ""

    def texts(self, name: str) -> list[str]:
        """A repeated field; empty where it is left out."""
        if self.in_query:
            return list(self.values.get(name) or [])
        return strings(self.values, name)

    def has(self, name: str) -> bool:
        if self.in_query:
            return name in self.values
        return taken(self.values, name) is not None

    def put(self, name: str, value: Any) -> None:
        if self.in_query and not isinstance(value, list):
            value = [value]
        self.values[name] = value

    def _one(self, name: str) -> str | None:
        if self.in_query:
            given = set(self.values.get(name) or [])
            if len(given) > 1:
                raise Invalid(f"'{name}' is given more than once, with different values.")
            return given.pop() if given else None
        value = taken(self.values, name)
        if value is not None and not isinstance(value, str):
            raise Invalid(f"'{name}' has to be a string.")
        return value

    @property
    def query(self) -> str:
        return urlencode(self.values, doseq=True) if self.in_query else ""

    @property
    def body(self) -> bytes:
        return json.dumps(self.values).encode()


def queried(text: str) -> dict[str, list[str]]:
    """The query of an address."""
    try:
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MOST_PAIRS)
    except ValueError:
        raise Invalid("The query of the address cannot be read.") from None
    values: dict[str, list[str]] = {}
    for name, value in pairs:
        if "\x00" in name or "\x00" in value:
            raise Invalid("The query holds a NUL character.")
        values.setdefault(name, []).append(value)
    return values


def taken(values: dict[str, Any], name: str) -> Any:
    """A field of a JSON object in either spelling; from then on it has the one of the name."""
    head, *rest = name.split("_")
    camel = head + "".join(part.title() for part in rest)
    if camel != name and camel in values:
        if name in values:
            raise Invalid(
                f"Request specifies both '{name}' and '{camel}'; provide only one of them."
            )
        values[name] = values.pop(camel)
    return values.get(name)


def strings(values: dict[str, Any], name: str) -> list[str]:
    found = taken(values, name)
    if found is None:
        return []
    if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
        raise Invalid(f"'{name}' has to be a list of strings.")
    return found


def objects(values: dict[str, Any], name: str) -> list[dict[str, Any]]:
    found = taken(values, name)
    if found is None:
        return []
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        raise Invalid(f"'{name}' has to be a list of objects.")
    return found


def inner(values: dict[str, Any], name: str) -> dict[str, Any]:
    """A nested object. Raises `Invalid` where it is missing."""
    found = taken(values, name)
    if not isinstance(found, dict):
        raise missing(name)
    return found


def answer_of(response: urllib3.BaseHTTPResponse) -> dict[str, Any]:
    """A JSON answer of the tracking server, read. Raises `Answered` for a refusal."""
    status, body = upstream.whole(response)
    if status != 200:
        raise Answered(status, body)
    found = json.loads(body or b"{}")
    if not isinstance(found, dict):
        raise Answered(status, body)
    return found
