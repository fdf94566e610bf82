"""Requirements as the model's author wrote them, and the lock that they resolve to."""

import os
import re
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from apps.builds.builders import runtime, streams
from apps.builds.builders.base import BuildContext, BuildSpec
from apps.runs.failures import RunFailure

LOCK_SECONDS = 300
REMEDY = "Log the model again with requirements that can be installed (pip_requirements=[…])."
UNREACHABLE = re.compile(
    r"error sending request|dns error|tcp connect error|Request failed after|connection refused"
    r"|operation timed out|HTTP status server error|\b(401|403|407) (Unauthorized|Forbidden|Proxy)",
    re.I,
)
NOT_FOUND = re.compile(
    r"there (?:is|are) no versions? of (?P<a>[\w.-]+)"
    r"|(?P<b>[\w.-]+) was not found in"
    r"|only (?P<c>[\w.-]+?)\s*[<>=!~][^ ]* (?:is|are) available"
    r"|(?P<d>[\w.-]+)(?:[<>=!~][^ ]*)? (?:has no|needs to be built|cannot be built)"
    r"|Building (?:source distributions )?(?:for )?`?(?P<e>[\w.-]+)",
    re.I,
)
OTHER_PYTHON = re.compile(r"does not satisfy Python|current Python version|depends on Python", re.I)
NO_WHEEL = re.compile(r"no (?:usable )?wheels|building source distributions is disabled", re.I)


@dataclass(frozen=True)
class Wanted:
    """The lines of a model's requirements that mean something."""

    lines: tuple[str, ...]
    constraints: tuple[str, ...] = ()

    @property
    def names(self) -> dict[str, str]:
        return {str(canonicalize_name(Requirement(line).name)): line for line in self.lines}


def read(spec: BuildSpec, settings: dict[str, Any]) -> Wanted:
    """Check the lines before a tool of the platform acts on them."""
    lines, constraints = [], []
    for raw in spec.requirements:
        line = re.sub(r"(^|\s)#.*$", "", raw).strip()
        if match := re.fullmatch(r"(?:-c|--constraint)[ =]\s*(\S+)", line):
            constraints += _constraints(spec.model_dir, match[1], settings)
        elif line:
            lines.append(_checked(line, settings))
    if settings.get("lean"):
        lines = [
            re.sub(r"(?i)^mlflow(?![\w-])(\[[^]]*\])?", "mlflow-skinny", line) for line in lines
        ]
    return Wanted(tuple(lines), tuple(constraints))


def _constraints(model_dir: Path, name: str, settings: dict[str, Any]) -> list[str]:
    path = (model_dir / name).resolve()
    if not path.is_relative_to(model_dir.resolve()) or not path.is_file():
        raise _unsupported(f"-c {name}", "the file is not among the model's artifacts")
    bare = (re.sub(r"(^|\s)#.*$", "", line).strip() for line in path.read_text().splitlines())
    return [_checked(line, settings) for line in bare if line]


def _checked(line: str, settings: dict[str, Any]) -> str:
    # An option could name another index, or a file of the worker.
    if line.startswith("-"):
        raise _unsupported(line, "options are not allowed here")
    try:
        requirement = Requirement(line)
    except InvalidRequirement as error:
        reason = str(error).splitlines()[0]
        raise RunFailure(
            "builds.model.requirement-invalid",
            f"{line} cannot be installed: {reason}.",
            REMEDY,
        ) from error
    if requirement.url and not settings.get("allow_direct_references"):
        raise _unsupported(line, "it is not a package of the index but an address")
    return line


def _unsupported(line: str, reason: str) -> RunFailure:
    return RunFailure(
        "builds.model.requirement-unsupported", f"{line} cannot be installed: {reason}.", REMEDY
    )


def find_uv(settings: dict[str, Any]) -> str:
    here = Path(sys.executable).parent
    tools = Path(sys.prefix).parent / ".tools" / "bin"
    given = settings.get("uv") or os.environ.get("MLGOV_UV")
    search = os.pathsep.join([str(here), os.environ.get("PATH", os.defpath), str(tools)])
    if found := shutil.which(given or "uv", path=search):
        return found
    raise RunFailure(
        "builds.platform.uv-missing",
        "This worker has no uv, which resolves and installs requirements.",
        "Install it there (pip install uv), or set MLGOV_UV to its path.",
    )


