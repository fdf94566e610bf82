"""Prompts lie among the models for MLflow's client, and nowhere else."""

import pytest

from apps.accounts.models import User
from apps.core.errors import NotPermitted
from apps.projects.models import Project
from apps.registry import policies, services
from apps.registry.models import ModelVersion, RegisteredModel
from apps.registry.validation import IS_PROMPT
from apps.reviews import services as reviews
from apps.stages import services as stages
from apps.stages.models import Stage
from tests.api.mlflow.conftest import Call

TAGS = {IS_PROMPT: "true", "mlflow.prompt.text": "Hello"}


@pytest.fixture
def prompt(project: Project, data_scientist: User) -> ModelVersion:
    made = services.create_model(name="greeting", by=data_scientist, tags={IS_PROMPT: "true"})
    return services.create_version(made, source="dummy-source", by=data_scientist, tags=TAGS)


def test_no_page_and_no_list_but_mlflows_knows_a_prompt(
    call: Call, prompt: ModelVersion, model: RegisteredModel, data_scientist: User
) -> None:
    assert list(policies.models.visible_to(data_scientist)) == [model]
    assert list(policies.versions.visible_to(data_scientist)) == []
    wanted = {"filter": f"tags.`{IS_PROMPT}` = 'true'"}
    found = call(data_scientist, "GET", "registered-models/search", wanted).json()
    assert [entry["name"] for entry in found["registered_models"]] == ["greeting"]
    assert call(data_scientist, "GET", "/api/v1/models/greeting").status_code == 404


def test_a_stranger_sees_no_prompt(call: Call, prompt: ModelVersion, stranger: User) -> None:
    wanted = {"filter": f"tags.`{IS_PROMPT}` = 'true'"}

    assert call(stranger, "GET", "registered-models/search", wanted).json() == {}
    answer = call(stranger, "GET", "model-versions/get", {"name": "greeting", "version": "1"})
    assert answer.status_code == 404


def test_a_prompt_is_neither_reviewed_nor_moved(
    prompt: ModelVersion, staging: Stage, archived: Stage, owner: User, reviewer: User
) -> None:
    with pytest.raises(NotPermitted):
        reviews.request_review(prompt, stage=staging, reviewers=[reviewer], note="", by=owner)
    with pytest.raises(NotPermitted):
        stages.move(prompt, archived, by=owner)


def test_a_prompt_is_ready_at_once_and_waits_for_no_worker(prompt: ModelVersion) -> None:
    assert prompt.is_ready
    assert not prompt.ingests.exists()
    assert not prompt.artifacts.exists()
