import contextlib
import fcntl
import hashlib
import os
import platform
import shutil
import sysconfig
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from apps.builds.builders import artifacts, requirements, runtime, streams
from apps.builds.builders.base import (
    BuildContext,
    Builder,
    BuildSpec,
    EnvironmentArtifact,
    ImageArtifact,
    Unheard,
)
from apps.core.digests import tree_digest
from apps.runs.failures import RunFailure

MARKER = ".complete"
BUILD_SECONDS = 1800
NO_DOWNLOADS = {"UV_PYTHON_DOWNLOADS": "never"}
ENVIRONMENT, MODEL = "venv:", "model:"


class VenvBuilder(Builder):
    """Environments as virtual environments, images as read-only copies of the model's files.

    For one machine without a container engine. Options: `envs_dir`, `models_dir`, and `lean`,
    `index_url`, `allow_source_builds`, `timeout_seconds`, `uv` as they are documented for all.
    """

    def __init__(self, options: Any = None) -> None:
        super().__init__(options)
        self._locks: dict[tuple[Any, ...], str] = {}

    def check(self) -> None:
        requirements.find_uv(self.options)
        runtime.source()
        for name in ("envs_dir", "models_dir"):
            directory = Path(self.options[name])
            try:
                directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            except OSError as error:
                raise _disk(error, directory) from error

    def environment_key(self, spec: BuildSpec) -> str:
        return self._key(spec, self._lock(spec, Unheard()))

    def build_environment(self, spec: BuildSpec, ctx: BuildContext) -> EnvironmentArtifact:
        settings = self.settings(spec)
        lock = self._lock(spec, ctx)
        key = self._key(spec, lock)
        envs = Path(settings["envs_dir"]).absolute()
        home = envs / key[:24]
        with _alone(envs, home.name, ctx):
            reused = (home / MARKER).is_file()
            if not reused:
                ctx.log(f"Creating a virtual environment for Python {spec.python}")
                try:
                    self._create(home, spec, lock, settings, ctx)
                except OSError as error:
                    raise _disk(error, home) from error
        return EnvironmentArtifact(key, f"{ENVIRONMENT}{home}", lock, reused)

    def build_model(
        self, spec: BuildSpec, environment: EnvironmentArtifact, ctx: BuildContext
    ) -> ImageArtifact:
        models = Path(self.settings(spec)["models_dir"]).absolute()
        home = models / spec.artifact_digest.removeprefix("sha256:")
        with _alone(models, home.name, ctx):
            try:
                size = self._present(home, spec.artifact_digest)
                if size is None:
                    size = self._copy(home, spec, ctx)
            except OSError as error:
                raise _disk(error, home) from error
        both = hashlib.sha256(f"{environment.key}\n{spec.artifact_digest}".encode()).hexdigest()
        return ImageArtifact(
            f"{MODEL}{home / 'model'}", f"sha256:{both}", spec.artifact_digest, size
        )

    def remove(self, reference: str) -> None:
        if reference.startswith(ENVIRONMENT):
            home = Path(reference.removeprefix(ENVIRONMENT))
        else:
            home = Path(reference.removeprefix(MODEL)).parent
        allowed = {Path(self.options[name]).absolute() for name in ("envs_dir", "models_dir")}
        if home.parent in allowed and home.exists():
            with _alone(home.parent, home.name, Unheard()):
                _remove_tree(home)

    def _lock(self, spec: BuildSpec, ctx: BuildContext) -> str:
        settings = self.settings(spec)
        self._require_python(spec, settings)
        wanted = (
            spec.requirements,
            spec.runtime,
            spec.python_version,
            str(spec.model_dir),
            repr(settings),
        )
        if wanted not in self._locks:
            self._locks[wanted] = requirements.lock(spec, settings, ctx)
        return self._locks[wanted]

    def _require_python(self, spec: BuildSpec, settings: dict[str, Any]) -> None:
        command = [requirements.find_uv(settings), "python", "find", "--no-project", spec.python]
        deadline = time.monotonic() + 60
        status, _ = streams.run(
            command, Unheard(), cwd=Path("/"), deadline=deadline, env=NO_DOWNLOADS
        )
        if status:
            raise RunFailure(
                "builds.platform.python-missing",
                f"The model needs Python {spec.python}, which is not on this worker.",
                f"Install Python {spec.python} on the worker (uv python install {spec.python}), "
                "or log the model with a Python that is there.",
            )

    def _key(self, spec: BuildSpec, lock: str) -> str:
        machine = f"{sysconfig.get_platform()} {platform.libc_ver()}"
        parts = ("venv", spec.python, machine, runtime.digest(spec.runtime), lock)
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()

    def _create(
        self, home: Path, spec: BuildSpec, lock: str, settings: dict[str, Any], ctx: BuildContext
    ) -> None:
        # In its final place, since scripts name it; the marker says that it is whole.
        _remove_tree(home)
        uv = requirements.find_uv(settings)
        deadline = time.monotonic() + float(settings.get("timeout_seconds") or BUILD_SECONDS)
        command = [uv, "venv", "--python", spec.python, "--no-project", str(home)]
        status, output = streams.run(
            command, ctx, cwd=home.parent, deadline=deadline, env=NO_DOWNLOADS
        )
        if status:
            raise requirements.explain_install(output)
        (home / "requirements.lock").write_text(lock)
        command = [
            *(uv, "pip", "install", "--python", str(home / "bin" / "python")),
            *("--require-hashes", "--compile-bytecode", "--no-progress", "--color", "never"),
            *("-r", str(home / "requirements.lock")),
        ]
        if not settings.get("allow_source_builds"):
            command.append("--no-build")
        if index := settings.get("index_url"):
            command += ["--default-index", index]
        status, output = streams.run(command, ctx, cwd=home, deadline=deadline, env=NO_DOWNLOADS)
        if status:
            raise requirements.explain_install(output)
        site = home / "lib" / f"python{spec.python}" / "site-packages"
        for name, path in runtime.files(spec.runtime):
            (site / name).parent.mkdir(exist_ok=True)
            shutil.copyfile(path, site / name)
        (home / MARKER).touch()

    def _present(self, home: Path, approved: str) -> int | None:
        if not (home / MARKER).is_file():
            return None
        entries = []
        for name, path in artifacts.files_of(home / "model"):
            with path.open("rb") as raw:
                file = artifacts.HashedFile(raw)
                while file.read(1 << 20):
                    pass
            entries.append((name, file.size, file.sha256))
        if tree_digest(entries) != approved:
            return None
        return sum(size for _, size, _ in entries)

    def _copy(self, home: Path, spec: BuildSpec, ctx: BuildContext) -> int:
        _remove_tree(home)
        target = home / "model"
        target.mkdir(parents=True)
        entries = []
        for name, path in artifacts.files_of(spec.model_dir):
            ctx.check()
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            with path.open("rb") as raw, (target / name).open("wb") as copy:
                file = artifacts.HashedFile(raw)
                while data := file.read(1 << 20):
                    copy.write(data)
            entries.append((name, file.size, file.sha256))
        found = tree_digest(entries)
        if found != spec.artifact_digest:
            _remove_tree(home)
        artifacts.require_same(found, spec.artifact_digest)
        for path in sorted(target.rglob("*"), reverse=True):
            path.chmod(0o555 if path.is_dir() else 0o444)
        target.chmod(0o555)
        (home / MARKER).touch()
        return sum(size for _, size, _ in entries)


@contextlib.contextmanager
def _alone(directory: Path, name: str, ctx: BuildContext) -> Iterator[None]:
    """Of several workers, one makes it; the others wait and find it made."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (directory / f".{name}.lock").open("w") as file:
        told = False
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not told:
                    ctx.log("Another worker is making the same; waiting for it")
                    told = True
                ctx.check()
                time.sleep(0.3)
        yield


def _remove_tree(home: Path) -> None:
    if not home.exists():
        return
    (home / MARKER).unlink(missing_ok=True)
    for path, _directories, _files in os.walk(home):
        Path(path).chmod(0o700)
    shutil.rmtree(home)


def _disk(error: OSError, path: Path) -> RunFailure:
    return RunFailure(
        "builds.platform.disk",
        f"The worker cannot write to {path}: {error.strerror or error}.",
        "Free space there or mend its permissions, then retry.",
    )
