"""model-versions/* and aliases: registered, read, copied, moved and deleted on both servers.

Both registries take their models from the one tracking server, so that a source means the same.
"""

from typing import Any

import pytest

from tests.contract.differential import odd
from tests.contract.differential.sides import Both
from tests.tracking import MODEL_FILES, Tracking, work_once

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

MODELS, VERSIONS = "registered-models", "model-versions"


def register(both: Both, name: str, logged: dict[str, Any], **more: Any) -> None:
    """A version of a logged model, and the wait that the client does."""
    both("POST", f"{VERSIONS}/create", given(name, logged, **more))
    work_once()


def given(name: str, logged: dict[str, Any], **more: Any) -> dict[str, Any]:
    source, run_id = f"models:/{logged['model_id']}", logged["run_id"]
    return {
        "name": name,
        "source": source,
        "model_id": logged["model_id"],
        "run_id": run_id,
        **more,
    }


@pytest.fixture
def logged(tracked: Tracking) -> dict[str, Any]:
    return tracked.log_model()


@pytest.fixture
def scoring(both: Both, logged: dict[str, Any]) -> dict[str, Any]:
    """A model `scoring` with two versions."""
    both("POST", f"{MODELS}/create", {"name": "scoring"})
    for number in (1, 2):
        register(both, "scoring", logged, description=f"The {number}.")
    return logged


def read_all(both: Both, name: str, *versions: str) -> None:
    both("GET", f"{MODELS}/get", {"name": name})
    both("POST", f"{MODELS}/get-latest-versions", {"name": name})
    for version in versions:
        both("GET", f"{VERSIONS}/get", {"name": name, "version": version})
        both("GET", f"{VERSIONS}/get-download-uri", {"name": name, "version": version})
    by_number = {"filter": f"name = '{name}'", "order_by": "version_number"}
    both("GET", f"{VERSIONS}/search", by_number)
    both("GET", f"{MODELS}/search", {"filter": f"name = '{name}'"})


def test_a_version_is_registered_and_read_alike(both: Both, logged: dict[str, Any]) -> None:
    both("POST", f"{MODELS}/create", {"name": "scoring"})
    read_all(both, "scoring", "1")
    tags = [{"key": "a", "value": "1"}, {"key": "a", "value": "2"}, {"key": "b"}]
    register(both, "scoring", logged)
    register(both, "scoring", logged, tags=tags, description="", run_link="")
    register(both, "scoring", logged, description="Predicts.", run_link="https://ci/1")
    register(both, "scoring", logged, description=None, tags=None, run_link=None)
    register(both, "scoring", logged, userId="me", unknown={"a": 1}, modelId=logged["model_id"])
    read_all(both, "scoring", "1", "2", "3", "4", "5")
    register(both, "nothing", logged)


def test_what_a_version_is_given_is_taken_or_refused_alike(
    both: Both, logged: dict[str, Any]
) -> None:
    cases: list[dict[str, Any]] = [
        *({"tags": [{"key": key, "value": "v"}]} for key in [*odd.KEYS, *odd.KEYS_OF_STOCK]),
        *({"tags": [{"key": "k", "value": value}]} for value in odd.VALUES),
        *({"description": text} for text in odd.TEXTS),
        *({"run_link": "x" * length} for length in (500, 501)),
    ]
    for number, case in enumerate(cases):
        name = f"given {number}"  # of its own: what one side refuses shifts no numbers
        both("POST", f"{MODELS}/create", {"name": name})
        both("POST", f"{VERSIONS}/create", given(name, logged, **case))


