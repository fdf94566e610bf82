"""What a build does, step by step. Every step may be repeated after a crash."""

import platform
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.db import transaction

from apps.builds.builders import registry as builders
from apps.builds.builders import runtime
from apps.builds.builders.base import (
    Builder,
    BuildSpec,
    EnvironmentArtifact,
    ImageArtifact,
)
from apps.builds.models import Build, EnvironmentImage, ModelImage
from apps.core.errors import DomainError
from apps.core.full import is_full
from apps.registry import storage
from apps.registry.models import ModelVersion
from apps.runs.failures import RunFailure
from apps.runs.models import Run
from apps.runs.runners import RunContext
from apps.runs.states import UNFINISHED
from apps.stages.models import Environment

LABELS = "org.mlgov"


def pack(build: Build, ctx: RunContext) -> None:
    """Make the image of a build, of nothing but what was approved."""
    build = Build.objects.select_related("version__model__project", "environment").get(pk=build.pk)
    with _in_words(), _directory(build.run_id) as directory:
        with ctx.step("prepare", "Check the builder"):
            builder = builder_for(build.environment)
            builder.check()
            ctx.log(f"The builder “{build.environment.builder}” is ready.")
        with ctx.step("verify", "Verify the artifacts"):
            spec = _spec(build, directory, ctx)
            _materialise(build.version, build.artifact_digest, directory, ctx)
        with ctx.step("environment", "Python and its packages"):
            environment = builder.build_environment(spec, ctx)
            ctx.log(
                f"{environment.reference} is there already and is used again."
                if environment.reused
                else f"{environment.reference} was made."
            )
            row = _note_environment(build.environment, spec, environment)
        with ctx.step("image", "The model's image"):
            image = builder.build_model(spec, environment, ctx)
            ctx.check()
            _note_image(build, row, image)
            ctx.log(f"{image.reference} is ready ({image.size:,} bytes).")


def image_of(
    version: ModelVersion, environment: Environment, *, run_id: int, ctx: RunContext
) -> ModelImage:
    """An image of the version, made within a run that is no build: nothing was approved yet."""
    digest = version.artifact_digest
    with _in_words(), _directory(run_id) as directory:
        builder = builder_for(environment)
        builder.check()
        _materialise(version, digest, directory, ctx)
        spec = _spec_of(version, environment, digest, directory, ctx)
        made = builder.build_environment(spec, ctx)
        ctx.log(f"The environment of the version: {made.reference}")
        row = _note_environment(environment, spec, made)
        image = builder.build_model(spec, made, ctx)
        ctx.check()
        ctx.log(f"{image.reference} is ready ({image.size:,} bytes).")
        return _image_row(version, environment, digest, row, image)


def environment_of(package: str, environment: Environment, ctx: RunContext) -> EnvironmentArtifact:
    """An environment that carries a package of mlgov and what it needs, and no model."""
    with _in_words():
        builder = builder_for(environment)
        builder.check()
        spec = BuildSpec(
            model_dir=runtime.source(package),
            artifact_digest="",
            # It runs on the Python that mlgov itself runs on, of which its requirements are known.
            python_version=platform.python_version(),
            requirements=(),
            name=package,
            version=0,
            registry=environment.registry,
            registry_auth=_registry_auth(environment, ctx),
            runtime=package,
        )
        return builder.build_environment(spec, ctx)


def builder_for(environment: Environment) -> Builder:
    """The builder of an environment, told where this installation keeps its things."""
    ours = {
        "envs_dir": str(settings.MLGOV_DATA_DIR / "envs"),
        "models_dir": str(settings.MLGOV_DATA_DIR / "models"),
        "uv": settings.CONFIGURATION.uv,
        "docker_host": settings.CONFIGURATION.docker_url,
    }
    given = {name: value for name, value in ours.items() if value}
    return builders.builder(environment.builder, {**given, **environment.options})


def _materialise(version: ModelVersion, digest: str, directory: Path, ctx: RunContext) -> None:
    found = storage.materialise(version, directory)
    if found != digest:
        raise RunFailure(
            "builds.platform.digest-mismatch",
            f"The files of {version} have the digest {found}, and {digest} was approved.",
            "Nothing was built. Check the artifact store for damage or tampering, then retry.",
        )
    ctx.log(f"The files have the digest that was approved: {found}")


