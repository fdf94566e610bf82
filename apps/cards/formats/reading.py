"""Bytes from outside as JSON values: bounded, and never anything else than JSON."""

import json
import math
from collections.abc import Iterator
from typing import Any

import yaml

from apps.core.errors import Invalid, TooLarge

LARGEST = 2_000_000
DEEPEST = 40
MOST_VALUES = 100_000

# The C parser, where PyYAML was built with it: a README of 2 MB takes a second and not twenty.
_Fast: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_Fast):
    """YAML as JSON has it: a date that is not quoted is text."""

    yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in found if not tag.endswith(":timestamp")]
        for first, found in _Fast.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    raise Invalid(
                        f"“{key.value}” stands twice in one mapping. Keep one of the two."
                    )
                seen.add(key.value)
        return super().construct_mapping(node, deep=deep)


def text_of(content: bytes) -> str:
    """The text of a file that was sent."""
    if len(content) > LARGEST:
        raise TooLarge(
            f"The file has {len(content):,} bytes; {LARGEST:,} fit. Take out pictures and long "
            "lists, and upload those as attachments of the card."
        )
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Invalid(
            "The file is not text in UTF-8. Save it as UTF-8 and send it again."
        ) from None
    _check_text(text, "The file")
    return text


def from_json(content: bytes) -> Any:
    """The value of a JSON file, checked."""
    return checked(_json(text_of(content), "The file"))


def from_json_text(text: str, what: str) -> Any:
    """The value of JSON that stands as text within something else, checked."""
    return checked(_json(text, what))


def from_yaml(text: str, what: str) -> Any:
    """The value of YAML, without aliases, tags of programs and dates."""
    depth = 0
    try:
        # First without making anything: what is refused here would take a loader minutes.
        for number, event in enumerate(yaml.parse(text, Loader=_Loader)):
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            if depth > DEEPEST:
                raise _too_deep(what)
            if isinstance(event, yaml.AliasEvent):
                line = f" in line {event.start_mark.line + 1}" if event.start_mark else ""
                raise Invalid(
                    f"{what} uses the YAML alias “*{event.anchor}”{line}. Write the value out "
                    "instead."
                )
            if number > MOST_VALUES:
                raise TooLarge(f"{what} holds more than {MOST_VALUES:,} values. Shorten it.")
        # A loader of its own, that knows less than the safe one.
        value = yaml.load(text, Loader=_Loader)  # nosec B506
    except yaml.MarkedYAMLError as error:
        line = f" in line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise Invalid(
            f"{what} is not YAML that can be read{line}: {error.problem or 'it is cut off'}. "
            "Correct it there."
        ) from None
    except RecursionError:
        raise _too_deep(what) from None
    except (yaml.YAMLError, ValueError, TypeError) as error:
        raise Invalid(f"{what} is not YAML that can be read: {error}. Correct it.") from None
    return checked(_with_text_keys(value))


def checked(value: Any) -> Any:
    """The same value, if it is JSON that can be stored; else a refusal that names the place."""
    for count, (pointer, depth, found) in enumerate(_walk(value)):
        where = pointer or "/"
        if depth > DEEPEST:
            raise _too_deep(f"“{where}”")
        if count > MOST_VALUES:
            raise TooLarge(f"The file holds more than {MOST_VALUES:,} values. Shorten it.")
        if isinstance(found, float) and not math.isfinite(found):
            raise Invalid(
                f"“{where}” is not a finite number. Leave it out, or write what happened as text.",
                details={where: "This is not a finite number."},
            )
        if isinstance(found, str):
            _check_text(found, where)
        elif not isinstance(found, bool | int | float | list | dict | None):
            kind = type(found).__name__
            raise Invalid(
                f"“{where}” is of the YAML type “{kind}”. Use text, numbers, lists and mappings "
                "only.",
                details={where: "This is not text, a number, a list or a mapping."},
            )
    return value


def _json(text: str, what: str) -> Any:
    try:
        return json.loads(
            text, object_pairs_hook=_once_each, parse_constant=_no_constant, parse_float=float
        )
    except json.JSONDecodeError as error:
        raise Invalid(
            f"{what} is not JSON: {error.msg} in line {error.lineno}, column {error.colno}. "
            "Correct it there."
        ) from None
    except RecursionError:
        raise _too_deep(what) from None
    except ValueError as error:
        # Python's own bound on the digits of an integer.
        raise Invalid(f"{what} holds a number that cannot be read: {error}.") from None


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise Invalid(
                f"“{key}” stands twice in one object. Keep one of the two.",
                details={key: "This stands twice in one object."},
            )
        found[key] = value
    return found


def _no_constant(name: str) -> Any:
    raise Invalid(
        f"The file holds {name}, which is not JSON. Leave the value out, or write it as text."
    )


def _with_text_keys(value: Any) -> Any:
    """YAML allows keys that are numbers, dates or nothing; JSON does not."""
    if isinstance(value, dict):
        return {_key(key): _with_text_keys(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_with_text_keys(inner) for inner in value]
    return value


def _key(key: Any) -> str:
    if key is None or isinstance(key, bool):
        return json.dumps(key)
    return str(key)


def _walk(value: Any) -> Iterator[tuple[str, int, Any]]:
    """Every value below this one, and every key, with its JSON pointer and depth."""
    waiting: list[tuple[str, int, Any]] = [("", 0, value)]
    while waiting:
        pointer, depth, found = waiting.pop()
        yield pointer, depth, found
        if depth > DEEPEST:
            continue
        if isinstance(found, dict):
            for key, inner in found.items():
                _check_text(key, pointer or "/")
                waiting.append((f"{pointer}/{escaped(key)}", depth + 1, inner))
        elif isinstance(found, list):
            waiting += [(f"{pointer}/{n}", depth + 1, inner) for n, inner in enumerate(found)]


def escaped(key: str) -> str:
    """A key as a part of a JSON pointer."""
    return key.replace("~", "~0").replace("/", "~1")


def _check_text(text: str, where: str) -> None:
    if "\x00" in text:
        problem = "holds a NUL character"
    elif not _encodes(text):
        problem = "holds half a character (a lone surrogate)"
    else:
        return
    # The name of the place may be what is wrong.
    where = where.encode("utf-8", "replace").decode().replace("\x00", "?")
    raise Invalid(
        f"“{where}” {problem}, which cannot be stored. Take it out.",
        details={where: f"This {problem}."},
    )


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _too_deep(where: str) -> Invalid:
    return Invalid(
        f"{where} is nested more than {DEEPEST} levels deep. Write it flatter, or as text."
    )