def test_a_source_is_taken_or_refused_alike(
    both: Both, tracked: Tracking, scoring: dict[str, Any]
) -> None:
    other = tracked.log_model()
    run = tracked.make_run()["info"]
    for path, content in MODEL_FILES.items():
        tracked.put(
            f"{run['artifact_uri'].removeprefix('mlflow-artifacts:/')}/model/{path}", content
        )
    tracked.end_run(run["run_id"])
    both("POST", f"{MODELS}/alias", {"name": "scoring", "alias": "champion", "version": "1"})
    model_id, run_id = scoring["model_id"], scoring["run_id"]
    no_run, no_model = "0" * 32, "m-" + "0" * 32
    cases: list[tuple[str, dict[str, str]]] = [
        (f"models:/{model_id}", {"model_id": model_id}),
        (f"models:/{model_id}", {"model_id": model_id, "run_id": run_id}),
        (f"models:/{model_id}", {"model_id": other["model_id"]}),
        (f"models:/{model_id}", {}),
        (f"models:/{model_id}", {"run_id": run_id}),
        (f"models:/{no_model}", {"model_id": no_model}),
        (f"models:/{no_model}", {}),
        (f"mlflow-artifacts:/{scoring['root']}", {"model_id": model_id}),
        (f"mlflow-artifacts:/{scoring['root']}", {"model_id": other["model_id"]}),
        (f"runs:/{run['run_id']}/model", {"run_id": run["run_id"]}),
        (f"runs:/{run['run_id']}/model", {}),
        (f"runs:/{run['run_id']}/model", {"run_id": run_id}),
        (f"runs:/{run['run_id']}/../model", {"run_id": run["run_id"]}),
        (f"runs:/{run['run_id']}", {"run_id": run["run_id"]}),
        (f"runs:/{no_run}/model", {"run_id": no_run}),
        (f"{run['artifact_uri']}/model", {"run_id": run["run_id"]}),
        (f"{run['artifact_uri']}/model", {}),
        (f"{run['artifact_uri']}/model", {"run_id": run_id}),
        (f"{run['artifact_uri']}/model", {"run_id": no_run}),
        (f"{run['artifact_uri']}/../x", {"run_id": run["run_id"]}),
        (f"{run['artifact_uri']}/%2e%2e/x", {"run_id": run["run_id"]}),
        (f"{run['artifact_uri']}/a%00", {"run_id": run["run_id"]}),
        ("mlflow-artifacts:/", {"run_id": run_id}),
        ("mlflow-artifacts://elsewhere/0/x", {"run_id": run_id}),
        ("models:/scoring/1", {}),
        ("models:/scoring/1", {"run_id": run_id}),
        ("models:/scoring/1", {"run_id": no_run}),
        ("models:/scoring/1", {"run_id": ""}),
        ("models:/scoring@champion", {}),
        ("models:/scoring@nobody", {}),
        ("models:/scoring/None", {}),
        ("models:/scoring/none", {}),
        ("models:/scoring/Production", {}),
        ("models:/scoring/latest", {}),
        ("models:/scoring/Moon", {}),
        ("models:/scoring/99", {}),
        ("models:/nothing/1", {}),
        ("models:/scoring", {}),
        ("models:/", {}),
        ("models:/scoring/1/more", {}),
        ("models://profile/scoring/1", {}),
        ("dummy-source", {}),
        ("http://127.0.0.1:9/x", {}),
        ("https://example.org/x", {"run_id": run_id}),
        ("ftp://example.org/x", {}),
        ("hdfs://example.org/x", {}),
        ("file:///etc/passwd", {}),
        ("file:///etc/passwd", {"run_id": run_id}),
        ("/etc/passwd", {}),
        ("../secret", {"run_id": run_id}),
        ("s3://bucket/model", {}),
        ("s3://bucket/../model", {}),
        ("", {}),
        ("x" * 501, {}),
    ]
    for number, (source, more) in enumerate(cases):
        name = f"copy {number}"  # of its own: the number of the version tells who took what before
        both("POST", f"{MODELS}/create", {"name": name})
        both("POST", f"{VERSIONS}/create", {"name": name, "source": source, **more})


def test_a_copy_leads_to_what_it_is_a_copy_of(both: Both, scoring: dict[str, Any]) -> None:
    both("POST", f"{MODELS}/alias", {"name": "scoring", "alias": "champion", "version": "1"})
    both("POST", f"{MODELS}/create", {"name": "copy"})
    for source in ("models:/scoring/1", "models:/scoring@champion", "models:/scoring/None"):
        both("POST", f"{VERSIONS}/create", {"name": "copy", "source": source, "run_link": ""})
        work_once()
    both("POST", f"{VERSIONS}/create", {"name": "copy", "source": "models:/copy/1"})
    work_once()
    read_all(both, "copy", "1", "2", "3", "4")


def test_the_number_of_a_version_is_read_alike(both: Both, scoring: dict[str, Any]) -> None:
    for number in odd.VERSIONS:
        named = {"name": "scoring", "version": number}
        both("GET", f"{VERSIONS}/get", named)
        both("POST", f"{VERSIONS}/set-tag", {**named, "key": "a", "value": "b"})
        both("POST", f"{MODELS}/alias", {**named, "alias": "champion"})
    for value in (1, 2.0, True, None, [], {}):
        both("POST", f"{MODELS}/alias", {"name": "scoring", "version": value, "alias": "x"})


