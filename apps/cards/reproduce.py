"""How somebody else makes the model again: commands, and what is missing for them."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from apps.cards import documents

LONGEST_COMMENT = 300


@dataclass(frozen=True)
class Recipe:
    """A shell script, and each piece that nobody recorded."""

    script: str
    missing: list[str]


def recipe(content: Mapping[str, Any]) -> Recipe:
    """Checkout, environment, data and entry point, as the card of a version says them.

    Every value is quoted: what a run was told is data, and never a command.
    """
    missing: list[str] = []
    parts = [
        _checkout(documents.value_at(content, "/development/code") or {}, missing),
        _environment(documents.value_at(content, "/development/environment") or {}, missing),
        _data(documents.value_at(content, "/data/datasets") or [], missing),
        _training(content, missing),
    ]
    return Recipe("\n\n".join(part for part in parts if part) + "\n", missing)


def _checkout(code: Mapping[str, Any], missing: list[str]) -> str:
    repository, commit = code.get("repository"), code.get("commit")
    if not commit:
        missing.append("The run recorded no Git commit: train inside of a repository.")
    elif not repository:
        missing.append("The run recorded no address of the repository: name it on the card.")
    if code.get("dirty"):
        missing.append("There were changes that were not committed when it was trained.")
    lines = ["# 1. The code"]
    if repository:
        lines.append(f"git clone {_quoted(repository)} model && cd model")
    if commit:
        lines.append(f"git checkout --detach {_quoted(commit)}")
    return "\n".join(lines) if len(lines) > 1 else ""


def _environment(environment: Mapping[str, Any], missing: list[str]) -> str:
    python, packages = environment.get("python"), environment.get("packages") or []
    if not python:
        missing.append("Nobody recorded which Python it was trained with.")
    unpinned = [package["name"] for package in packages if not package.get("version")]
    if unpinned:
        names = ", ".join(unpinned[:5]) + (" and more" if len(unpinned) > 5 else "")
        missing.append(f"Some packages are not pinned to a version: {names}.")
    if not packages:
        missing.append("Nobody recorded the packages: log the model with its requirements.")
        return ""
    wanted = [
        f"{package['name']}=={package['version']}" if package.get("version") else package["name"]
        for package in packages
    ]
    version = f" --python {_quoted(python)}" if python else ""
    installed = " \\\n  ".join(_quoted(name) for name in wanted)
    return f"# 2. The environment\nuv venv{version}\nuv pip install \\\n  {installed}"


def _data(datasets: list[Mapping[str, Any]], missing: list[str]) -> str:
    if not datasets:
        missing.append("No data set was logged: use mlflow.log_input in training.")
        return ""
    lines = ["# 3. The data, which have to have these digests"]
    for dataset in datasets:
        facts = [dataset.get("role"), dataset.get("name"), dataset.get("digest")]
        lines.append(_comment(" ".join(str(fact) for fact in facts if fact)))
        if dataset.get("source"):
            lines.append(_comment(f"  {dataset['source']}"))
        if not dataset.get("digest"):
            missing.append(f"The data set {dataset.get('name')} has no digest.")
    return "\n".join(lines)


def _training(content: Mapping[str, Any], missing: list[str]) -> str:
    code = documents.value_at(content, "/development/code") or {}
    parameters = documents.value_at(content, "/development/parameters") or {}
    entry = code.get("entry_point")
    if not entry:
        missing.append("Nobody recorded what was run: the tag mlflow.source.name of the run.")
        return ""
    lines = ["# 4. Training"]
    if code.get("source_type") == "PROJECT":
        given = " ".join(f"-P {_quoted(f'{key}={value}')}" for key, value in parameters.items())
        return "\n".join([*lines, f"mlflow run . {given}".rstrip()])
    if parameters:
        lines.append("# with the parameters that the run logged:")
        lines += [_comment(f"  {key} = {value}") for key, value in parameters.items()]
    if str(entry).endswith(".ipynb") or code.get("source_type") == "NOTEBOOK":
        lines.append(f"uv run jupyter execute {_quoted(entry)}")
    else:
        lines.append(f"uv run python {_quoted(entry)}")
    return "\n".join(lines)


def _quoted(value: Any) -> str:
    return shlex.quote(" ".join(str(value).split()))


def _comment(text: str) -> str:
    # One line, whatever was logged: nothing after a line end becomes a command.
    return f"# {' '.join(text.split())[:LONGEST_COMMENT]}"
