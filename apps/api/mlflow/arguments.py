"""The arguments of a registry call, as the MLflow clients of several years spell them.

Names in snake_case, in a body also in camelCase, bodies that are JSON or a JSON string of JSON,
GET with a query or a body. Unknown names are ignored, as MLflow does. All arguments are read before
anything is looked up, so that a malformed request is told so whatever there is.
"""

from typing import Any

from django.http import HttpRequest, QueryDict

from apps.api.parsers import parse_json
from apps.core.errors import Invalid
from apps.registry import validation

LARGEST_NUMBER = 2**63 - 1
LONGEST_NUMBER = 40


class Arguments:
    """Reads with a type; raises `Invalid` in MLflow's words."""

    def __init__(self, values: dict[str, Any], *, from_query: bool = False) -> None:
        self._values = values
        self._from_query = from_query

    @classmethod
    def of(cls, request: HttpRequest) -> "Arguments":
        # MLflow's client deletes with a body, and that of Databricks with a query.
        reads_query = request.method == "GET" or (request.method == "DELETE" and not request.body)
        if reads_query and request.GET:
            return cls(_lists(request.GET), from_query=True)
        # What a page of another site can make a browser send comes with another type.
        if request.method == "POST" and request.content_type != "application/json":
            raise Invalid("Bad Request. Content-Type must be one of ['application/json'].")
        return cls(parsed_body(request.body))

    def name(self, name: str = "name") -> str:
        """The name of a model, which need not be there."""
        return validation.readable_name(self.text(name, required=True))

    def version(self) -> int:
        text = self.text("version", required=True)
        number = _whole(text)
        if number is None:
            raise Invalid(f"Parameter 'version' must be an integer, got '{text[:100]}'.")
        return number

    def alias(self) -> str:
        return validation.readable_alias(self.text("alias", required=True))

    def key(self) -> str:
        return validation.readable_key(self.text("key", required=True))

    def tag(self) -> tuple[str, str]:
        key, value = self.text("key", required=True), self.text("value")
        validation.tag(key, value)
        return key, value

    def text(self, name: str, *, required: bool = False, default: str = "") -> str:
        value = self._one(name)
        if value is None or (required and value == ""):
            if required:
                raise missing(name)
            return default
        if not isinstance(value, str):
            raise _wrong_type(name, value, "a string")
        return value

    def has(self, name: str) -> bool:
        return self._found(name) is not None

    def number(self, name: str, *, default: int) -> int:
        value = self._one(name)
        if value is None:
            return default
        number = value
        if isinstance(value, str):
            number = _whole(value) if value == value.strip() else None
        elif isinstance(value, float) and value.is_integer():
            number = int(value)
        if isinstance(number, bool) or not isinstance(number, int) or abs(number) > LARGEST_NUMBER:
            raise _wrong_type(name, value, "an integer")
        return number

    def flag(self, name: str, *, required: bool = False) -> bool:
        value = self._one(name)
        if value is None:
            if required:
                raise missing(name)
            return False
        if isinstance(value, str) and value.lower() in ("true", "false") and self._from_query:
            value = value.lower() == "true"
        if not isinstance(value, bool):
            raise _wrong_type(name, value, "true or false")
        return value

    def texts(self, name: str) -> list[str]:
        value = self._found(name)
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise _wrong_type(name, value, "a list of strings")
        return value

    def part(self, name: str) -> "Arguments | None":
        """A nested object."""
        value = self._found(name)
        if value is None:
            return None
        if not isinstance(value, dict):
            raise _wrong_type(name, value, "an object")
        return Arguments(value)

    def parts(self, name: str) -> "list[Arguments]":
        """A list of nested objects."""
        value = self._found(name)
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise _wrong_type(name, value, "a list of objects")
        return [Arguments(item) for item in value]

    def tags(self, name: str = "tags") -> dict[str, str]:
        """A list of key and value; of two with one key, the last counts."""
        value = self._found(name)
        if value is None:
            return {}
        if not isinstance(value, list):
            raise _wrong_type(name, value, "a list of tags")
        tags = {}
        for item in value:
            if not isinstance(item, dict):
                raise _wrong_type(name, item, "a tag")
            tag = Arguments(item)
            tags[tag.text("key", required=True)] = tag.text("value")
        return tags

    def _found(self, name: str) -> Any:
        if self._from_query:
            return self._values.get(name)
        head, *rest = name.split("_")
        camel = head + "".join(part.title() for part in rest)
        if camel != name and camel in self._values:
            if name in self._values:
                raise Invalid(
                    f"Request specifies both '{name}' and '{camel}'; provide only one of them."
                )
            return self._values[camel]
        return self._values.get(name)

    def _one(self, name: str) -> Any:
        value = self._found(name)
        # A query names everything in lists; a body does so for repeated fields only.
        return value[0] if self._from_query and value is not None else value


def _whole(text: str) -> int | None:
    """A whole number as Python reads it, which is how MLflow's server does."""
    try:
        return int(text) if len(text) <= LONGEST_NUMBER else None
    except ValueError:
        return None


def parsed_body(body: bytes) -> dict[str, Any]:
    if not body.strip():
        return {}
    value = parse_json(body)
    if isinstance(value, str):
        value = parse_json(value.encode())
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Invalid("The body has to be a JSON object.")
    return value


def _lists(query: QueryDict) -> dict[str, Any]:
    values: dict[str, Any] = {key: query.getlist(key) for key in query}
    for key, items in values.items():
        if "\x00" in key or any("\x00" in item for item in items):
            raise Invalid("The query holds a NUL character, which cannot be stored.")
    return values


def missing(name: str) -> Invalid:
    return Invalid(
        f"Missing value for required parameter '{name}'. See the API docs for more information "
        "about request parameters."
    )


def _wrong_type(name: str, value: Any, wanted: str) -> Invalid:
    return Invalid(
        f"Invalid value {str(value)[:100]} for parameter '{name}' supplied: it has to be {wanted}."
    )
