"""What a build does, step by step. Every step may be repeated after a crash."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.db import transaction

from apps.builds.builders import registry as builders
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
            _materialise(build, directory, ctx)
        with ctx.step("environment", "Python and its packages"):
            environment = builder.build_environment(spec, ctx)
            ctx.log(
                f"{environment.reference} is there already and is used again."
                if environment.reused
                else f"{environment.reference} was made."
            )
            row = _note_environment(build, spec, environment)
        with ctx.step("image", "The model's image"):
            image = builder.build_model(spec, environment, ctx)
            ctx.check()
            _note_image(build, row, image)
            ctx.log(f"{image.reference} is ready ({image.size:,} bytes).")


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


def _materialise(build: Build, directory: Path, ctx: RunContext) -> None:
    found = storage.materialise(build.version, directory)
    if found != build.artifact_digest:
        raise RunFailure(
            "builds.platform.digest-mismatch",
            f"The files of {build.version} have the digest {found}, "
            f"and {build.artifact_digest} was approved.",
            "Nothing was built. Check the artifact store for damage or tampering, then retry.",
        )
    ctx.log(f"The files have the digest that was approved: {found}")


def _spec(build: Build, directory: Path, ctx: RunContext) -> BuildSpec:
    version, environment = build.version, build.environment
    auth = None
    if environment.registry_username:
        ctx.mask(environment.registry_password)
        auth = (environment.registry_username, environment.registry_password)
    return BuildSpec(
        model_dir=directory,
        artifact_digest=build.artifact_digest,
        python_version=version.python_version,
        requirements=tuple(version.requirements),
        name=version.model.name,
        version=version.number,
        labels={
            f"{LABELS}.model": version.model.name,
            f"{LABELS}.version": str(version.number),
            f"{LABELS}.digest": build.artifact_digest,
            f"{LABELS}.review": str(build.review_id or ""),
            f"{LABELS}.project": version.model.project.slug,
            f"{LABELS}.build": str(build.pk),
        },
        registry=environment.registry,
        registry_auth=auth,
    )


def _note_environment(
    build: Build, spec: BuildSpec, environment: EnvironmentArtifact
) -> EnvironmentImage:
    """The row of an environment image. Of two builds that make the same one, both get it."""
    row, is_new = EnvironmentImage.objects.get_or_create(
        builder=build.environment.builder,
        registry=build.environment.registry,
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
    if image.artifact_digest != build.artifact_digest:
        raise RunFailure(
            "builds.platform.digest-mismatch",
            f"The image holds the digest {image.artifact_digest}, "
            f"and {build.artifact_digest} was approved.",
            "The image is not used. Check the worker, then retry.",
        )
    row, _ = ModelImage.objects.get_or_create(
        version=build.version,
        builder=build.environment.builder,
        registry=build.environment.registry,
        digest=image.digest,
        defaults={
            "environment_image": environment,
            "reference": image.reference,
            "artifact_digest": image.artifact_digest,
            "size": image.size,
        },
    )
    build.image = row
    build.save(update_fields=["image"])
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
