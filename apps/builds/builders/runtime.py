"""The serving runtime, which every environment carries: its sources, its needs, its digest."""

import hashlib
import os
import tomllib
from importlib.util import find_spec
from pathlib import Path

from apps.runs.failures import RunFailure

PACKAGE = "mlgov_serving"
NEEDS = ("mlflow-skinny>=2.9", "fastapi", "uvicorn", "pandas", "prometheus-client")


def source() -> Path:
    """The directory of the package that is copied into environments."""
    candidates = [Path(__file__).resolve().parents[3] / "serving" / PACKAGE]
    if given := os.environ.get("MLGOV_SERVING_DIR"):
        candidates.insert(0, Path(given) / PACKAGE)
    if (installed := find_spec(PACKAGE)) and installed.origin:
        candidates.append(Path(installed.origin).parent)
    for candidate in candidates:
        if (candidate / "__main__.py").is_file():
            return candidate
    raise RunFailure(
        "builds.platform.runtime-missing",
        "The serving runtime (mlgov_serving) is not on this worker.",
        "Install the package mlgov-serving there, or set MLGOV_SERVING_DIR to its directory.",
    )


def needs() -> tuple[str, ...]:
    """The requirements of the runtime itself, to be resolved together with the model's."""
    project = source().parent / "pyproject.toml"
    if project.is_file() and project.parent.name == "serving":
        return tuple(tomllib.loads(project.read_text())["project"]["dependencies"])
    return NEEDS


def files() -> list[tuple[str, Path]]:
    root = source()
    return [(f"{PACKAGE}/{path.name}", path) for path in sorted(root.glob("*.py"))]


def digest() -> str:
    total = hashlib.sha256()
    for name, path in files():
        total.update(f"{name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return total.hexdigest()
