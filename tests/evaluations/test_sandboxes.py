"""Versions are started for real, in virtual environments and in containers, and measured."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from fairlearn import metrics as fair
from sklearn import metrics as sk

from apps.accounts.models import User
from apps.builds import packing
from apps.builds.builders import runtime
from apps.builds.builders.base import Unheard
from apps.evaluations import services
from apps.evaluations.models import Evaluation
from apps.registry.models import ModelVersion, RegisteredModel
from apps.stages.models import Environment
from tests import factories
from tests.builds.parts import drive
from tests.contract.builders.packed import home
from tests.evaluations import measured
from tests.evaluations.conftest import upload
from tests.evaluator.models import FEATURES, classifier, patients

# The first test of each kind builds the environments, which takes minutes on a slow machine.
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow, pytest.mark.timeout(900)]
KINDS = ["venv", pytest.param("docker", marks=pytest.mark.docker)]
Measure = Callable[..., Evaluation]


@pytest.fixture(params=KINDS)
def environment(request: pytest.FixtureRequest, db: None) -> Environment:
    options = {"envs_dir": str(home() / "envs"), "models_dir": str(home() / "models")}
    return factories.make_environment("live", builder=request.param, options=options, memory_mb=700)


@pytest.fixture
def classifying(
    model: RegisteredModel, data_scientist: User, tmp_path: Path, environment: Environment
) -> ModelVersion:
    measured.save_classifier(tmp_path / "classifier")
    return measured.store(model, tmp_path / "classifier", by=data_scientist)


@pytest.fixture
def hostile(
    model: RegisteredModel, data_scientist: User, tmp_path: Path, environment: Environment
) -> ModelVersion:
    measured.save_hostile(tmp_path / "hostile")
    return measured.store(model, tmp_path / "hostile", by=data_scientist)


@pytest.fixture
def measure(data_scientist: User) -> Measure:
    def made(version: ModelVersion, rows: pd.DataFrame, **asked: object) -> Evaluation:
        content = rows.to_csv(index=False).encode()
        data_set = upload(version.model.project, data_scientist, content)
        evaluation = services.start_evaluation(
            version,
            data_set,
            by=data_scientist,
            **asked,  # type: ignore[arg-type]
        )
        drive()
        evaluation.refresh_from_db()
        return evaluation

    return made


def log_of(evaluation: Evaluation) -> str:
    return "\n".join(evaluation.run.log.values_list("text", flat=True))


def test_a_version_is_measured_as_scikit_learn_and_fairlearn_measure_it(
    classifying: ModelVersion, measure: Measure
) -> None:
    frame = patients()
    model = classifier(frame)
    scores, chosen = model.predict_proba(frame[FEATURES])[:, 1], model.predict(frame[FEATURES])

    evaluation = measure(
        classifying, frame, kind="binary", target="progressed", cohorts=["sex"], sensitive=["sex"]
    )

    assert evaluation.run.state == "succeeded", log_of(evaluation)
    report = evaluation.report
    assert report is not None
    values = {each["name"]: each["value"] for each in report["metrics"]}
    assert values["roc_auc"] == pytest.approx(sk.roc_auc_score(frame["progressed"], scores))
    assert values["f1"] == pytest.approx(sk.f1_score(frame["progressed"], chosen))
    summaries = {each["name"]: each["value"] for each in report["fairness"][0]["summaries"]}
    assert summaries["equalized_odds_difference"] == pytest.approx(
        fair.equalized_odds_difference(frame["progressed"], chosen, sensitive_features=frame["sex"])
    )
    assert report["importance"]["why_not"] == ""
    assert (report["shap"]["why_not"], len(report["shap"]["columns"])) == ("", len(FEATURES))
    assert report["facts"]["artifact_digest"] == classifying.artifact_digest


@pytest.mark.parametrize("environment", KINDS[:1], indirect=True)
def test_shap_values_are_those_of_shap_for_linear_models_and_for_trees(
    environment: Environment,
) -> None:
    """Computed in the environment that measures: shap is installed in no other."""
    unheard: Any = Unheard()
    made = packing.environment_of(runtime.EVALUATOR, environment, unheard)
    python = Path(made.reference.removeprefix("venv:")) / "bin" / "python"
    root = Path(__file__).parents[2]

    ended = subprocess.run(
        [str(python), str(root / "tests/evaluator/shap_numbers.py")],
        env={"PYTHONPATH": str(root / "serving"), "NUMBA_DISABLE_JIT": "1"},
        capture_output=True,
        check=False,
        text=True,
    )

    assert ended.returncode == 0, ended.stderr
    told = json.loads(ended.stdout)
    for name in ("linear", "forest", "chances"):
        found, expected = told[name]
        columns = {each["column"]: each["mean"] for each in found["columns"]}
        assert columns == pytest.approx(expected, rel=1e-4), name
        assert (found["algorithm"], found["rows"], found["why_not"]) == ("exact", 50, "")
    assert "answers labels" in told["labels"][0]["why_not"]
    assert told["text"][0]["columns"][0]["column"] == "sex"


@pytest.mark.parametrize(
    ("deed", "code", "sentence"),
    [
        ("exit", "evaluations.model.died", "I have had enough"),
        ("memory", "evaluations.model.out-of-memory", "more memory than it may"),
    ],
)
def test_a_model_that_ends_is_told_with_its_last_words(
    hostile: ModelVersion, measure: Measure, deed: str, code: str, sentence: str
) -> None:
    rows = pd.DataFrame({"deed": [deed] * 40, "label": [0.5] * 40})

    evaluation = measure(hostile, rows, kind="regression", target="label")

    assert evaluation.run.error_code == code, log_of(evaluation)
    assert sentence in evaluation.run.error_text + log_of(evaluation)


def test_a_model_that_shouts_is_measured_and_its_words_are_not_kept(
    hostile: ModelVersion, measure: Measure
) -> None:
    rows = pd.DataFrame({"deed": ["shout"] * 5, "label": [0.5] * 5})

    evaluation = measure(hostile, rows, kind="regression", target="label")

    assert evaluation.run.state == "succeeded", log_of(evaluation)
    assert len(log_of(evaluation)) < 100_000


@pytest.mark.parametrize("environment", [KINDS[1]], indirect=True)
def test_a_model_in_a_container_has_no_network_and_not_the_data_set(
    hostile: ModelVersion, measure: Measure
) -> None:
    rows = pd.DataFrame({"deed": ["look"] * 5, "label": [0.5] * 5})

    evaluation = measure(hostile, rows, kind="regression", target="label")

    assert evaluation.run.state == "succeeded", log_of(evaluation)
    assert evaluation.report is not None
    assert {dot["predicted"] for dot in evaluation.report["pictures"]["residuals"]["dots"]} == {0}
