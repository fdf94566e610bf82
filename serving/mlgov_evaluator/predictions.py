"""What the model said and what is true, as arrays that scikit-learn compares."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from mlgov_evaluator.failures import Failure, listed, shown
from mlgov_evaluator.job import BINARY, REGRESSION, Job

MOST_CLASSES = 200


@dataclass(frozen=True)
class Outcome:
    """For a binary kind, `truth` and `predicted` are 0 and 1, and `classes` names them in that
    order. For several classes they are names. `scores` are probabilities where the model gives
    them: of the positive class, or one column for each class."""

    kind: str
    truth: np.ndarray
    predicted: np.ndarray
    scores: np.ndarray | None
    classes: tuple[str, ...]

    def take(self, rows: np.ndarray) -> "Outcome":
        scores = None if self.scores is None else self.scores[rows]
        return Outcome(self.kind, self.truth[rows], self.predicted[rows], scores, self.classes)


def outcome(
    truth: pd.Series, answers: list[Any], job: Job, classes: tuple[str, ...] = ()
) -> Outcome:
    """Raises `Failure` where the answers are not what the kind of the evaluation needs.

    The classes are those of `truth`, unless others are given that it is a sample of.
    """
    if job.kind == REGRESSION:
        values = _numbers(_unwrapped(answers, job))
        return Outcome(job.kind, truth.to_numpy(dtype=float), values, None, ())
    true = [name_of(value) for value in truth.tolist()]
    classes = classes or _classes(true, job)
    plain = _columns_of_classes(_unwrapped(answers, job), classes)
    if job.kind == BINARY:
        return _binary(true, plain, classes, job)
    return _several(true, plain, classes, job)


def name_of(value: Any) -> str:
    """One spelling of a label, whether it comes from CSV, from JSON or from a model."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    # Names of classes and groups go into a report, and with it into databases.
    return "".join(each if each.isprintable() else "�" for each in str(value).strip())


def in_order(names: set[str]) -> tuple[str, ...]:
    """As scikit-learn sorts its classes: by number where all are numbers."""
    try:
        return tuple(sorted(names, key=float))
    except ValueError:
        return tuple(sorted(names))


def _classes(true: list[str], job: Job) -> tuple[str, ...]:
    found = in_order(set(true))
    if len(found) < 2:
        raise Failure(
            "project.one-class",
            f"Every row of the data set has the label “{shown(found[0])}” in “{job.target}”, so "
            "there is nothing to tell apart.",
            "Upload a data set with rows of each class.",
        )
    if job.kind == BINARY:
        if len(found) > 2:
            raise Failure(
                "project.not-binary",
                f"“{job.target}” has {len(found)} labels: {listed(list(found), 5)}.",
                "Start the evaluation again for several classes.",
            )
        positive = job.positive or found[1]
        if positive not in found:
            raise Failure(
                "project.no-positive",
                f"No row has the positive label “{shown(positive)}”; the labels are "
                f"{listed(list(found))}.",
                "Choose one of them as positive.",
            )
        return (*(name for name in found if name != positive), positive)
    if len(found) > MOST_CLASSES:
        raise Failure(
            "project.too-many-classes",
            f"“{job.target}” has {len(found)} labels, and an evaluation takes {MOST_CLASSES}.",
            "If it is a quantity, start the evaluation again as a regression.",
        )
    return found


def _unwrapped(answers: list[Any], job: Job) -> list[Any]:
    """Of answers with several columns, the one that was chosen; of one column, that."""
    first = answers[0]
    if isinstance(first, dict):
        keys = list(first)
        if any(not isinstance(each, dict) or list(each) != keys for each in answers):
            raise _wrong_type("are objects with different keys")
        if job.prediction_column:
            if job.prediction_column not in keys:
                raise Failure(
                    "project.no-prediction-column",
                    f"The model's answers have no “{job.prediction_column}”. They have "
                    f"{listed(keys)}.",
                    "Choose one of them as the column of predictions.",
                )
            return [each[job.prediction_column] for each in answers]
        if len(keys) == 1:
            return [each[keys[0]] for each in answers]
        return answers
    if isinstance(first, list) and len(first) == 1:
        return [each[0] if isinstance(each, list) and len(each) == 1 else each for each in answers]
    return answers


