"""Prompts: registry calls as MLflow's client sends them, and the client itself."""

from collections.abc import Iterator
from typing import Any

import mlflow
import pytest
from mlflow import MlflowClient

from apps.accounts import services as accounts
from apps.accounts.models import User
from apps.projects.models import Project
from apps.registry.models import ModelVersion
from apps.registry.states import VersionState
from tests.contract.differential import odd
from tests.contract.differential.sides import Both

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

M, V = "registered-models", "model-versions"
IS_PROMPT = {"key": "mlflow.prompt.is_prompt", "value": "true"}


def tags(text: str) -> list[dict[str, str]]:
    return [IS_PROMPT, {"key": "mlflow.prompt.text", "value": text}]


def test_prompts_are_kept_alike(both: Both) -> None:
    both("POST", f"{M}/create", {"name": "model"})
    both("POST", f"{M}/create", {"name": "greeting", "tags": [IS_PROMPT]})
    for name in ("model", "greeting"):
        both("POST", f"{M}/create", {"name": name, "tags": [IS_PROMPT]})
        both("POST", f"{M}/create", {"name": name})
    for text, source in (("Hello {{ name }}", "dummy-source"), ("Hi", "prompt-template")):
        body = {"name": "greeting", "source": source, "tags": tags(text), "description": "Said."}
        both("POST", f"{V}/create", body)
    for source in ("models:/model/1", "anything", "", "s3://bucket/x"):
        both("POST", f"{V}/create", {"name": "greeting", "source": source, "tags": tags("x")})
    both("POST", f"{V}/create", {"name": "greeting", "source": "dummy-source"})
    both("POST", f"{V}/create", {"name": "model", "source": "models:/greeting/1"})
    both("POST", f"{V}/create", {"name": "nothing", "source": "dummy-source", "tags": tags("x")})
    first = {"name": "greeting", "version": "1"}
    for alias in ("production", "champion", *odd.ALIASES[:6]):
        both("POST", f"{M}/alias", {**first, "alias": alias})
    both(
        "POST",
        f"{M}/set-tag",
        {"name": "greeting", "key": "_mlflow_experiment_ids", "value": ",1,"},
    )
    both("POST", f"{V}/set-tag", {**first, "key": "tone", "value": "warm"})
    both("PATCH", f"{V}/update", {**first, "description": "New."})
    both("PATCH", f"{M}/update", {"name": "greeting", "description": "New."})
    both("GET", f"{M}/get", {"name": "greeting"})
    both("GET", f"{V}/get", first)
    both("GET", f"{V}/get-download-uri", first)
    both("GET", f"{M}/alias", {"name": "greeting", "alias": "production"})
    both("POST", f"{M}/get-latest-versions", {"name": "greeting"})
    both("POST", f"{M}/rename", {"name": "greeting", "new_name": "salutation"})
    both("DELETE", f"{V}/delete", {"name": "salutation", "version": "2"})
    both("GET", f"{M}/get", {"name": "salutation"})
    both("DELETE", f"{M}/delete", {"name": "salutation"})
    both("GET", f"{M}/get", {"name": "salutation"})


def test_what_is_a_prompt_is_settled_when_it_is_made(both: Both) -> None:
    both("POST", f"{M}/create", {"name": "model"})
    both("POST", f"{M}/create", {"name": "greeting", "tags": [IS_PROMPT]})
    both("POST", f"{V}/create", {"name": "model", "source": "dummy-source", "tags": tags("x")})
    both("POST", f"{M}/set-tag", {"name": "model", **IS_PROMPT})
    both("POST", f"{M}/set-tag", {"name": "greeting", **IS_PROMPT, "value": "false"})
    both("DELETE", f"{M}/delete-tag", {"name": "greeting", "key": IS_PROMPT["key"]})
    move = {"name": "greeting", "version": "1", "stage": "Production"}
    both("POST", f"{V}/create", {"name": "greeting", "source": "dummy-source", "tags": tags("x")})
    both("POST", f"{V}/transition-stage", {**move, "archive_existing_versions": False})


@pytest.fixture
def client(
    live_server: Any,
    stock_server: str,
    settings: Any,
    owner: User,
    project: Project,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[MlflowClient]:
    settings.MLGOV_TRACKING_URL = stock_server
    _, token = accounts.create_token(owner, name="notebook", by=owner)
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", token)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(live_server.url)
    yield MlflowClient()
    mlflow.set_tracking_uri(before)


def test_the_stock_client_registers_loads_and_searches_prompts(
    client: MlflowClient, owner: User
) -> None:
    mlflow.genai.register_prompt(
        "greeting", "Hello {{ name }}", commit_message="First.", tags={"tone": "warm"}
    )
    mlflow.genai.register_prompt("greeting", [{"role": "user", "content": "Hi {{ name }}"}])
    mlflow.genai.set_prompt_alias("greeting", alias="production", version=1)
    client.create_registered_model("scoring")

    assert mlflow.genai.load_prompt("prompts:/greeting/1").format(name="Ada") == "Hello Ada"
    assert mlflow.genai.load_prompt("prompts:/greeting@production").version == 1
    assert mlflow.genai.load_prompt("greeting").version == 2
    assert [found.name for found in mlflow.genai.search_prompts()] == ["greeting"]
    assert [found.version for found in client.search_prompt_versions("greeting")] == [2, 1]
    assert [found.name for found in client.search_registered_models()] == ["scoring"]
    assert client.get_prompt_version("greeting", "1").tags == {"tone": "warm"}
    states = ModelVersion.objects.values_list("state", "registered_by__username")
    assert list(states) == [(VersionState.READY, owner.username)] * 2
    client.delete_prompt_alias("greeting", "production")
    client.delete_prompt_version("greeting", "2")
    client.delete_prompt_version("greeting", "1")
    client.delete_prompt("greeting")
    assert list(mlflow.genai.search_prompts()) == []
