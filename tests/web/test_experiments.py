"""The experiments of a project, and the runs of one."""

from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from django.test import Client

from apps.accounts.models import User
from apps.projects.models import Project
from apps.tracking.models import Experiment
from tests.tracking import Tracking

Signed = Callable[[User], Client]


@pytest.fixture
def experiment(tracking: Tracking, project: Project) -> Experiment:
    name = {"name": f"churn-{tracking.make_run()['info']['run_id']}"}
    made = tracking.call("POST", "experiments/create", name)
    tracking.experiment = made["experiment_id"]
    return Experiment.objects.create(experiment_id=made["experiment_id"], project=project)


def text_of(response: Any) -> str:
    return unescape(response.content.decode())


def test_members_see_the_experiments_of_their_project(
    signed_in: Signed, viewer: User, stranger: User, experiment: Experiment
) -> None:
    page = signed_in(viewer).get("/projects/credit/experiments")
    assert (page.status_code, "churn-" in text_of(page)) == (200, True)
    paths = ["", f"/{experiment.experiment_id}"]
    of_stranger = [
        signed_in(stranger).get(f"/projects/credit/experiments{path}").status_code for path in paths
    ]
    # Nor does an address with a project of his own lead there.
    of_stranger.append(
        signed_in(stranger).get(f"/projects/elsewhere/experiments{paths[1]}").status_code
    )
    assert of_stranger == [404] * 3


def test_runs_are_found_by_name_and_by_value(
    signed_in: Signed, viewer: User, tracking: Tracking, experiment: Experiment
) -> None:
    for name, value in (("owl", 0.9), ("fox's den", 0.5)):
        run_id = tracking.make_run(**{"mlflow.runName": name})["info"]["run_id"]
        metric = {"key": "auc", "value": value, "timestamp": 1, "step": 0}
        tracking.log(run_id, metrics=[metric])
    client, address = signed_in(viewer), f"/projects/credit/experiments/{experiment.experiment_id}"

    def shown(**asked: str) -> list[bool]:
        text = text_of(client.get(address, asked))
        return ["owl</a>" in text, "fox's den</a>" in text]

    assert shown() == [True, True]
    assert shown(find="OW") == [True, False]
    assert shown(find="fox's") == [False, True]
    assert shown(filter="metrics.auc < 0.6") == [False, True]
    assert shown(find="owl", filter="metrics.auc < 0.6") == [False, False]


@pytest.mark.parametrize(
    "asked",
    [
        {"filter": "nonsense ' (("},
        {"find": "'\""},
        {"find": "x' OR 1=1"},
        {"after": "no token"},
        {"find": "\\"},
        {"filter": "x" * 501},
    ],
)
def test_odd_filters_are_answered_with_a_page(
    signed_in: Signed, viewer: User, experiment: Experiment, asked: dict[str, str]
) -> None:
    address = f"/projects/credit/experiments/{experiment.experiment_id}"
    assert signed_in(viewer).get(address, asked).status_code == 200


def test_many_runs_come_page_by_page(
    signed_in: Signed, viewer: User, tracking: Tracking, experiment: Experiment
) -> None:
    for number in range(26):
        tracking.make_run(**{"mlflow.runName": f"run-{number:02d}"})
    client, address = signed_in(viewer), f"/projects/credit/experiments/{experiment.experiment_id}"
    first = client.get(address)
    older = client.get(address, {"after": first.context["token"]})
    assert [len(page.context["rows"]) for page in (first, older)] == [25, 1]


def test_the_pages_answer_while_the_server_is_down(
    signed_in: Signed, viewer: User, project: Project, no_tracking: None
) -> None:
    Experiment.objects.create(experiment_id="7", project=project)
    pages = [signed_in(viewer).get(f"/projects/credit/experiments{path}") for path in ("", "/7")]
    told = [(page.status_code, "does not answer" in text_of(page)) for page in pages]
    assert told == [(200, True), (200, True)]
