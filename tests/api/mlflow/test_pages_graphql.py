"""The questions of MLflow's own pages in GraphQL, and no others."""

import importlib.util
import re
from pathlib import Path
from typing import Any

import pytest

from apps.accounts.models import User
from apps.api.mlflow.pages.graphql import OPERATIONS
from apps.registry.models import ModelVersion
from tests.api.mlflow.pages import (
    Opened,
    ask,
    opened,
    pages,
    run,
    send,
)
from tests.tracking import Tracking

__all__ = ["opened", "pages", "run"]
pytestmark = pytest.mark.usefixtures("pages")

# ---- GraphQL -------------------------------------------------------------------------------------


def test_a_run_is_told_in_graphql(
    tracking: Tracking, opened: Opened, run: str, viewer: User, version: ModelVersion
) -> None:
    ModelVersion.objects.filter(pk=version.pk).update(source_run_id=run)

    found = ask(opened(viewer), "GetRun", "data", runId=run)["data"]["mlflowGetRun"]

    assert (found["apiError"], found["run"]["info"]["runName"]) == (None, "wise-owl")
    assert found["run"]["data"]["params"] == [
        {"__typename": "MlflowParam", "key": "depth", "value": "3"}
    ]
    metric = found["run"]["data"]["metrics"][0]
    assert (metric["key"], metric["value"], metric["step"]) == ("auc", 0.9, "2")
    assert found["run"]["experiment"]["experimentId"] == tracking.experiment
    versions = [(row["name"], row["version"]) for row in found["run"]["modelVersions"]]
    assert versions == [(version.model.name, str(version.number))]


def test_runs_and_histories_are_told_in_graphql(
    tracking: Tracking, opened: Opened, run: str, viewer: User
) -> None:
    browser = opened(viewer)
    ask(browser, "MlflowGetExperimentQuery", "input", experimentId=tracking.experiment)

    runs = ask(browser, "SearchRuns", "data", experimentIds=[tracking.experiment], maxResults=50)
    lines = ask(browser, "GetMetricHistoryBulkInterval", "data", runIds=[run], metricKey="auc")

    ids = [row["info"]["runUuid"] for row in runs["data"]["mlflowSearchRuns"]["runs"]]
    assert run in ids
    metrics = lines["data"]["mlflowGetMetricHistoryBulkInterval"]["metrics"]
    assert [(row["step"], row["value"]) for row in metrics] == [("0", 0.5), ("1", None), ("2", 0.9)]


def test_strangers_are_told_nothing_in_graphql(
    tracking: Tracking, opened: Opened, run: str, stranger: User
) -> None:
    browser, place = opened(stranger), tracking.experiment
    missing = "RESOURCE_DOES_NOT_EXIST"

    run_said = ask(browser, "GetRun", "data", runId=run)["data"]["mlflowGetRun"]
    place_said = ask(browser, "MlflowGetExperimentQuery", "input", experimentId=place)["data"]
    runs_said = ask(browser, "SearchRuns", "data", experimentIds=[place])["data"]
    lines = ask(browser, "GetMetricHistoryBulkInterval", "data", runIds=[run], metricKey="auc")

    assert (run_said["run"], run_said["apiError"]["code"]) == (None, missing)
    assert place_said["mlflowGetExperiment"]["apiError"]["code"] == missing
    assert runs_said["mlflowSearchRuns"]["runs"] == []
    assert lines["data"]["mlflowGetMetricHistoryBulkInterval"]["metrics"] == []


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"operationName": "Other", "query": 'query Other { test(inputString: "x") { output } }'},
        {"operationName": None, "query": "mutation { testMutation { output } }"},
        {"operationName": ["GetRun"], "variables": {"data": {"runId": "x"}}},
        {"operationName": "GetRun"},
        {"operationName": "GetRun", "variables": {"data": "x"}},
        {"operationName": "GetRun", "variables": []},
    ],
)
def test_no_other_question_is_answered(body: Any, opened: Opened, viewer: User) -> None:
    answer = send(opened(viewer), "POST", "/graphql", body)

    assert (answer.status_code, answer.json()["data"]) == (200, None)
    assert [list(error) for error in answer.json()["errors"]] == [["message"]]


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("GetRun", {"runId": {"x": 1}}),
        ("GetRun", {"runId": None}),
        ("SearchRuns", {"experimentIds": "1"}),
        ("SearchRuns", {"experimentIds": [1]}),
        ("GetMetricHistoryBulkInterval", {"runIds": None}),
        ("GetMetricHistoryBulkInterval", {"runIds": ["x"] * 101}),
        ("GetMetricHistoryBulkInterval", {"runIds": 5, "metricKey": []}),
    ],
)
def test_odd_values_are_refused_in_the_answer(
    name: str, values: Any, tracking: Tracking, opened: Opened, viewer: User
) -> None:
    answer = send(
        opened(viewer), "POST", "/graphql", {"operationName": name, "variables": {"data": values}}
    )

    assert answer.status_code == 200
    assert all(found["apiError"]["code"] for found in answer.json()["data"].values())


