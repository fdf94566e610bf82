"""Digests over JSON values and files."""

import hashlib
import json
from collections.abc import Iterable
from typing import Any, BinaryIO

CHUNK = 1024 * 1024


def canonical_json(value: Any) -> bytes:
    """One spelling for equal JSON values: sorted keys, no white space, UTF-8."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()


def digest_of(value: Any) -> str:
    """`sha256:<hex>` of a JSON value."""
    return f"sha256:{hashlib.sha256(canonical_json(value)).hexdigest()}"


def tree_digest(files: Iterable[tuple[str, int, str]]) -> str:
    """Digest of an artifact tree, from (posix path, size in bytes, sha256 hex) of each file.

    The serving package computes the same one before it loads a model.
    """
    return digest_of(sorted([path, size, sha256] for path, size, sha256 in files))


def sha256_of_file(file: BinaryIO) -> str:
    digest = hashlib.sha256()
    while chunk := file.read(CHUNK):
        digest.update(chunk)
    return digest.hexdigest()
