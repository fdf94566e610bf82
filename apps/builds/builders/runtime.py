"""What mlgov puts into environments of its own making: the runtime beside a model, or what
measures one. Their sources, their needs, their digest."""

import hashlib
import os
import tomllib
from importlib.util import find_spec
from pathlib import Path

from apps.runs.failures import RunFailure

SERVING, EVALUATOR = "mlgov_serving", "mlgov_evaluator"
NEEDS = ("mlflow-skinny>=2.9", "fastapi", "uvicorn", "pandas", "prometheus-client")


def source(package: str = SERVING) -> Path:
    """The directory of the package that is copied into environments."""
    candidates = [Path(__file__).resolve().parents[3] / "serving" / package]
    if given := os.environ.get("MLGOV_SERVING_DIR"):
        candidates.insert(0, Path(given) / package)
    if (installed := find_spec(package)) and installed.origin:
        candidates.append(Path(installed.origin).parent)
    for candidate in candidates:
        if (candidate / "__main__.py").is_file():
            return candidate
    raise RunFailure(
        "builds.platform.runtime-missing",
        f"The package {package}, which environments carry, is not on this worker.",
        "Install mlgov there as it was released, or set MLGOV_SERVING_DIR to the directory that "
        "holds it.",
    )


def needs(package: str = SERVING) -> tuple[str, ...]:
    """The requirements of the package itself, to be resolved together with the model's."""
    home = source(package)
    pinned = home / "requirements.txt"
    if pinned.is_file():
        lines = (line.partition("#")[0].strip() for line in pinned.read_text().splitlines())
        return tuple(line for line in lines if line)
    project = home.parent / "pyproject.toml"
    if project.is_file() and project.parent.name == "serving":
        return tuple(tomllib.loads(project.read_text())["project"]["dependencies"])
    return NEEDS


def files(package: str = SERVING) -> list[tuple[str, Path]]:
    root = source(package)
    return [(f"{package}/{path.name}", path) for path in sorted(root.glob("*.py"))]


def digest(package: str = SERVING) -> str:
    total = hashlib.sha256()
    for name, path in files(package):
        total.update(f"{name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return total.hexdigest()
