import io
from collections.abc import Callable, Iterator

import pytest

from apps.accounts.models import User
from apps.evaluations import services
from apps.evaluations.models import Evaluation, EvaluationDataSet
from apps.projects.models import Project
from apps.registry.models import ModelVersion, RegisteredModel
from apps.stages.models import Environment
from tests import factories
from tests.builds.parts import in_memory_parts
from tests.evaluations.parts import MemorySandbox

__all__ = ["in_memory_parts"]
CSV = b"a,region,sex,label\n1,north,f,0\n2,south,m,1\n"
Start = Callable[..., Evaluation]


@pytest.fixture(autouse=True)
def fresh_sandbox() -> Iterator[None]:
    MemorySandbox.seen.clear()
    MemorySandbox.answer = None
    yield
    MemorySandbox.answer = None


@pytest.fixture
def environment(db: None) -> Environment:
    return factories.make_environment("live")


@pytest.fixture
def version(model: RegisteredModel, data_scientist: User, environment: Environment) -> ModelVersion:
    return factories.make_stored_version(
        model,
        by=data_scientist,
        signature={"inputs": [{"name": "a", "type": "double", "required": True}]},
    )


def upload(project: Project, by: User, content: bytes = CSV, **asked: str) -> EvaluationDataSet:
    given = {"name": "holdout", "filename": "holdout.csv", **asked}
    return services.upload_data_set(
        project, file=io.BytesIO(content), size=len(content), by=by, **given
    )


@pytest.fixture
def data_set(version: ModelVersion, data_scientist: User) -> EvaluationDataSet:
    return upload(version.model.project, data_scientist)


@pytest.fixture
def start(version: ModelVersion, data_set: EvaluationDataSet, data_scientist: User) -> Start:
    def made(**asked: object) -> Evaluation:
        given: dict[str, object] = {"kind": "binary", "target": "label", "by": data_scientist}
        return services.start_evaluation(version, data_set, **{**given, **asked})  # type: ignore[arg-type]

    return made
