"""Environments with one version of MLflow's client each, made by uv and kept in .tools/clients."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from apps.builds.builders.requirements import find_uv
from apps.runs.failures import RunFailure

HERE = Path(__file__).parent
KEPT_IN = HERE.parents[2] / ".tools" / "clients"
# The newest, an early 3.x and the last 2.x: what people have installed.
VERSIONS = ("3.17.2", "3.1.4", "2.22.5")
PATIENCE = 300  # seconds; from a warm cache it takes three


class NoClient(Exception):
    """Why there is none."""


def python_of(version: str) -> Path:
    """The Python of the environment of a version, which is made where it is missing."""
    locked = HERE / "versions" / f"{version}.txt"
    made_of = hashlib.sha256(locked.read_bytes() + sys.version.encode()).hexdigest()
    home, mark = KEPT_IN / version, KEPT_IN / version / "made-of"
    KEPT_IN.mkdir(parents=True, exist_ok=True)
    # Two test runs at once are not to build one environment.
    with (KEPT_IN / f"{version}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not mark.exists() or mark.read_text() != made_of:
            shutil.rmtree(home, ignore_errors=True)
            _make(home, locked)
            mark.write_text(made_of)
    return home / "bin" / "python"


def _make(home: Path, locked: Path) -> None:
    try:
        uv = find_uv({})
    except RunFailure as failure:
        raise NoClient(failure.text) from None
    python = str(home / "bin" / "python")
    for command in (
        [uv, "venv", "--quiet", "--python", sys.executable, str(home)],
        [uv, "pip", "install", "--quiet", "--python", python, "--requirements", str(locked)],
    ):
        try:
            done = subprocess.run(
                command,
                env={name: v for name, v in os.environ.items() if name != "VIRTUAL_ENV"},
                capture_output=True,
                text=True,
                check=False,
                timeout=PATIENCE,
            )
        except subprocess.TimeoutExpired:
            raise NoClient(f"uv took longer than {PATIENCE} s") from None
        if done.returncode:
            raise NoClient(f"uv: {done.stderr.strip()[-500:]}")
