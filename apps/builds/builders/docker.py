import contextlib
import hashlib
import re
import time
from collections.abc import Iterator
from typing import IO, Any

import docker
import requests
from docker.errors import APIError, DockerException, ImageNotFound, NotFound
from docker.models.images import Image

from apps.builds.builders import contexts, engine, requirements, runtime, streams
from apps.builds.builders.base import (
    BuildContext,
    Builder,
    BuildSpec,
    EnvironmentArtifact,
    ImageArtifact,
    Unheard,
)
from apps.runs.failures import RunFailure

APP = "builds"
BUILD_SECONDS = 1800
BASE_IMAGE = "python:{python}-slim"
PLATFORMS = {"amd64": "x86_64-manylinux_2_28", "arm64": "aarch64-manylinux_2_28"}
KEY_LABEL = "org.mlgov.environment"
DIGEST_LABEL = "org.mlgov.digest"
NOISE = re.compile(r" --->|Removing intermediate container")


class DockerBuilder(Builder):
    """Images by the Docker Engine's API: the environment once, the model's files on top of it.

    Options: `docker_host`, `base_image` (with `{python}`), `system_packages`, `network_mode`,
    `memory_mb`, and `lean`, `index_url`, `allow_source_builds`, `timeout_seconds`, `uv` as they
    are documented for all builders.
    """

    def __init__(self, options: Any = None) -> None:
        super().__init__(options)
        self._known: dict[str, docker.DockerClient] = {}
        self._locks: dict[tuple[Any, ...], str] = {}

    def check(self) -> None:
        self._client(self.options)
        requirements.find_uv(self.options)
        runtime.source()

    def environment_key(self, spec: BuildSpec) -> str:
        return self._resolve(spec, Unheard())[0]

    def build_environment(self, spec: BuildSpec, ctx: BuildContext) -> EnvironmentArtifact:
        settings = self.settings(spec)
        client = self._client(settings)
        key, lock, base = self._resolve(spec, ctx)
        repository = _join(spec.registry, "mlgov/environment")
        tag = key[:32]
        image = self._find(client, repository, tag, key, spec)
        reused = image is not None
        if image is None:
            ctx.log(f"Building the environment image {tag[:12]} on {base.tags or base.short_id}")
            image_id = self._build(
                client,
                contexts.environment(str(base.id), lock, settings, spec.runtime),
                tag=f"{repository}:{tag}",
                labels={KEY_LABEL: key, "org.mlgov.base": str(base.id)},
                settings=settings,
                ctx=ctx,
            )
            image = client.images.get(image_id)
        reference = self._publish(client, image, repository, tag, spec, ctx, anew=not reused)
        return EnvironmentArtifact(key, reference, lock, reused)

    def build_model(
        self, spec: BuildSpec, environment: EnvironmentArtifact, ctx: BuildContext
    ) -> ImageArtifact:
        settings = self.settings(spec)
        client = self._client(settings)
        self._pull(client, environment.reference, spec)
        repository, tag = _join(spec.registry, repository_of(spec.name)), f"v{spec.version}"
        labels = {
            **spec.labels,
            "org.mlgov.model": spec.name,
            "org.mlgov.version": str(spec.version),
            DIGEST_LABEL: spec.artifact_digest,
            KEY_LABEL: environment.key,
        }
        ctx.log(f"Packing {spec.name} version {spec.version}")
        image_id = self._build(
            client,
            contexts.model(environment.reference, spec, ctx),
            tag=f"{repository}:{tag}",
            labels=labels,
            settings=settings,
            ctx=ctx,
        )
        image = client.images.get(image_id)
        reference = self._publish(client, image, repository, tag, spec, ctx, anew=True)
        digest = reference.rpartition("@")[2]
        return ImageArtifact(reference, digest, spec.artifact_digest, int(image.attrs["Size"]))

    def remove(self, reference: str) -> None:
        client = self._client(self.options)
        try:
            # By id: a reference by digest leaves the tags, and with them the space.
            client.images.remove(str(client.images.get(reference).id), force=True)
        except (ImageNotFound, NotFound):
            pass
        except APIError as error:
            if error.status_code != 409:  # in use by a container or by an image on top of it
                raise engine.unreachable(error, app=APP) from error

    def _client(self, settings: dict[str, Any]) -> docker.DockerClient:
        host = str(settings.get("docker_host") or "")
        if host not in self._known:
            self._known[host] = engine.connect(settings, app=APP)
        return self._known[host]

    def _resolve(self, spec: BuildSpec, ctx: BuildContext) -> tuple[str, str, Image]:
        """The environment's key, its lock, and the base image that both are for."""
        settings = self.settings(spec)
        client = self._client(settings)
        base = self._base(client, spec, settings, ctx)
        wanted = (
            spec.requirements,
            spec.runtime,
            spec.python_version,
            str(spec.model_dir),
            repr(settings),
        )
        if wanted not in self._locks:
            ctx.log("Resolving the requirements")
            platform = PLATFORMS.get(str(base.attrs.get("Architecture")), "linux")
            self._locks[wanted] = requirements.lock(spec, settings, ctx, platform=platform)
        lock = self._locks[wanted]
        packages = " ".join(contexts.system_packages(settings))
        parts = ("docker", spec.python, str(base.id), packages, runtime.digest(spec.runtime), lock)
        return hashlib.sha256("\0".join(parts).encode()).hexdigest(), lock, base

    def _base(
        self, client: docker.DockerClient, spec: BuildSpec, settings: dict[str, Any], ctx: Any
    ) -> Image:
        name = str(settings.get("base_image") or BASE_IMAGE).format(python=spec.python)
        try:
            return client.images.get(name)
        except ImageNotFound:
            ctx.log(f"Pulling {name}")
        try:
            return client.images.pull(name)
        except (DockerException, requests.RequestException) as error:
            raise RunFailure(
                "builds.platform.base-image-missing",
                f"The base image {name} is not there and cannot be pulled: {engine.reason(error)}",
                "Pull it on the engine's machine, or name another one in the environment's "
                "options (base_image).",
            ) from error

    def _find(
        self, client: docker.DockerClient, repository: str, tag: str, key: str, spec: BuildSpec
    ) -> Image | None:
        try:
            image = client.images.get(f"{repository}:{tag}")
        except ImageNotFound:
            if not spec.registry:
                return None
            try:
                image = client.images.pull(repository, tag=tag, auth_config=_auth(spec))
            except (ImageNotFound, NotFound, APIError):
                return None  # not there, or not for us: built anew, and the push tells
        return image if image.labels.get(KEY_LABEL) == key else None

    def _pull(self, client: docker.DockerClient, reference: str, spec: BuildSpec) -> None:
        try:
            client.images.get(reference)
        except ImageNotFound:
            name, _, digest = reference.partition("@")
            try:
                client.images.pull(name, tag=digest or None, auth_config=_auth(spec))
            except (DockerException, requests.RequestException) as error:
                raise RunFailure(
                    "builds.platform.environment-missing",
                    f"The environment image is gone: {engine.reason(error)}",
                    "Retry: it is built again.",
                ) from error

    def _build(
        self,
        client: docker.DockerClient,
        context: IO[bytes],
        *,
        tag: str,
        labels: dict[str, str],
        settings: dict[str, Any],
        ctx: BuildContext,
    ) -> str:
        memory = int(settings.get("memory_mb") or 0) * (1 << 20)
        api = _streaming(client)
        with context:
            items = api.build(
                fileobj=context,
                custom_context=True,
                tag=tag,
                labels=labels,
                rm=True,
                forcerm=True,
                decode=True,
                network_mode=settings.get("network_mode"),
                container_limits={"memory": memory, "memswap": memory} if memory else None,
                buildargs=contexts.build_arguments(settings, ctx),
            )
            image_id = ""
            said: list[str] = []
            for item in self._follow(items, api, settings, ctx):
                if error := item.get("error"):
                    raise _build_failure(str(error), "".join(said[-60:]))
                image_id = (item.get("aux") or {}).get("ID") or image_id
                if text := str(item.get("stream") or "").rstrip("\n"):
                    said.append(f"{text}\n")
                    for line in text.splitlines():
                        if not NOISE.match(line):
                            ctx.log(line)
        if not image_id:
            raise _build_failure("The engine ended the build without an image.", "")
        return image_id

    def _publish(
        self,
        client: docker.DockerClient,
        image: Image,
        repository: str,
        tag: str,
        spec: BuildSpec,
        ctx: BuildContext,
        *,
        anew: bool,
    ) -> str:
        """The reference that pins the image: by digest in the registry, by id without one."""
        if not spec.registry:
            return str(image.id)
        for known in image.attrs.get("RepoDigests") or ():
            if not anew and known.startswith(f"{repository}@"):
                return str(known)
        ctx.log(f"Pushing {repository}:{tag}")
        if spec.registry_auth:
            ctx.mask(spec.registry_auth[1])
        api = _streaming(client)
        items = api.push(repository, tag=tag, stream=True, decode=True, auth_config=_auth(spec))
        digest = ""
        told: dict[str, str] = {}
        for item in self._follow(items, api, self.settings(spec), ctx):
            if error := item.get("error"):
                text = re.sub(r"\s+", " ", str(error))
                raise engine.failure(text, app=APP) or RunFailure(
                    "builds.platform.push-failed",
                    f"The image cannot be pushed: {text[:300]}",
                    "Look at the registry's log, then retry.",
                )
            digest = (item.get("aux") or {}).get("Digest") or digest
            layer, status = item.get("id", ""), str(item.get("status") or "")
            if status in ("Pushed", "Layer already exists") and told.get(layer) != status:
                told[layer] = status
                ctx.log(f"{layer}: {status}")
        if not digest:
            raise RunFailure(
                "builds.platform.push-failed",
                "The registry took the image without telling its digest.",
                "Retry; the image cannot be pinned without it.",
            )
        return f"{repository}@{digest}"

    def _follow(
        self,
        items: Iterator[dict[str, Any]],
        api: "StreamingClient",
        settings: dict[str, Any],
        ctx: BuildContext,
    ) -> Iterator[dict[str, Any]]:
        seconds = float(settings.get("timeout_seconds") or BUILD_SECONDS)
        try:
            yield from streams.follow(
                items, check=ctx.check, stop=api.hang_up, deadline=time.monotonic() + seconds
            )
        except (DockerException, requests.RequestException) as error:
            text = engine.reason(error)
            raise engine.failure(text, app=APP) or engine.unreachable(error, app=APP) from error


