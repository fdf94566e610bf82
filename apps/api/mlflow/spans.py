"""Which traces the spans of an OpenTelemetry export belong to.

Read without OpenTelemetry's packages: of the message only the ids of the traces and the keys of
attributes matter here. Field numbers are those of opentelemetry/proto/trace/v1/trace.proto.
"""

import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from apps.api.parsers import parse_json
from apps.core.errors import Invalid, TooLarge

LARGEST = 64 * 1024 * 1024
PLACE_OF_A_TRACE = "mlflow.artifactLocation"
RESOURCE_SPANS, SCOPE_SPANS, SPANS = 1, 2, 2
TRACE_ID, ATTRIBUTES, KEY = 1, 9, 1
VARINT, EIGHT_BYTES, BYTES, FOUR_BYTES = 0, 1, 2, 5
LARGEST_FIELD = 2**29
MALFORMED = "Invalid OpenTelemetry format"


@dataclass
class Export:
    """What an export says, and the content to send: unpacked, and as it was read."""

    content: bytes
    trace_ids: set[str] = field(default_factory=set)
    attributes: set[str] = field(default_factory=set)


def read(content: bytes, headers: Mapping[str, str]) -> Export:
    """Raises `Invalid` for what is no export."""
    content = _unpacked(content, headers.get("Content-Encoding", "").strip().lower())
    kind = headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind == "application/x-protobuf":
        export = Export(content)
        _read_protobuf(memoryview(content), export)
    elif kind == "application/json":
        document = parse_json(content)
        export = Export(json.dumps(document).encode())
        _read_json(document, export)
    else:
        raise Invalid(f"Invalid Content-Type: {kind[:80]}. Expected: application/x-protobuf")
    return export


def _unpacked(content: bytes, encoding: str) -> bytes:
    if encoding in ("", "identity"):
        return content
    # Both kinds of "deflate" that clients send, and gzip.
    bits = {"gzip": [31], "deflate": [15, -15]}.get(encoding)
    if bits is None:
        raise Invalid(f"Unsupported Content-Encoding: {encoding[:80]}")
    for kind in bits:
        unpacker = zlib.decompressobj(kind)
        try:
            found = unpacker.decompress(content, LARGEST)
        except zlib.error:
            continue
        if unpacker.unconsumed_tail:
            raise TooLarge(f"Unpacked, the spans have more than {LARGEST // 1024**2} MB.")
        if not unpacker.eof or unpacker.unused_data:
            raise Invalid(MALFORMED)
        return found
    raise Invalid(f"Failed to decompress {encoding} payload")


def _read_protobuf(content: memoryview, export: Export) -> None:
    for resource_spans in _messages(content, RESOURCE_SPANS):
        for scope_spans in _messages(resource_spans, SCOPE_SPANS):
            for span in _messages(scope_spans, SPANS):
                for trace_id in _messages(span, TRACE_ID):
                    export.trace_ids.add(_name(int.from_bytes(trace_id, "big")))
                for attribute in _messages(span, ATTRIBUTES):
                    for key in _messages(attribute, KEY):
                        export.attributes.add(bytes(key).decode(errors="replace"))


def _messages(content: memoryview, number: int) -> Iterator[memoryview]:
    """The values of one field that has a length: bytes, text, messages."""
    position = 0
    while position < len(content):
        key, position = _varint(content, position)
        kind, size = key & 7, 0
        if not 0 < key >> 3 < LARGEST_FIELD:
            raise Invalid(MALFORMED)
        if kind == VARINT:
            _, position = _varint(content, position)
        elif kind == BYTES:
            size, position = _varint(content, position)
        elif kind in (EIGHT_BYTES, FOUR_BYTES):
            size = 8 if kind == EIGHT_BYTES else 4
        else:
            raise Invalid(MALFORMED)
        if position + size > len(content):
            raise Invalid(MALFORMED)
        if key >> 3 == number and kind == BYTES:
            yield content[position : position + size]
        position += size


def _varint(content: memoryview, position: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if position >= len(content):
            break
        byte = content[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & (2**64 - 1), position
    raise Invalid(MALFORMED)


def _read_json(document: Any, export: Export) -> None:
    for resource_spans in _items(document, "resourceSpans"):
        for scope_spans in _items(resource_spans, "scopeSpans"):
            for span in _items(scope_spans, "spans"):
                if "trace_id" in span or not isinstance(span.get("traceId"), str):
                    raise Invalid(MALFORMED)
                try:
                    number = int.from_bytes(bytes.fromhex(span["traceId"]), "big")
                except ValueError:
                    raise Invalid(MALFORMED) from None
                export.trace_ids.add(_name(number))
                export.attributes |= {str(a.get("key")) for a in _items(span, "attributes")}


def _items(document: Any, name: str) -> list[dict[str, Any]]:
    # The server reads names with underscores, too, and its ids in another spelling then.
    snake = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
    found = document.get(name, []) if isinstance(document, dict) else None
    if not isinstance(found, list) or (snake != name and snake in document):
        raise Invalid(MALFORMED)
    if not all(isinstance(item, dict) for item in found):
        raise Invalid(MALFORMED)
    return found


def _name(number: int) -> str:
    return f"tr-{number:032x}"
