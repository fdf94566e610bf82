"""Disks so small that a test can fill them. Mounting one needs root."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

BLOCK = 4096


class Disk:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.filling = path / "filling"

    def fill(self, *, leave: int = 0) -> None:
        """Take what is free, but for `leave` bytes. Others may write meanwhile."""
        with self.filling.open("ab", buffering=0) as file:
            while (left := shutil.disk_usage(self.path).free - leave) > 0:
                try:
                    file.write(bytes(min(left, 64 * BLOCK)))
                except OSError:
                    return

    def make_room(self) -> None:
        self.filling.unlink()


@contextmanager
def small_disk(path: Path, *, megabytes: int = 8) -> Iterator[Disk]:
    """A disk of its own at `path`; the test is skipped where this machine does not let us."""
    path.mkdir(parents=True, exist_ok=True)
    program = shutil.which("mount")
    if program is None or os.geteuid() != 0:
        pytest.skip("needs a small disk: only root may mount one")
    command = [program, "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0700", "tmpfs", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"needs a small disk: {done.stderr.strip()}")
    try:
        yield Disk(path)
    finally:
        # Lazily: whoever has a file open on it does not keep the test from ending.
        subprocess.run(["umount", "--lazy", str(path)], check=True)
