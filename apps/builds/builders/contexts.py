"""What is sent to the Docker Engine: a Dockerfile and its files, the same bytes each time."""

import io
import json
import os
import re
import tarfile
import tempfile
from typing import IO, Any
from urllib.parse import urlsplit

from apps.builds.builders import artifacts, runtime, streams
from apps.builds.builders.base import BuildContext, BuildSpec
from apps.core.digests import tree_digest
from apps.runs.failures import RunFailure

USER = 10001
IN_MEMORY = 8 << 20
MODEL_DIR = "/opt/ml/model"
PACKAGE_NAME = re.compile(r"[a-z0-9][a-z0-9+.-]+")

ENVIRONMENT = """\
FROM {base}
{system}COPY mlgov /opt/mlgov
ARG UV_DEFAULT_INDEX
ARG PIP_INDEX_URL
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOME=/tmp MPLCONFIGDIR=/tmp \\
    NUMBA_CACHE_DIR=/tmp MLFLOW_DISABLE_TELEMETRY=true
RUN set -eu; \\
    python -m pip install --no-cache-dir --disable-pip-version-check -q --target /tmp/uv uv; \\
    UV_HTTP_TIMEOUT=180 /tmp/uv/bin/uv pip install --system --break-system-packages --no-cache \\
        --no-progress --compile-bytecode --require-hashes {build} \\
        -r /opt/mlgov/requirements.lock; \\
    site="$(python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"; \\
    cp -R /opt/mlgov/{package} "$site/"; \\
    python -m compileall -q "$site/{package}"; \\
    echo "mlgov:x:{user}:{user}:mlgov:/tmp:/usr/sbin/nologin" >> /etc/passwd; \\
    rm -rf /tmp/uv /root/.cache
USER {user}:{user}
WORKDIR /tmp
"""

SYSTEM = """\
RUN apt-get update \\
    && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends {packages} \\
    && rm -rf /var/lib/apt/lists/*
"""

MODEL = """\
FROM {environment}
COPY model {directory}
ENV MLGOV_MODEL_NAME={name} MLGOV_MODEL_VERSION={version} MLGOV_ARTIFACT_DIGEST={digest} \\
    MLGOV_LISTEN=http://0.0.0.0:8080
EXPOSE 8080
USER {user}:{user}
HEALTHCHECK --interval=30s --timeout=6s --start-period=60s --retries=3 \\
    CMD ["python", "-m", "mlgov_serving.health"]
ENTRYPOINT ["python", "-m", "mlgov_serving", "--model", "{directory}"]
"""


class Archive:
    """A tar whose bytes depend on its files only: equal content makes equal layers."""

    def __init__(self) -> None:
        # The caller closes it, once the engine has read it.
        self.file: IO[bytes] = tempfile.SpooledTemporaryFile(  # noqa: SIM115
            max_size=IN_MEMORY
        )
        self._tar = tarfile.TarFile(fileobj=self.file, mode="w", format=tarfile.PAX_FORMAT)
        self._directories: set[str] = set()

    def add(self, name: str, content: Any, size: int) -> None:
        parts = name.split("/")[:-1]
        for depth in range(1, len(parts) + 1):
            self._add_directory("/".join(parts[:depth]))
        entry = tarfile.TarInfo(name)
        entry.size, entry.mode = size, 0o644
        self._tar.addfile(entry, content)

    def add_text(self, name: str, text: str) -> None:
        data = text.encode()
        self.add(name, io.BytesIO(data), len(data))

    def finish(self) -> IO[bytes]:
        self._tar.close()
        self.file.seek(0)
        return self.file

    def _add_directory(self, name: str) -> None:
        if name not in self._directories:
            self._directories.add(name)
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            self._tar.addfile(entry)


def environment(
    base: str, lock: str, settings: dict[str, Any], package: str = runtime.SERVING
) -> IO[bytes]:
    packages = system_packages(settings)
    archive = Archive()
    archive.add_text(
        "Dockerfile",
        ENVIRONMENT.format(
            base=base,
            user=USER,
            package=package,
            system=SYSTEM.format(packages=" ".join(packages)) if packages else "",
            build="" if settings.get("allow_source_builds") else "--no-build",
        ),
    )
    archive.add_text("mlgov/requirements.lock", lock)
    for name, path in runtime.files(package):
        archive.add_text(f"mlgov/{name}", path.read_text())
    return archive.finish()


def model(environment_reference: str, spec: BuildSpec, ctx: BuildContext) -> IO[bytes]:
    """The model's files, refused if they are not the approved ones."""
    archive = Archive()
    archive.add_text(
        "Dockerfile",
        MODEL.format(
            environment=environment_reference,
            directory=MODEL_DIR,
            user=USER,
            name=_quoted(spec.name),
            version=spec.version,
            digest=spec.artifact_digest,
        ),
    )
    entries = []
    for name, path in artifacts.files_of(spec.model_dir):
        ctx.check()
        with path.open("rb") as raw:
            file = artifacts.HashedFile(raw)
            archive.add(f"model/{name}", file, path.stat().st_size)
        entries.append((name, file.size, file.sha256))
    artifacts.require_same(tree_digest(entries), spec.artifact_digest)
    return archive.finish()


def system_packages(settings: dict[str, Any]) -> tuple[str, ...]:
    packages = tuple(sorted(settings.get("system_packages") or ()))
    for package in packages:
        if not PACKAGE_NAME.fullmatch(package):
            raise RunFailure(
                "builds.platform.option-invalid",
                f"'{package}' is not the name of a system package.",
                "Correct system_packages in the environment's options.",
            )
    return packages


def build_arguments(settings: dict[str, Any], ctx: BuildContext) -> dict[str, str]:
    """Arguments of the build. The proxies are known to the engine and stay out of the image."""
    arguments = {}
    for name in streams.PROXIES:
        if value := os.environ.get(name) or os.environ.get(name.lower()):
            arguments[name] = value
            if password := urlsplit(value).password:
                ctx.mask(password)
    if index := settings.get("index_url"):
        if urlsplit(index).password:
            raise RunFailure(
                "builds.platform.option-invalid",
                "The index's address has a password in it, which would be readable in the image.",
                "Use an index without one in index_url, such as a mirror inside the network.",
            )
        arguments |= {"UV_DEFAULT_INDEX": index, "PIP_INDEX_URL": index}
    return arguments


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("$", "\\$")