def lock(
    spec: BuildSpec, settings: dict[str, Any], ctx: BuildContext, *, platform: str = ""
) -> str:
    """Every package of the environment with its version and hashes, the runtime's included."""
    wanted = read(spec, settings)
    command = [
        *(find_uv(settings), "pip", "compile", "requirements.in", "--output-file", "lock.txt"),
        *("--python-version", spec.python_version, "--generate-hashes", "--no-header"),
        *("--no-annotate", "--color", "never", "--no-progress"),
    ]
    if platform:
        command += ["--python-platform", platform]
    if wanted.constraints:
        command += ["--constraint", "constraints.txt"]
    if not settings.get("allow_source_builds"):
        # Building a source distribution runs its code, here, on the worker.
        command.append("--no-build")
    if index := settings.get("index_url"):
        command += ["--default-index", index]
    with tempfile.TemporaryDirectory(prefix="mlgov-lock-") as name:
        directory = Path(name)
        inputs = "\n".join([*wanted.lines, *runtime.needs(spec.runtime), ""])
        (directory / "requirements.in").write_text(inputs)
        (directory / "constraints.txt").write_text("\n".join([*wanted.constraints, ""]))
        status, output = streams.run(
            command,
            ctx,
            cwd=directory,
            env={"UV_PYTHON_DOWNLOADS": "never"},
            deadline=time.monotonic() + LOCK_SECONDS,
            quiet=True,
        )
        if status:
            raise explain(output, wanted, spec.python_version)
        return (directory / "lock.txt").read_text()


def explain(output: str, wanted: Wanted, python: str) -> RunFailure:
    """What `uv` said, as a failure with an owner."""
    reason = _reason(output)
    if UNREACHABLE.search(output):
        return RunFailure(
            "builds.platform.index-unreachable",
            f"The package index does not answer: {reason}",
            "Check the network and the index of this worker, then retry.",
        )
    names = wanted.names
    for found in NOT_FOUND.finditer(reason):
        name = str(canonicalize_name(next(part for part in found.groups() if part)))
        if name in names:
            code = "requirement-needs-build" if NO_WHEEL.search(reason) else "requirement-not-found"
            return RunFailure(
                f"builds.model.{code}", f"{names[name]} cannot be installed: {reason}", REMEDY
            )
    involved = [line for name, line in names.items() if _mentions(reason, name)]
    if OTHER_PYTHON.search(reason) and len(involved) == 1:
        return RunFailure(
            "builds.model.requirement-not-found",
            f"{involved[0]} cannot be installed on Python {python}: {reason}",
            REMEDY,
        )
    if "No solution found" in output or "unsatisfiable" in output:
        lines = ", ".join(involved) or "The requirements"
        return RunFailure(
            "builds.model.requirements-conflict",
            f"{lines} cannot be installed together: {reason}",
            REMEDY,
        )
    return RunFailure(
        "builds.platform.lock-failed",
        f"The requirements cannot be resolved: {reason}",
        "Retry; if it fails again, look at the whole output in the log.",
    )


def _reason(output: str) -> str:
    text = re.sub(r"\s+", " ", output.replace("×", " ").replace("╰─▶", "cause: "))
    text = text.partition("hint:")[0]
    causes = [part.strip() for part in text.split("cause:")]
    text = causes[-1] if len(causes) > 1 else text.removeprefix("error:").strip()
    text = re.sub(r",? ?(and )?we can conclude that your requirements are unsatisfiable", "", text)
    return text[:1000].strip()


def _mentions(text: str, name: str) -> bool:
    words = {str(canonicalize_name(word)) for word in re.findall(r"[A-Za-z][\w.-]*\w", text)}
    return name in words


def explain_install(output: str) -> RunFailure:
    """Why a lock that resolved could not be installed."""
    reason = _reason(output)
    if "No space left" in output or "os error 28" in output:
        return RunFailure(
            "builds.platform.disk-full",
            "There is no space left for the environment.",
            "Remove environments that nothing uses any more, or add space; then retry.",
        )
    if UNREACHABLE.search(output):
        return RunFailure(
            "builds.platform.index-unreachable",
            f"The package index does not answer: {reason}",
            "Check the network and the index of the builds, then retry.",
        )
    if re.search(r"hash mismatch", output, re.I):
        return RunFailure(
            "builds.platform.package-changed",
            f"A package is not the one that was resolved: {reason}",
            "Do not go on before it is clear why the index serves another file.",
        )
    if "Failed to build" in output:
        return RunFailure(
            "builds.model.requirement-needs-build",
            f"A requirement cannot be built: {reason}",
            REMEDY,
        )
    return RunFailure(
        "builds.platform.install-failed",
        f"The requirements cannot be installed: {reason}",
        "Retry; if it fails again, look at the whole output in the log.",
    )
