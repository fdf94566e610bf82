import dataclasses
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from apps.runs.failures import RunFailure
from tests.contract.builders import packed
from tests.contract.builders.packed import Notes
from tests.serving import models

pytestmark = pytest.mark.slow


def test_a_python_that_is_not_there_is_reported(tmp_path):
    models.save_brittle(tmp_path / "model")
    builder = packed.make("venv")
    spec = packed.spec_of(tmp_path / "model", python_version="3.10.1", requirements=())

    with pytest.raises(RunFailure) as failure:
        builder.build_environment(dataclasses.replace(spec, python_version="3.99.0"), Notes())

    assert failure.value.code == "builds.platform.python-missing"
    assert "3.99" in failure.value.text


def test_two_workers_make_one_copy(tmp_path):
    models.save_brittle(tmp_path / "model")
    made = packed.iris("venv")
    spec = packed.spec_of(tmp_path / "model")

    with ThreadPoolExecutor(4) as pool:
        images = list(
            pool.map(
                lambda _: packed.make("venv").build_model(spec, made.environment, Notes()), range(4)
            )
        )

    assert images == [images[0]] * 4


def test_a_copy_that_was_changed_is_replaced(tmp_path):
    models.save_brittle(tmp_path / "model")
    made = packed.iris("venv")
    spec = packed.spec_of(tmp_path / "model")
    image = made.builder.build_model(spec, made.environment, Notes())
    copied = Path(image.reference.removeprefix("model:")) / "code" / "brittle.py"
    copied.chmod(0o644)
    copied.write_text("import os")

    made.builder.build_model(spec, made.environment, Notes())

    assert copied.read_text() == (tmp_path / "model" / "code" / "brittle.py").read_text()


def test_an_environment_that_was_not_finished_is_made_again():
    made = packed.iris("venv")
    home = Path(made.environment.reference.removeprefix("venv:"))
    (home / ".complete").unlink()

    again = made.builder.build_environment(made.spec, Notes())

    assert (again.reused, again.reference) == (False, made.environment.reference)
    python = home / "bin" / "python"
    subprocess.run([python, "-c", "import mlgov_serving.runtime, sklearn"], check=True)


def test_nothing_outside_its_directories_is_removed(tmp_path):
    (tmp_path / "model").mkdir()

    packed.make("venv").remove(f"model:{tmp_path / 'model'}")

    assert (tmp_path / "model").is_dir()
