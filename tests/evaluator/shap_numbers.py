"""Run by the environment that measures: SHAP values of a report beside those of shap's explainers
for linear models and for trees, which know the inside of the model. Prints them as JSON."""

import json
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import shap
from mlgov_evaluator import shapley
from mlgov_evaluator.job import Job
from mlgov_evaluator.predictions import outcome
from sklearn.datasets import load_diabetes
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression

COLUMNS = ["age", "sex", "bmi", "bp", "s5"]
Answers = Callable[[pd.DataFrame], list[Any]]


class Remote:
    """A model as the evaluator asks for it."""

    rows, seconds = 1_000_000, 1.0

    def __init__(self, answers: Answers) -> None:
        self.predict = answers


def of_report(answers: Answers, frame: pd.DataFrame, target: str, kind: str) -> dict[str, Any]:
    job = Job(kind=kind, target=target, format="csv", seed=3)
    features = frame[COLUMNS]
    whole = outcome(frame[target], answers(features), job)
    server: Any = Remote(answers)
    return shapley.of(server, features, frame[target], whole, job, deadline=float("inf"))


def means(explainer: Any, rows: pd.DataFrame) -> dict[str, float]:
    values = explainer.shap_values(rows.to_numpy(), check_additivity=False) if isinstance(
        explainer, shap.TreeExplainer
    ) else explainer(rows.to_numpy()).values  # fmt: skip
    return dict(zip(COLUMNS, np.abs(values).mean(axis=0).tolist(), strict=True))


def main() -> None:
    frame = load_diabetes(as_frame=True, scaled=False).frame
    # Whole numbers: close to a threshold, trees of scikit-learn and those of shap may disagree.
    frame = frame.round(0)
    frame["progressed"] = (frame["target"] > frame["target"].median()).astype(int)
    features = frame[COLUMNS]
    background, explained = shapley.samples(len(frame), 3)
    usual, rows = features.iloc[background], features.iloc[explained]
    masker = shap.maskers.Independent(usual.to_numpy(), max_samples=len(usual))

    linear = LinearRegression().fit(features.to_numpy(), frame["target"])
    forest = RandomForestRegressor(5, max_depth=4, random_state=0)
    forest.fit(features.to_numpy(), frame["target"])
    chances = LogisticRegression(max_iter=2_000).fit(features.to_numpy(), frame["progressed"])

    def of_linear(table: pd.DataFrame) -> list[float]:
        found: list[float] = linear.predict(table.to_numpy()).tolist()
        return found

    def of_forest(table: pd.DataFrame) -> list[float]:
        found: list[float] = forest.predict(table.to_numpy()).tolist()
        return found

    def share(table: pd.DataFrame) -> list[float]:
        found: list[float] = chances.predict_proba(table.to_numpy())[:, 1].tolist()
        return found

    told = {
        "linear": (
            of_report(of_linear, frame, "target", "regression"),
            means(shap.LinearExplainer(linear, masker), rows),
        ),
        "forest": (
            of_report(of_forest, frame, "target", "regression"),
            means(
                shap.TreeExplainer(forest, usual.to_numpy(), feature_perturbation="interventional"),
                rows,
            ),
        ),
        "chances": (
            of_report(share, frame, "progressed", "binary"),
            means(
                shap.explainers.Exact(lambda t: chances.predict_proba(t)[:, 1], masker), rows
            ),
        ),
        "labels": (of_report(lambda t: ["0"] * len(t), frame, "progressed", "binary"), {}),
    }  # fmt: skip
    text = frame.assign(sex=frame["sex"].map({1.0: "one", 2.0: None}))

    def by_sex(table: pd.DataFrame) -> list[float]:
        return [10.0 if value is None or value != value else 0.0 for value in table["sex"]]

    told["text"] = (of_report(by_sex, text, "target", "regression"), {})
    json.dump(told, sys.stdout)


if __name__ == "__main__":
    main()
