import hashlib
import json
from pathlib import Path

CHUNK = 1 << 20


def artifact_digest(directory: str | Path) -> str:
    """The digest of a model directory: what was approved, in one line.

    SHA-256 over the canonical JSON (sorted keys, no spaces, UTF-8, nothing escaped that need not
    be) of the sorted list of `[path, size, sha256]`, one entry for each file, with the path
    relative to the directory and `/` between its parts. mlgov computes the same when a version is
    registered; the two must never differ.
    """
    root = Path(directory)
    entries = sorted(
        _entry(root, path) for path in root.rglob("*") if not _is_plain_directory(path)
    )
    canonical = json.dumps(entries, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return f"sha256:{hashlib.sha256(canonical.encode('utf-8')).hexdigest()}"


def _is_plain_directory(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _entry(root: Path, path: Path) -> list[str | int]:
    # A link could lead to bytes that nobody approved, today or after the check.
    if path.is_symlink() or not path.is_file():
        raise ValueError(f"{path.relative_to(root).as_posix()} is not a plain file")
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
            size += len(chunk)
    return [path.relative_to(root).as_posix(), size, digest.hexdigest()]