def _spec(build: Build, directory: Path, ctx: RunContext) -> BuildSpec:
    labels = {
        f"{LABELS}.review": str(build.review_id or ""),
        f"{LABELS}.build": str(build.pk),
    }
    return _spec_of(
        build.version, build.environment, build.artifact_digest, directory, ctx, **labels
    )


def _spec_of(
    version: ModelVersion,
    environment: Environment,
    digest: str,
    directory: Path,
    ctx: RunContext,
    **labels: str,
) -> BuildSpec:
    return BuildSpec(
        model_dir=directory,
        artifact_digest=digest,
        python_version=version.python_version,
        requirements=tuple(version.requirements),
        name=version.model.name,
        version=version.number,
        labels={
            f"{LABELS}.model": version.model.name,
            f"{LABELS}.version": str(version.number),
            f"{LABELS}.digest": digest,
            f"{LABELS}.project": version.model.project.slug,
            **labels,
        },
        registry=environment.registry,
        registry_auth=_registry_auth(environment, ctx),
    )


def _registry_auth(environment: Environment, ctx: RunContext) -> tuple[str, str] | None:
    if not environment.registry_username:
        return None
    ctx.mask(environment.registry_password)
    return (environment.registry_username, environment.registry_password)


def _note_environment(
    where: Environment, spec: BuildSpec, environment: EnvironmentArtifact
) -> EnvironmentImage:
    """The row of an environment image. Of two builds that make the same one, both get it."""
    row, is_new = EnvironmentImage.objects.get_or_create(
        builder=where.builder,
        registry=where.registry,
        key=environment.key,
        defaults={
            "reference": environment.reference,
            "lock": environment.lock,
            "python_version": spec.python_version,
        },
    )
    if not is_new and row.reference != environment.reference:
        # It had gone from the registry or the disk, and was made anew.
        row.reference = environment.reference
        row.save(update_fields=["reference"])
    return row


@transaction.atomic
def _note_image(build: Build, environment: EnvironmentImage, image: ImageArtifact) -> ModelImage:
    row = _image_row(build.version, build.environment, build.artifact_digest, environment, image)
    build.image = row
    build.save(update_fields=["image"])
    return row


def _image_row(
    version: ModelVersion,
    where: Environment,
    digest: str,
    environment: EnvironmentImage,
    image: ImageArtifact,
) -> ModelImage:
    if image.artifact_digest != digest:
        raise RunFailure(
            "builds.platform.digest-mismatch",
            f"The image holds the digest {image.artifact_digest}, and {digest} was approved.",
            "The image is not used. Check the worker, then retry.",
        )
    row, _ = ModelImage.objects.get_or_create(
        version=version,
        builder=where.builder,
        registry=where.registry,
        digest=image.digest,
        defaults={
            "environment_image": environment,
            "reference": image.reference,
            "artifact_digest": image.artifact_digest,
            "size": image.size,
        },
    )
    return row


@contextmanager
def _directory(run_id: int) -> Iterator[Path]:
    """A place for the artifacts while they are packed; what killed workers left is swept out."""
    home = settings.MLGOV_DATA_DIR / "work"
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    for left in home.glob("build-*"):
        number = left.name.removeprefix("build-")
        if number.isdigit() and not Run.objects.filter(pk=number, state__in=UNFINISHED).exists():
            shutil.rmtree(left, ignore_errors=True)
    directory = home / f"build-{run_id}"
    shutil.rmtree(directory, ignore_errors=True)
    (directory / "model").mkdir(parents=True)
    try:
        yield directory / "model"
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@contextmanager
def _in_words() -> Iterator[None]:
    """Refusals of other apps, and of the disk, as failures of the run."""
    try:
        yield
    except DomainError as refusal:
        raise RunFailure(
            f"builds.platform.{refusal.code.replace('_', '-')}",
            refusal.message,
            "Mend what the sentence names, then retry the build.",
        ) from refusal
    except OSError as error:
        if not is_full(error):
            raise
        raise RunFailure(
            "builds.platform.disk-full",
            f"The disk of the worker is full: there is no room in {settings.MLGOV_DATA_DIR}.",
            "Make room there, then retry the build.",
        ) from error
