"""Experiments that existed before they belonged to projects, and how they are given away."""

from importlib import import_module
from io import StringIO
from typing import Any

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from apps.accounts.models import User
from apps.audit.models import AuditEvent
from apps.projects.models import Project
from apps.registry.models import RegisteredModel
from apps.tracking.models import Experiment
from tests import factories
from tests.tracking import Tracking

migration = import_module("apps.tracking.migrations.0003_experiments_of_versions")


def rows() -> dict[str, str]:
    return dict(Experiment.objects.values_list("experiment_id", "project__slug"))


@pytest.fixture
def elsewhere(stranger: User) -> RegisteredModel:
    return factories.make_model(Project.objects.get(slug="elsewhere"), "theirs", by=stranger)


def test_an_update_gives_experiments_to_the_only_project_with_versions_from_them(
    model: RegisteredModel, elsewhere: RegisteredModel, data_scientist: User, stranger: User
) -> None:
    for experiment_id in ("0", "1", "1", "2", "3", ""):
        factories.make_version(model, by=data_scientist, experiment_id=experiment_id)
    for experiment_id in ("2", "4"):
        factories.make_version(elsewhere, by=stranger, experiment_id=experiment_id)
    factories.make_version(model, by=data_scientist, experiment_id="5", imported_from="https://x")
    Experiment.objects.create(experiment_id="3", project=elsewhere.project)

    for _ in range(2):
        migration.assign(apps, None)

    assert rows() == {"1": "credit", "3": "elsewhere", "4": "elsewhere"}


def test_where_there_is_one_project_its_people_go_on_in_the_clients_default(
    model: RegisteredModel, data_scientist: User
) -> None:
    factories.make_version(model, by=data_scientist, experiment_id="0")

    migration.assign(apps, None)

    assert Experiment.objects.get().is_default
    assert rows() == {"0": "credit"}


def assign(*given: str) -> str:
    said = StringIO()
    call_command("assign_experiments", *given, stdout=said)
    return said.getvalue()


def test_the_command_assigns_by_id_and_by_name_and_twice_changes_nothing(
    tracking: Tracking, project: Project, stranger: User
) -> None:
    name = f"{tracking.upstream.get_experiment(tracking.experiment)['name']}-mine"
    ids = [tracking.upstream.create_experiment(f"{name}-{n}", {}) for n in range(3)]
    Experiment.objects.create(
        experiment_id=ids[2], project=Project.objects.get(slug="elsewhere"), is_default=True
    )

    assert "nothing was changed" in assign("credit", "--name-prefix", name, "--dry-run")
    assert rows() == {ids[2]: "elsewhere"}
    assert "2 assigned, 1 left, 0 there already" in assign("credit", "--name-prefix", name)
    assert "0 assigned, 1 left, 2 there already" in assign("credit", "--name-prefix", name)
    assert rows() == {ids[0]: "credit", ids[1]: "credit", ids[2]: "elsewhere"}
    assert "1 assigned" in assign("credit", "--ids", ids[2], "--move")
    moved = Experiment.objects.get(experiment_id=ids[2])
    assert (moved.project, moved.is_default) == (project, False)
    found = AuditEvent.objects.filter(action="experiment.assign").order_by("pk")
    assert [event.data for event in found][-1] == {"experiment": ids[2], "from": "elsewhere"}
    assert found.count() == 3


def test_the_command_takes_all_but_the_clients_default(
    tracking: Tracking, project: Project
) -> None:
    assign("credit", "--all")

    assert tracking.experiment in rows()
    assert "0" not in rows()
    assign("credit", "--ids", "0")
    assert rows()["0"] == "credit"


@pytest.mark.parametrize(
    "given",
    [
        ("nowhere", "--all"),
        ("credit", "--ids", "999999"),
        ("credit",),
        ("credit", "--all", "--ids", "1"),
    ],
)
def test_the_command_says_what_is_wrong(
    tracking: Tracking, project: Project, given: tuple[str, ...]
) -> None:
    with pytest.raises(CommandError):
        assign(*given)

    assert rows() == {}


def test_the_command_without_a_tracking_server(project: Project, no_tracking: None) -> None:
    with pytest.raises(CommandError, match="does not answer"):
        assign("credit", "--all")


def test_an_administrator_moves_an_experiment_on_its_page(
    project: Project, stranger: User, administrator: User, client: Client
) -> None:
    experiment = Experiment.objects.create(
        experiment_id="7", project=Project.objects.get(slug="elsewhere"), is_default=True
    )
    client.force_login(administrator)
    page: Any = reverse("admin:tracking_experiment_change", args=[experiment.pk])

    assert client.get(page).status_code == 200
    assert client.post(page, {"project": project.pk}).status_code == 302

    experiment.refresh_from_db()
    assert (experiment.project, experiment.is_default) == (project, False)
    assert AuditEvent.objects.filter(action="experiment.edit").exists()