def test_a_version_lives_alike(both: Both, scoring: dict[str, Any]) -> None:
    first = {"name": "scoring", "version": "1"}
    for text in odd.TEXTS:
        both("PATCH", f"{VERSIONS}/update", {**first, "description": text})
    both("PATCH", f"{VERSIONS}/update", {**first, "description": "Not sent."})
    both("PATCH", f"{VERSIONS}/update", first)
    both("PATCH", f"{VERSIONS}/update", {**first, "description": "Again."})
    for key in odd.KEYS:
        both("POST", f"{VERSIONS}/set-tag", {**first, "key": key, "value": "v"})
    for value in odd.VALUES:
        both("POST", f"{VERSIONS}/set-tag", {**first, "key": "plain", "value": value})
    both("POST", f"{VERSIONS}/set-tag", {**first, "key": "plain"})
    read_all(both, "scoring", "1", "2")
    for key in [*odd.KEYS, "never there"]:
        both("DELETE", f"{VERSIONS}/delete-tag", {**first, "key": key})
    both("POST", f"{MODELS}/alias", {**first, "alias": "champion"})
    both("POST", f"{MODELS}/rename", {"name": "scoring", "new_name": "renamed"})
    read_all(both, "renamed", "1", "2")
    read_all(both, "scoring", "1")
    both("DELETE", f"{VERSIONS}/delete", {"name": "renamed", "version": "2"})
    both("DELETE", f"{VERSIONS}/delete", {"name": "renamed", "version": "2"})
    read_all(both, "renamed", "1", "2")
    register(both, "renamed", scoring)
    read_all(both, "renamed", "1", "2", "3")
    both("DELETE", f"{VERSIONS}/delete", {"name": "renamed", "version": "1"})
    both("GET", f"{MODELS}/alias", {"name": "renamed", "alias": "champion"})
    both("DELETE", f"{MODELS}/delete", {"name": "renamed"})
    read_all(both, "renamed", "3")
    both("POST", f"{MODELS}/create", {"name": "renamed"})
    register(both, "renamed", scoring)
    read_all(both, "renamed", "1")


def test_aliases_are_kept_alike(both: Both, scoring: dict[str, Any]) -> None:
    for alias in odd.ALIASES:
        named = {"name": "scoring", "alias": alias}
        both("POST", f"{MODELS}/alias", {**named, "version": "1"})
        both("GET", f"{MODELS}/alias", named)
    both("POST", f"{MODELS}/alias", {"name": "scoring", "alias": "champion", "version": "2"})
    both("POST", f"{MODELS}/alias", {"name": "scoring", "alias": "champion", "version": "2"})
    both("POST", f"{MODELS}/alias", {"name": "nothing", "alias": "champion", "version": "2"})
    both("POST", f"{MODELS}/alias", {"name": "scoring", "alias": "champion"})
    both("POST", f"{MODELS}/alias", {"name": "scoring", "version": "1"})
    read_all(both, "scoring", "1", "2")
    for alias in [*odd.ALIASES, "nobody"]:
        both("DELETE", f"{MODELS}/alias", {"name": "scoring", "alias": alias})
        both("GET", f"{MODELS}/alias", {"name": "scoring", "alias": alias})
    both("DELETE", f"{MODELS}/alias", {"name": "nothing", "alias": "champion"})
    both("POST", f"{MODELS}/create", {"name": "bare"})
    both("GET", f"{MODELS}/alias", {"name": "bare", "alias": "latest"})
    read_all(both, "scoring", "1")


def test_versions_move_through_stages_alike(both: Both, scoring: dict[str, Any]) -> None:
    register(both, "scoring", scoring)
    move = f"{VERSIONS}/transition-stage"

    def to(stage: Any, version: str = "1", archive: Any = False) -> None:
        body = {"name": "scoring", "version": version, "stage": stage}
        both("POST", move, {**body, "archive_existing_versions": archive})

    to("Staging")
    to("staging", "2", True)
    read_all(both, "scoring", "1", "2", "3")
    both("GET", f"{MODELS}/get-latest-versions", {"name": "scoring", "stages": ["Staging", "None"]})
    both("GET", f"{MODELS}/get-latest-versions", {"name": "scoring"})
    for stages in (["staging"], ["Moon"], [], [""], ["Staging", "Staging"], "Staging", [1], None):
        both("POST", f"{MODELS}/get-latest-versions", {"name": "scoring", "stages": stages})
    to("production", "3", True)
    to("Production", "2", True)
    read_all(both, "scoring", "1", "2", "3")
    to("Archived", "1")
    to("Moon")
    to("")
    to(None)
    to("Archived", "1", True)
    to("Staging", "99")
    to("Staging", "one")
    to("Staging", "1", "yes")
    to("Staging", "1", None)
    both("POST", move, {"name": "scoring", "version": "1", "stage": "Staging"})
    read_all(both, "scoring", "1", "2", "3")
