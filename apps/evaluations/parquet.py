"""The names of the columns of a Parquet file, from its footer: a struct in Thrift's compact form.

Nothing else of the file is read here. It is read by the evaluator, apart from everything.
"""

from typing import BinaryIO

from apps.core.errors import Invalid

MAGIC = b"PAR1"
# It names each column again for each group of rows, which is not read.
MOST_FOOTER = 8 << 20
DEEPEST, LONGEST = 12, 10_000
TRUE, FALSE, BYTE, DOUBLE, BINARY, LIST, SET, MAP, STRUCT = 1, 2, 3, 7, 8, 9, 10, 11, 12
NUMBERS = (4, 5, 6)
SCHEMA, ROWS = 2, 3
NAME, CHILDREN = 4, 5


class Unreadable(ValueError):
    """The footer is not what it should be."""


def columns_and_rows(file: BinaryIO) -> tuple[list[str], int]:
    """Raises `Invalid` for what is no Parquet, and for columns within columns."""
    try:
        fields = _struct(_Reader(_footer(file)), 0, last=ROWS)
        elements, rows = fields.get(SCHEMA), fields.get(ROWS)
        if not isinstance(elements, list) or not elements or not isinstance(rows, int):
            raise Unreadable
        return _names(elements), rows
    except (Unreadable, IndexError, UnicodeDecodeError) as error:
        raise Invalid("The file cannot be read as Parquet. Write it again.") from error


def _footer(file: BinaryIO) -> bytes:
    size = file.seek(0, 2)
    if size < 12:
        raise Unreadable
    file.seek(size - 8)
    tail = file.read(8)
    length = int.from_bytes(tail[:4], "little")
    if tail[4:] != MAGIC or length > min(size - 12, MOST_FOOTER):
        raise Unreadable
    file.seek(size - 8 - length)
    return file.read(length)


def _names(elements: list[object]) -> list[str]:
    names = []
    for element in elements[1:]:
        if not isinstance(element, dict) or not isinstance(element.get(NAME), bytes):
            raise Unreadable
        name = element[NAME].decode()
        if element.get(CHILDREN):
            raise Invalid(
                f"The column “{name[:100]}” holds lists or records. An evaluation takes columns of "
                "single values."
            )
        names.append(name)
    return names


class _Reader:
    def __init__(self, content: bytes) -> None:
        self.content = content
        self.at = 0

    def byte(self) -> int:
        found = self.content[self.at]
        self.at += 1
        return found

    def unsigned(self) -> int:
        value = shift = 0
        while True:
            found = self.byte()
            value |= (found & 0x7F) << shift
            if found < 0x80:
                return value
            shift += 7
            if shift > 63:
                raise Unreadable

    def signed(self) -> int:
        value = self.unsigned()
        return (value >> 1) ^ -(value & 1)

    def take(self, length: int) -> bytes:
        if length > len(self.content) - self.at:
            raise Unreadable
        self.at += length
        return self.content[self.at - length : self.at]


def _struct(reader: _Reader, depth: int, *, last: int = 0) -> dict[int, object]:
    """The values by the numbers of their fields, up to the `last` one that is wanted."""
    if depth > DEEPEST:
        raise Unreadable
    fields: dict[int, object] = {}
    number = 0
    while head := reader.byte():
        step, kind = head >> 4, head & 0x0F
        number = number + step if step else reader.signed()
        fields[number] = kind == TRUE if kind in (TRUE, FALSE) else _value(reader, kind, depth)
        if number == last:
            break
    return fields


def _value(reader: _Reader, kind: int, depth: int) -> object:
    if kind in NUMBERS:
        return reader.signed()
    if kind == BINARY:
        return reader.take(reader.unsigned())
    if kind in (TRUE, FALSE, BYTE):  # of a list, one byte each
        return reader.byte()
    if kind == DOUBLE:
        return reader.take(8)
    if kind in (LIST, SET):
        head = reader.byte()
        length = head >> 4 if head >> 4 < 15 else reader.unsigned()
        return _values(reader, length, head & 0x0F, depth)
    if kind == STRUCT:
        return _struct(reader, depth + 1)
    if kind == MAP:
        length = reader.unsigned()
        kinds = reader.byte() if length else 0
        return [
            (_value(reader, kinds >> 4, depth + 1), _value(reader, kinds & 0x0F, depth + 1))
            for _ in range(_plausible(reader, length))
        ]
    raise Unreadable


def _values(reader: _Reader, length: int, kind: int, depth: int) -> list[object]:
    if depth > DEEPEST:
        raise Unreadable
    return [_value(reader, kind, depth + 1) for _ in range(_plausible(reader, length))]


def _plausible(reader: _Reader, length: int) -> int:
    # Each value takes a byte at least.
    if length > min(LONGEST, len(reader.content) - reader.at):
        raise Unreadable
    return length
