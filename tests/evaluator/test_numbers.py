"""The numbers of a report are those of scikit-learn and fairlearn on the same predictions."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from fairlearn import metrics as fair
from jsonschema import Draft202012Validator
from mlgov_evaluator import report
from mlgov_evaluator.job import Feature, Job
from mlgov_evaluator.server import Server
from sklearn import metrics as sk

from tests.evaluator.models import FEATURES, classifier, patients, regressor

SCHEMA = Path(__file__).parents[2] / "apps/evaluations/schema/report-1.json"
VALIDATOR = Draft202012Validator(json.loads(SCHEMA.read_text()))
Evaluate = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return patients()


@pytest.fixture
def evaluate(tmp_path: Path, frame: pd.DataFrame, serve: Any, nothing_said: Any) -> Evaluate:
    def made(answers: Any, rows: pd.DataFrame = frame, **asked: Any) -> dict[str, Any]:
        path = tmp_path / "data"
        rows.to_csv(path, index=False)
        features = tuple(Feature(name, "double") for name in FEATURES)
        job = Job(format="csv", features=features, seed=7, resamples=40, **asked)
        found = report.make(job, path, Server(serve(answers), nothing_said), nothing_said)
        json.dumps(found, allow_nan=False)
        assert list(VALIDATOR.iter_errors(found)) == []
        return found

    return made


def test_a_binary_report_has_the_numbers_of_scikit_learn(
    evaluate: Evaluate, frame: pd.DataFrame
) -> None:
    model = classifier(frame)
    scores = model.predict_proba(frame[FEATURES])[:, 1]
    chosen, true = (scores >= 0.5).astype(int), frame["progressed"]

    found = evaluate(
        lambda rows: model.predict_proba(rows)[:, 1].tolist(), kind="binary", target="progressed"
    )

    assert {each["name"]: each["value"] for each in found["metrics"]} == pytest.approx(
        {
            "accuracy": sk.accuracy_score(true, chosen),
            "balanced_accuracy": sk.balanced_accuracy_score(true, chosen),
            "precision": sk.precision_score(true, chosen),
            "recall": sk.recall_score(true, chosen),
            "f1": sk.f1_score(true, chosen),
            "matthews": sk.matthews_corrcoef(true, chosen),
            "roc_auc": sk.roc_auc_score(true, scores),
            "average_precision": sk.average_precision_score(true, scores),
            "log_loss": sk.log_loss(true, scores),
            "brier_score": sk.brier_score_loss(true, scores),
        }
    )
    for each in found["metrics"]:
        assert each["ci_low"] < each["value"] < each["ci_high"], each
    pictures = found["pictures"]
    assert pictures["confusion"] == {
        "labels": ["0", "1"],
        "matrix": sk.confusion_matrix(true, chosen).tolist(),
    }
    area = sk.auc(pictures["roc"]["fpr"], pictures["roc"]["tpr"])
    assert area == pytest.approx(sk.roc_auc_score(true, scores), abs=0.01)
    assert sum(each["rows"] for each in pictures["calibration"]) == len(frame)
    half = next(each for each in pictures["thresholds"] if each["threshold"] == 0.5)
    assert half["precision"] == pytest.approx(sk.precision_score(true, chosen))


def test_fairness_has_the_numbers_of_fairlearn(evaluate: Evaluate, frame: pd.DataFrame) -> None:
    model = classifier(frame)
    chosen, true, sex = model.predict(frame[FEATURES]), frame["progressed"], frame["sex"]
    expected = fair.MetricFrame(
        metrics={
            "selection_rate": fair.selection_rate,
            "true_positive_rate": fair.true_positive_rate,
            "false_positive_rate": fair.false_positive_rate,
            "false_negative_rate": fair.false_negative_rate,
            "accuracy": sk.accuracy_score,
        },
        y_true=true,
        y_pred=chosen,
        sensitive_features=sex,
    )

    found = evaluate(
        lambda rows: model.predict(rows).tolist(),
        kind="binary",
        target="progressed",
        sensitive=("sex",),
    )

    (entry,) = found["fairness"]
    assert {each["name"]: each["values"] for each in entry["groups"]} == {
        name: pytest.approx(values) for name, values in expected.by_group.to_dict("index").items()
    }
    for each in entry["measures"]:
        assert (each["overall"], each["difference"], each["ratio"]) == pytest.approx(
            (
                expected.overall[each["name"]],
                expected.difference()[each["name"]],
                expected.ratio()[each["name"]],
            )
        )
    summaries = {each["name"]: each["value"] for each in entry["summaries"]}
    assert summaries["demographic_parity_difference"] == pytest.approx(
        fair.demographic_parity_difference(true, chosen, sensitive_features=sex)
    )
    assert summaries["equalized_odds_ratio"] == pytest.approx(
        fair.equalized_odds_ratio(true, chosen, sensitive_features=sex)
    )
    assert found["has_scores"] is False
    assert "roc" not in found["pictures"]


def test_a_regression_report_has_residuals_cohorts_and_the_worst_slices(
    evaluate: Evaluate, frame: pd.DataFrame
) -> None:
    model = regressor(frame)

    def worse_for_the_old(rows: pd.DataFrame) -> list[float]:
        guesses = model.predict(rows)
        return [guess + 150 * (age > 59) for guess, age in zip(guesses, rows["age"], strict=True)]

    predicted = worse_for_the_old(frame[FEATURES])
    found = evaluate(
        worse_for_the_old,
        kind="regression",
        target="target",
        cohorts=("sex", "bmi"),
        sensitive=("sex",),
    )

    values = {each["name"]: each["value"] for each in found["metrics"]}
    assert values["rmse"] == pytest.approx(sk.root_mean_squared_error(frame["target"], predicted))
    assert values["r2"] == pytest.approx(sk.r2_score(frame["target"], predicted))
    sex, bmi = found["cohorts"]
    women = frame["sex"] == "other"
    assert sex["groups"][1]["metrics"]["mae"] == pytest.approx(
        sk.mean_absolute_error(frame["target"][women], pd.Series(predicted)[women])
    )
    assert [each["rows"] for each in bmi["groups"]] == pytest.approx([110] * 4, abs=5)
    worst = found["found"][0]
    assert (worst["column"], worst["name"]) == ("age", "59 to 79")
    old = frame["age"] > 59
    errors = (frame["target"] - predicted).abs()
    assert worst["error"]["mean"] == pytest.approx(errors[old].mean())
    assert worst["error"]["ci_low"] < worst["error"]["mean"] < worst["error"]["ci_high"]
    assert worst["error_elsewhere"]["mean"] == pytest.approx(errors[~old].mean())
    assert worst["p_value"] < 0.001 < found["looked_at"]
    assert sum(found["pictures"]["residuals"]["histogram"]["counts"]) == len(frame)
    importance = found["importance"]
    assert importance["why_not"] == ""
    assert {each["column"] for each in importance["columns"]} == set(FEATURES)


def test_what_errs_only_where_two_columns_meet_is_found_with_both_of_them(
    evaluate: Evaluate, frame: pd.DataFrame
) -> None:
    rows = frame.assign(place=["north", "south"] * 221, target=frame["target"] * 0)
    both = (rows["place"] == "south") & (rows["sex"] == "one")

    found = evaluate(
        lambda features: (10.0 * both + frame["age"] % 7 / 10).tolist()[: len(features)],
        rows,
        kind="regression",
        target="target",
    )

    worst = found["found"][0]
    assert sorted(worst["column"].split(" and ")) == ["place", "sex"]
    said = worst["name"].replace("not north", "south").replace("not other", "one")
    assert sorted(said.split(" and ")) == ["one", "south"]
    assert worst["rows"] == int(both.sum())


def test_chance_alone_is_not_called_a_finding(evaluate: Evaluate, frame: pd.DataFrame) -> None:
    wrong = np.random.default_rng(1).random(len(frame)) < 0.3
    guesses = np.where(wrong, 1 - frame["progressed"], frame["progressed"])

    found = evaluate(lambda rows: guesses[: len(rows)].tolist(), kind="binary", target="progressed")

    assert all(each["p_value"] > 0.01 for each in found["found"])
    assert found["looked_at"] > 20


def test_the_column_that_decides_is_the_most_important(evaluate: Evaluate) -> None:
    found = evaluate(
        lambda rows: (rows["bmi"] > 25.7).astype(int).tolist(),
        kind="binary",
        target="progressed",
    )

    columns = found["importance"]["columns"]
    assert columns[0]["column"] == "bmi"
    assert all(each["mean"] == 0 for each in columns[1:])


def test_probabilities_of_several_classes_are_read_in_the_order_of_scikit_learn(
    evaluate: Evaluate, frame: pd.DataFrame
) -> None:
    rows = frame.assign(level=pd.qcut(frame["target"], 3, labels=["low", "mid", "high"]))

    def shares(features: pd.DataFrame) -> list[list[float]]:
        # scikit-learn's order: high, low, mid.
        return [[0.6, 0.3, 0.1] if bmi > 27 else [0.1, 0.5, 0.4] for bmi in features["bmi"]]

    found = evaluate(shares, rows, kind="multiclass", target="level")

    guessed = ["high" if bmi > 27 else "low" for bmi in rows["bmi"]]
    values = {each["name"]: each["value"] for each in found["metrics"]}
    assert values["accuracy"] == pytest.approx(sk.accuracy_score(rows["level"], guessed))
    assert values["log_loss"] == pytest.approx(sk.log_loss(rows["level"], shares(rows)))
    assert values["roc_auc_ovr"] == pytest.approx(
        sk.roc_auc_score(rows["level"], shares(rows), multi_class="ovr")
    )
    assert found["notes"] == ["The model never predicts “mid” on this data set."]


def test_a_group_of_few_rows_is_called_too_small_and_sets_no_difference(
    evaluate: Evaluate, frame: pd.DataFrame
) -> None:
    rows = frame.copy()
    rows.loc[:4, "sex"] = "unknown"

    found = evaluate(
        lambda features: (features["bmi"] > 26).astype(int).tolist(),
        rows,
        kind="binary",
        target="progressed",
        cohorts=("sex",),
        sensitive=("sex",),
    )

    small = [each for each in found["cohorts"][0]["groups"] if each["name"] == "unknown"]
    assert small == [{"name": "unknown", "rows": 5, "too_small": True, "metrics": {}}]
    (entry,) = found["fairness"]
    large = rows["sex"] != "unknown"
    chosen = (rows["bmi"] > 26).astype(int)
    assert entry["summaries"][0]["value"] == pytest.approx(
        fair.demographic_parity_difference(
            rows["progressed"][large], chosen[large], sensitive_features=rows["sex"][large]
        )
    )
    assert [each["too_small"] for each in entry["groups"]] == [False, False, True]


def test_the_same_seed_makes_the_same_report(evaluate: Evaluate, frame: pd.DataFrame) -> None:
    model = classifier(frame)

    def answers(rows: pd.DataFrame) -> list[list[float]]:
        shares: list[list[float]] = model.predict_proba(rows).tolist()
        return shares

    first, second = (evaluate(answers, kind="binary", target="progressed") for _ in range(2))

    assert {**first, "latency": 0} == {**second, "latency": 0}
