"""The pages of evaluations, with reports of real measurings."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from apps.accounts.models import User
from apps.evaluations import services
from apps.evaluations.models import Evaluation
from apps.registry.models import RegisteredModel
from tests import factories
from tests.browser.conftest import IN_A_BROWSER, SignIn
from tests.browser.test_accessibility import serious
from tests.builds.parts import drive
from tests.evaluations.conftest import upload
from tests.evaluations.parts import MemorySandbox, Written
from tests.evaluator.models import FEATURES, classifier, patients, regressor, serving

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "serving"))

from mlgov_evaluator import report
from mlgov_evaluator.job import Job
from mlgov_evaluator.server import Server

pytestmark = IN_A_BROWSER
Measure = Callable[..., Evaluation]


@pytest.fixture
def measure(model: RegisteredModel, data_scientist: User, tmp_path: Path) -> Measure:
    """An evaluation of patients whose report was computed here by the real evaluator."""
    factories.make_environment("live")
    version = factories.make_stored_version(model, by=data_scientist)
    frame = patients()
    content = frame.to_csv(index=False).encode()
    (tmp_path / "data").write_bytes(content)
    data_set = upload(model.project, data_scientist, content)

    def made(answers: Callable[[Any], Any], **asked: Any) -> Evaluation:
        job = Job(format="csv", resamples=20, **asked)
        with serving(answers, tmp_path / "model.sock") as address:
            found = report.make(
                job, tmp_path / "data", Server(address, lambda _: None), lambda _: None
            )
        MemorySandbox.answer = Written(report=json.dumps(found).encode(), status=0)
        evaluation = services.start_evaluation(version, data_set, by=data_scientist, **asked)
        drive()
        MemorySandbox.answer = None
        evaluation.refresh_from_db()
        assert evaluation.run.state == "succeeded", evaluation.run.error_text
        return evaluation

    return made


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_reports_are_read_by_everybody_and_on_narrow_screens(
    measure: Measure, sign_in: SignIn, scheme: str
) -> None:
    frame = patients()
    classes, numbers = classifier(frame), regressor(frame)
    asked: dict[str, Any] = {"cohorts": ["sex", "bmi"], "sensitive": ["sex"]}
    binary = measure(
        lambda rows: classes.predict_proba(rows[FEATURES])[:, 1].tolist(),
        kind="binary", target="progressed", **asked,
    )  # fmt: skip
    regression = measure(
        lambda rows: numbers.predict(rows[FEATURES]).tolist(),
        kind="regression", target="target", **asked,
    )  # fmt: skip
    card = f"/models/{binary.version.model.name}/versions/1"
    page = sign_in("scientist", color_scheme=scheme)
    found = []
    for path in (
        f"/evaluations/{binary.pk}",
        f"/evaluations/{regression.pk}",
        f"{card}/evaluations",
        f"{card}/evaluations/new",
        "/projects/credit/data-sets",
        "/projects/credit/evaluation-rules",
    ):
        page.set_viewport_size({"width": 1280, "height": 900})
        page.goto(path)
        found += serious(page)
        page.set_viewport_size({"width": 380, "height": 800})
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= 380, f"{path} is {wide} pixels wide"

    assert found == []
