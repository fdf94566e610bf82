"""What the artifacts of a model say about it. They are untrusted: read in bounds, never run."""

import json
import math
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import yaml

from apps.registry import storage
from apps.runs.failures import RunFailure

NAME = "MLmodel"
HOW_TO_LOG = (
    "Log it with a flavour's log_model, such as mlflow.sklearn.log_model; then register it."
)
LARGEST_MLMODEL = 4 * 1024 * 1024
LARGEST_COMPANION = 256 * 1024
MOST_VALUES = 50_000
DEEPEST = 40
ENVIRONMENT_FILES = ("requirements.txt", "python_env.yaml", "conda.yaml")
SERVING_EXAMPLE = "serving_input_example.json"


class TooMuch(ValueError):
    pass


@dataclass
class Reading:
    """Fields of a version, its environment files, and notes for the log about what was odd."""

    facts: dict[str, Any] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def read(entries: list[tuple[str, int, str]]) -> Reading:
    """Raises `RunFailure` where MLmodel itself cannot be read; the rest is left out with a note."""
    files = {path: (size, sha256) for path, size, sha256 in entries}
    reading = Reading()
    if NAME not in files:
        raise RunFailure(
            "registry.model.no-mlmodel",
            f"There is no file {NAME} among the artifacts, so this is not an MLflow model.",
            HOW_TO_LOG,
        )
    document = _mlmodel(*files[NAME])
    for name in ENVIRONMENT_FILES:
        if (text := _text(files, name, reading)) is not None:
            reading.environment[name] = text
    flavors = document.get("flavors")
    flavors = flavors if isinstance(flavors, dict) else {}
    reading.facts = {
        "flavors": flavors,
        "signature": _signature(document.get("signature"), reading),
        "input_example": _input_example(files, reading),
        "requirements": requirements_in(reading.environment.get("requirements.txt", "")),
        "python_version": _python_version(flavors, reading),
        "mlflow_version": _short(document.get("mlflow_version"), 20),
        "model_uuid": _short(document.get("model_uuid") or document.get("model_id"), 64),
    }
    return reading


def requirements_in(text: str) -> list[str]:
    """The lines of a requirements file that ask for something."""
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def _mlmodel(size: int, sha256: str) -> dict[str, Any]:
    try:
        if size > LARGEST_MLMODEL:
            raise TooMuch(f"it is larger than {LARGEST_MLMODEL} bytes")
        document = _yaml(storage.read_blob(sha256, limit=LARGEST_MLMODEL).decode())
        if not isinstance(document, dict):
            raise TooMuch("it is not a mapping")
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise RunFailure(
            "registry.model.bad-mlmodel",
            f"The file {NAME} cannot be read: {reason}.",
            "Log the model again with an unmodified mlflow, and register the new one.",
        ) from error
    return document


def plain(value: Any) -> Any:
    """The value as JSON can hold it. Raises `TooMuch` for what is too big or too deep."""
    return _plain(value, [MOST_VALUES], 0)


def _plain(value: Any, left: list[int], depth: int) -> Any:
    # Counted as it is walked: YAML's references can make a small file a huge tree.
    left[0] -= 1
    if left[0] < 0 or depth > DEEPEST:
        raise TooMuch(f"it holds more than {MOST_VALUES:,} values, or is nested too deep")
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if abs(value) < 2**63 else str(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, dict):
        return {
            str(_plain(k, left, depth + 1)): _plain(v, left, depth + 1) for k, v in value.items()
        }
    if isinstance(value, list | tuple | set):
        return [_plain(item, left, depth + 1) for item in value]
    return str(value).replace("\x00", "�").encode("utf-8", "replace").decode()


def _yaml(text: str) -> Any:
    return plain(yaml.safe_load(text))


def parsed(text: Any) -> Any:
    """A JSON text as its value; anything else as it is."""
    if not isinstance(text, str):
        return text
    try:
        return plain(json.loads(text))
    except (ValueError, RecursionError):
        return text


def _text(files: dict[str, tuple[int, str]], name: str, reading: Reading) -> str | None:
    if name not in files:
        return None
    size, sha256 = files[name]
    if size > LARGEST_COMPANION:
        reading.notes.append(f"{name} is too large to be shown ({size} bytes).")
        return None
    try:
        text = storage.read_blob(sha256, limit=LARGEST_COMPANION).decode()
    except UnicodeDecodeError:
        reading.notes.append(f"{name} is not UTF-8, so it is not shown.")
        return None
    return text.replace("\x00", "�")


def _signature(found: Any, reading: Reading) -> dict[str, Any] | None:
    if not isinstance(found, dict):
        reading.notes.append("The model has no signature: its endpoint cannot check requests.")
        return None
    parts = {part: parsed(found.get(part)) for part in ("inputs", "outputs", "params")}
    for part, value in parts.items():
        if isinstance(value, str):
            reading.notes.append(f"The {part} of the signature are not JSON and are left out.")
            parts[part] = None
    return parts


def _input_example(files: dict[str, tuple[int, str]], reading: Reading) -> Any:
    text = _text(files, SERVING_EXAMPLE, reading)
    if text is None:
        return None
    value = parsed(text)
    if isinstance(value, str):
        reading.notes.append(f"{SERVING_EXAMPLE} is not JSON, or too big, and is left out.")
        return None
    return value


def _python_version(flavors: dict[str, Any], reading: Reading) -> str:
    function = flavors.get("python_function")
    if isinstance(function, dict) and function.get("python_version"):
        return _short(function["python_version"], 20)
    try:
        environment = _yaml(reading.environment.get("python_env.yaml", ""))
    except (ValueError, RecursionError, yaml.YAMLError):
        return ""
    return _short(environment.get("python"), 20) if isinstance(environment, dict) else ""


def _short(value: Any, length: int) -> str:
    return str(value)[:length] if isinstance(value, str | int | float) else ""
