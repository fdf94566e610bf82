import sys
from pathlib import Path

import pytest

from tests.serving import models

SERVING = Path(__file__).resolve().parents[2] / "serving"
sys.path.insert(0, str(SERVING))  # the product does not import it: it runs next to models only

from mlgov_serving.guard import Guard  # noqa: E402
from mlgov_serving.identity import Identity  # noqa: E402
from mlgov_serving.runtime import application  # noqa: E402


@pytest.fixture(scope="session")
def iris_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("models") / "iris"
    models.save_iris(directory)
    return directory


@pytest.fixture(scope="session")
def brittle_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("models") / "brittle"
    models.save_brittle(directory)
    return directory


@pytest.fixture(scope="session")
def identity() -> Identity:
    return Identity("justice/Straße", "3", "arrests", "12", "sha256:ab")


@pytest.fixture
def iris_app(iris_dir: Path, identity: Identity) -> Guard:
    return application(str(iris_dir), identity, max_body=100_000)


@pytest.fixture(scope="session")
def brittle_app(brittle_dir: Path, identity: Identity) -> Guard:
    return application(str(brittle_dir), identity)