def test_a_list_of_questions_is_refused(opened: Opened, viewer: User) -> None:
    answer = send(opened(viewer), "POST", "/graphql", [{"operationName": "GetRun"}] * 2)

    assert answer.status_code == 400


# ---- as the installed pages ask -----------------------------------------------------------------

WORD = re.compile(r"[{}]|\w+")
QUESTION = re.compile(r"query (\w+)\(\$(\w+): Mlflow\w+!\)[^{`]*(\{[^`]*\})", re.ASCII)


@pytest.fixture(scope="module")
def of_the_pages() -> dict[str, tuple[str, Any]]:
    """Name -> (variable, fields) of each question in the pages of the installed server."""
    found = importlib.util.find_spec("mlflow")
    assert found is not None
    assert found.origin is not None
    scripts = Path(found.origin).parent / "server/js/build/static/js"
    return {
        name: (variable, fields_of(text))
        for script in scripts.glob("*.js")
        for name, variable, text in QUESTION.findall(script.read_text())
    }


def fields_of(text: str) -> Any:
    """`{ a { b c } }` as {"a": {"b": {}, "c": {}}}."""
    text = re.sub(r"\([^)]*\)", "", text.replace("\\n", " "))
    root: dict[str, Any] = {}
    above, last = [root], root
    for word in WORD.findall(text)[1:-1]:
        if word == "{":
            above.append(last)
        elif word == "}":
            above.pop()
        else:
            last = above[-1].setdefault(word, {})
    return root


def lacking(asked: dict[str, Any], answer: Any, at: str = "") -> list[str]:
    """The fields that were asked for and are not in the answer."""
    if answer is None:
        return []
    if isinstance(answer, list):
        return sorted({name for row in answer for name in lacking(asked, row, at)})
    return [
        name
        for key, inner in asked.items()
        for name in (
            lacking(inner, answer[key], f"{at}.{key}") if key in answer else [f"{at}.{key}"]
        )
    ]


def test_each_question_of_the_installed_pages_gets_all_its_fields(
    tracking: Tracking,
    opened: Opened,
    run: str,
    viewer: User,
    version: ModelVersion,
    of_the_pages: dict[str, tuple[str, Any]],
) -> None:
    ModelVersion.objects.filter(pk=version.pk).update(source_run_id=run)
    data = {"name": "d", "digest": "1", "source_type": "s3", "source": "{}"}
    tracking.call("POST", "runs/log-inputs", {"run_id": run, "datasets": [{"dataset": data}]})
    tracking.log(run, tags=[{"key": "team", "value": "risk"}])
    values: dict[str, Any] = {
        "MlflowGetExperimentQuery": {"experimentId": tracking.experiment},
        "GetRun": {"runId": run},
        "SearchRuns": {"experimentIds": [tracking.experiment]},
        "GetMetricHistoryBulkInterval": {"runIds": [run], "metricKey": "auc"},
    }
    browser = opened(viewer)

    answers = {
        name: ask(browser, name, of_the_pages[name][0], **given)["data"]
        for name, given in values.items()
    }

    assert set(of_the_pages) == set(values) == set(OPERATIONS)
    assert {name: lacking(of_the_pages[name][1], found) for name, found in answers.items()} == {
        name: [] for name in values
    }
    assert answers["GetRun"]["mlflowGetRun"]["run"]["inputs"]["datasetInputs"]
    assert answers["SearchRuns"]["mlflowSearchRuns"]["runs"]