class StreamingClient(docker.APIClient):
    """A client whose answer can be given up while another thread reads it."""

    _open: Any = None

    def _stream_helper(self, response: Any, decode: bool = False) -> Iterator[Any]:
        self._open = response
        return super()._stream_helper(response, decode)  # type: ignore[misc]

    def hang_up(self) -> None:
        """End the answer. The engine ends a build whose client has gone."""
        if self._open is not None:
            with contextlib.suppress(OSError, AttributeError):  # it ended by itself meanwhile
                docker.types.CancellableStream(iter(()), self._open).close()


def _streaming(client: docker.DockerClient) -> StreamingClient:
    made = StreamingClient.__new__(StreamingClient)
    # The same engine, credentials and TLS settings, with an answer of its own to hold.
    made.__dict__.update(client.api.__dict__)
    return made


def repository_of(name: str) -> str:
    """A registry's name for a model. Two models never share one."""
    parts = [
        re.sub(r"[^a-z0-9]+", "-", part.lower()).strip("-") or "model" for part in name.split("/")
    ]
    path = "/".join(parts)
    if path != name:
        path += f"-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
    return path


def _join(registry: str, repository: str) -> str:
    return f"{registry.rstrip('/')}/{repository}" if registry else repository


def _auth(spec: BuildSpec) -> dict[str, str] | None:
    if not spec.registry_auth:
        return None
    username, password = spec.registry_auth
    return {"username": username, "password": password}


def _build_failure(error: str, said: str) -> RunFailure:
    everything = f"{said}\n{error}"
    if re.search(r"no space left on device", everything, re.I):
        return engine.failure(everything, app=APP) or RunFailure("builds.platform.disk-full", error)
    if "pip install" in error or "uv pip" in error:
        return requirements.explain_install(said)
    return RunFailure(
        "builds.platform.build-failed",
        f"The image cannot be built: {error[:500]}",
        "Retry; if it fails again, look at the whole output in the log.",
    )
