"""What every builder promises."""

import dataclasses
import threading
import time

import pytest

from apps.builds.builders import registry
from apps.builds.builders.base import Unheard
from apps.core.errors import Invalid
from apps.runs.failures import RunFailure
from tests.contract.builders import packed
from tests.contract.builders.packed import Notes
from tests.serving import models

KINDS = [
    pytest.param("venv", marks=pytest.mark.slow),
    pytest.param("docker", marks=[pytest.mark.docker, pytest.mark.slow]),
]
every_builder = pytest.mark.parametrize("kind", KINDS)


@pytest.fixture
def model_dir(tmp_path):
    models.save_brittle(tmp_path / "model")
    return tmp_path / "model"


def test_builders_are_found_by_name():
    assert registry.names() == ["docker", "venv"]


def test_an_unknown_builder_is_refused_with_the_known_ones():
    with pytest.raises(Invalid, match=r"no builder 'podman'\. Installed are: docker, venv"):
        registry.builder("podman")


@every_builder
def test_a_builder_that_can_work_says_so(kind):
    packed.make(kind).check()


@every_builder
def test_the_same_requirements_share_an_environment(kind):
    first = packed.iris(kind)
    second = dataclasses.replace(first.spec, version=9, requirements=first.spec.requirements[::-1])

    again = packed.make(kind).build_environment(second, Notes())

    assert again == dataclasses.replace(first.environment, reused=True)


@every_builder
def test_the_key_follows_what_is_installed(kind):
    spec = packed.iris(kind).spec
    builder = packed.make(kind)

    other = dataclasses.replace(spec, requirements=(*spec.requirements, "tomli-w"))

    assert builder.environment_key(spec) == packed.iris(kind).environment.key
    assert builder.environment_key(other) != builder.environment_key(spec)


@every_builder
def test_the_lock_names_everything_with_hashes(kind):
    lock = packed.iris(kind).environment.lock

    assert "scikit-learn==" in lock
    assert "uvicorn==" in lock  # of the serving runtime
    assert lock.count("--hash=sha256:") > lock.count("==")


@every_builder
def test_building_the_same_again_gives_the_same_image(kind):
    made = packed.iris(kind)

    assert packed.make(kind).build_model(made.spec, made.environment, Notes()) == made.image
    assert made.image.artifact_digest == made.spec.artifact_digest


@every_builder
def test_other_files_than_approved_are_not_packed(kind, model_dir):
    made = packed.iris(kind)
    spec = packed.spec_of(model_dir)
    (model_dir / "code" / "brittle.py").write_text("import os")

    with pytest.raises(RunFailure) as refused:
        made.builder.build_model(spec, made.environment, Notes())

    assert refused.value.code == "builds.platform.digest-mismatch"


@every_builder
def test_a_link_out_of_the_model_is_not_packed(kind, model_dir):
    made = packed.iris(kind)
    spec = packed.spec_of(model_dir)
    (model_dir / "data").symlink_to("/etc/passwd")

    with pytest.raises(RunFailure) as refused:
        made.builder.build_model(spec, made.environment, Notes())

    assert refused.value.code == "builds.platform.digest-mismatch"


@every_builder
@pytest.mark.parametrize(
    ("line", "code", "says"),
    [
        (
            "joblib==99.0",
            "builds.model.requirement-not-found",
            "joblib==99.0 cannot be installed",
        ),
        (
            "this-package-is-nowhere-9137>=1  # ours",
            "builds.model.requirement-not-found",
            "this-package-is-nowhere-9137>=1 cannot be installed",
        ),
        (
            "mlflow-skinny==2.9.0",
            "builds.model.requirements-conflict",
            "cannot be installed together",
        ),
        ("docopt==0.6.2", "builds.model.requirement-needs-build", "docopt==0.6.2 cannot be"),
        ("numpy==1.x.y", "builds.model.requirement-invalid", "numpy==1.x.y cannot be installed"),
        (
            "--extra-index-url https://example.com",
            "builds.model.requirement-unsupported",
            "options are not allowed",
        ),
        ("-c ../../../etc/passwd", "builds.model.requirement-unsupported", "not among the model's"),
        (
            "evil @ https://example.com/evil-1-py3-none-any.whl",
            "builds.model.requirement-unsupported",
            "evil @ https://example.com/evil-1-py3-none-any.whl cannot be installed",
        ),
    ],
)
def test_a_requirement_that_cannot_be_installed_is_named(kind, line, code, says, model_dir):
    spec = packed.spec_of(model_dir, requirements=(*models.REQUIREMENTS, line))

    with pytest.raises(RunFailure) as failure:
        packed.make(kind).build_environment(spec, Notes())

    assert failure.value.code == code
    assert says in failure.value.text
    assert failure.value.remedy


@every_builder
def test_an_index_that_does_not_answer_is_not_the_models_fault(kind, model_dir, monkeypatch):
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    monkeypatch.setenv("UV_NO_CACHE", "1")
    spec = packed.spec_of(model_dir, options={"index_url": "http://127.0.0.1:9/simple"})

    with pytest.raises(RunFailure) as failure:
        packed.make(kind).environment_key(spec)

    assert failure.value.code == "builds.platform.index-unreachable"


@every_builder
def test_a_cancelled_build_ends_at_once_and_can_be_repeated(kind, model_dir):
    # another environment than those that are there, so that there is something to interrupt
    lines = (*models.REQUIREMENTS, "tomli-w", f"packaging!={time.time():.0f}")
    spec = packed.spec_of(model_dir, requirements=lines)
    notes, builder = Notes(), packed.make(kind)
    threading.Timer(2.5, notes.cancelled.set).start()

    started = time.monotonic()
    with pytest.raises(packed.Cancelled):
        builder.build_environment(spec, notes)

    assert time.monotonic() - started < 10


@every_builder
def test_what_is_removed_is_gone_and_removing_it_twice_is_harmless(kind, model_dir):
    made = packed.iris(kind)
    image = made.builder.build_model(
        packed.spec_of(model_dir, version=77), made.environment, Notes()
    )

    made.builder.remove(image.reference)
    made.builder.remove(image.reference)

    again = made.builder.build_model(
        packed.spec_of(model_dir, version=77), made.environment, Unheard()
    )
    assert again.artifact_digest == image.artifact_digest