def _columns_of_classes(answers: list[Any], classes: tuple[str, ...]) -> list[Any]:
    """Objects of class and probability as lists in the order of scikit-learn's classes."""
    if not isinstance(answers[0], dict):
        return answers
    keys = [name_of(key) for key in answers[0]]
    if set(keys) != set(classes):
        raise Failure(
            "project.no-prediction-column",
            f"The model answers several columns: {listed(keys)}.",
            "Say which of them is the prediction.",
        )
    by_name = dict(zip(keys, list(answers[0]), strict=True))
    return [[each[by_name[name]] for name in in_order(set(classes))] for each in answers]


def _binary(true: list[str], answers: list[Any], classes: tuple[str, ...], job: Job) -> Outcome:
    positive = classes[1]
    truth = np.array([int(name == positive) for name in true])
    scores = None
    if isinstance(answers[0], list):
        shares = _shares(answers, 2)
        scores = shares[:, in_order(set(classes)).index(positive)]
    else:
        names = [_as_label(value, classes) for value in answers]
        if set(names) <= set(classes):
            return Outcome(
                job.kind, truth, np.array([int(name == positive) for name in names]), None, classes
            )
        if not all(_is_share(value) for value in answers):
            raise _unknown_labels(set(names), classes)
        scores = np.array(answers, dtype=float)
    predicted = (scores >= job.threshold).astype(int)
    return Outcome(job.kind, truth, predicted, scores, classes)


def _several(true: list[str], answers: list[Any], classes: tuple[str, ...], job: Job) -> Outcome:
    truth = np.array(true, dtype=object)
    if isinstance(answers[0], list):
        shares = _shares(answers, len(classes))
        predicted = np.array(classes, dtype=object)[shares.argmax(axis=1)]
        return Outcome(job.kind, truth, predicted, shares, classes)
    names = [name_of(value) for value in answers]
    if not set(names) & set(classes):
        raise _unknown_labels(set(names), classes)
    # A class that the model knows and the data set does not is an error like any other.
    every = in_order(set(classes) | set(names))
    if len(every) > MOST_CLASSES:
        raise _unknown_labels(set(names) - set(classes), classes)
    return Outcome(job.kind, truth, np.array(names, dtype=object), None, every)


def _as_label(value: Any, classes: tuple[str, ...]) -> str:
    if isinstance(value, bool) and set(classes) == {"0", "1"}:
        return str(int(value))
    return name_of(value)


def _is_share(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1


def _shares(answers: list[Any], columns: int) -> np.ndarray:
    for row in answers:
        if not isinstance(row, list) or len(row) != columns:
            raise Failure(
                "model.wrong-type",
                f"The model answers lists, of which one has not {columns} probabilities: "
                f"{shown(row)}.",
                "Log a model that answers a label, or one probability for each class that the "
                "data set has.",
            )
        if not all(_is_share(value) for value in row):
            raise _wrong_type(f"are no probabilities: {shown(row)}")
    return np.array(answers, dtype=float)


def _numbers(answers: list[Any]) -> np.ndarray:
    for value in answers:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise _wrong_type(f"are no numbers: {shown(value)}")
        try:
            finite = math.isfinite(value)
        except OverflowError:
            finite = False
        if not finite:
            raise _wrong_type(f"are no finite numbers: {shown(value)}")
    return np.array([float(value) for value in answers])


def _wrong_type(what: str) -> Failure:
    return Failure(
        "model.wrong-type",
        f"The predictions of the model {what}",
        "Choose the kind of evaluation that fits what the model predicts, or log it again.",
    )


def _unknown_labels(names: set[str], classes: tuple[str, ...]) -> Failure:
    return Failure(
        "model.unknown-labels",
        f"The model answers {listed(sorted(names), 5)}, and the labels of the data set are "
        f"{listed(list(classes), 5)}.",
        "Upload a data set whose target is spelled as the model answers.",
    )
