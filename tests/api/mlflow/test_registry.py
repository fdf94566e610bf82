"""The native registry calls, beyond what the contract with the real client shows."""

import json
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.accounts.models import User
from apps.registry import services
from apps.registry.models import ModelVersion, RegisteredModel
from apps.stages.models import Stage
from tests import factories
from tests.api.mlflow.conftest import Call


def names(answer: Any) -> list[str]:
    return [model["name"] for model in answer.json().get("registered_models", [])]


def test_a_model_is_created_and_read_in_mlflows_words(call: Call, data_scientist: User) -> None:
    created = call(
        data_scientist,
        "POST",
        "registered-models/create",
        {"name": "scoring", "tags": [{"key": "a", "value": "1"}, {"key": "a", "value": "2"}]},
    )
    found = call(data_scientist, "GET", "registered-models/get", {"name": "scoring"})

    assert created.status_code == found.status_code == 200
    assert created.json() == found.json()
    model = found.json()["registered_model"]
    assert model["tags"] == [{"key": "a", "value": "2"}]
    assert isinstance(model["creation_timestamp"], int)
    assert "latest_versions" not in model


def test_nobody_without_a_token_gets_in_and_no_answer_is_a_page(
    call: Call, version: ModelVersion
) -> None:
    for header in ({}, {"HTTP_AUTHORIZATION": "Bearer wrong"}, {"HTTP_AUTHORIZATION": "Basic %"}):
        answer = call(None, "GET", "registered-models/search", **header)
        assert (answer.status_code, answer["Content-Type"]) == (401, "application/json")
        assert answer.json()["error_code"] == "UNAUTHENTICATED"
        assert "WWW-Authenticate" in answer


def test_a_stranger_cannot_tell_that_something_exists(
    call: Call, version: ModelVersion, stranger: User
) -> None:
    there = {"name": "scoring", "version": "1"}
    gone = {"name": "nothing", "version": "1"}
    for method, path, more in [
        ("GET", "model-versions/get", {}),
        ("GET", "model-versions/get-download-uri", {}),
        ("PATCH", "model-versions/update", {"description": "x"}),
        ("DELETE", "model-versions/delete", {}),
        ("POST", "model-versions/set-tag", {"key": "a", "value": "b"}),
        ("POST", "registered-models/alias", {"alias": "champion"}),
        ("POST", "registered-models/rename", {"new_name": "mine"}),
        ("DELETE", "registered-models/delete", {}),
    ]:
        answer = call(stranger, method, path, {**there, **more})
        other = call(stranger, method, path, {**gone, **more})
        assert (answer.status_code, answer.json()["error_code"]) == (
            404,
            "RESOURCE_DOES_NOT_EXIST",
        ), path
        assert answer.json()["message"] == other.json()["message"].replace("nothing", "scoring")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"{", "not JSON"),
        (b"[]", "JSON object"),
        (b'"[]"', "JSON object"),
        (b"{}", "Missing value for required parameter 'name'"),
        (b'{"name": 1}', "has to be a string"),
        (b'{"name": "a", "name": "b"}', "twice"),
        (b'{"name": "a\\u0000"}', "NUL"),
        (b'{"name": "a", "tags": "x"}', "list of tags"),
        (b'{"name": "a", "tags": [{"value": "x"}]}', "Missing value"),
        (b'{"name": "a", "description": NaN}', "NaN"),
        (b"[" * 5000, "nested"),
        (b"\xff", "UTF-8"),
    ],
)
def test_a_malformed_body_is_a_400_in_mlflows_format(
    call: Call, data_scientist: User, body: bytes, said: str
) -> None:
    answer = call(data_scientist, "POST", "registered-models/create", body=body)

    assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert said in answer.json()["message"]
    assert not RegisteredModel.objects.exists()


def test_old_spellings_are_understood(call: Call, model: RegisteredModel, owner: User) -> None:
    twice = json.dumps(json.dumps({"name": "scoring", "newName": "renamed", "unknown": 1}))

    answer = call(owner, "POST", "registered-models/rename", body=twice.encode())

    assert answer.json()["registered_model"]["name"] == "renamed"
    both = {"name": "renamed", "newName": "a", "new_name": "b"}
    assert call(owner, "POST", "registered-models/rename", both).status_code == 400


def test_a_method_that_a_path_does_not_know_is_refused(call: Call, owner: User) -> None:
    answer = call(owner, "POST", "registered-models/get", {"name": "x"})

    assert (answer.status_code, answer["Allow"]) == (405, "GET")
    assert answer.json()["error_code"] == "ENDPOINT_NOT_FOUND"


@pytest.fixture
def shelf(model: RegisteredModel, data_scientist: User) -> RegisteredModel:
    """Three models; the first has three versions with tags."""
    for name in ("Churn", "churn_2"):
        factories.make_model(model.project, name)
    for number in range(3):
        version = factories.make_version(
            model, by=data_scientist, source_run_id=f"run{number}", source=f"models:/m-{number}"
        )
        services.set_version_tag(version, key="n", value=str(number), by=data_scientist)
    services.set_model_tag(model, key="team.x", value="Risk", by=data_scientist)
    return model


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", ["Churn", "churn_2", "scoring"]),
        ("name = 'scoring'", ["scoring"]),
        ("name != 'scoring'", ["Churn", "churn_2"]),
        ("name LIKE 'churn%'", ["churn_2"]),
        ("name ilike 'CHURN%'", ["Churn", "churn_2"]),
        ("name LIKE 'churn_2'", ["churn_2"]),
        ("name LIKE '%*%'", []),
        ("name LIKE '%\\'", []),
        ("name IN ('scoring', \"Churn\")", ["Churn", "scoring"]),
        ("name NOT IN ('scoring')", ["Churn", "churn_2"]),
        ("tags.`team.x` = 'Risk'", ["scoring"]),
        ("tag.team.x != 'Risk'", []),
        ("name LIKE 's%' AND tags.`team.x` ILIKE 'ri%'", ["scoring"]),
        ("tags.`mlflow.prompt.is_prompt` != 'true'", ["Churn", "churn_2", "scoring"]),
        ("tags.`mlflow.prompt.is_prompt` = 'true'", []),
    ],
)
def test_models_are_found_by_mlflows_grammar(
    call: Call, shelf: RegisteredModel, data_scientist: User, text: str, found: list[str]
) -> None:
    answer = call(data_scientist, "GET", "registered-models/search", {"filter": text})

    assert answer.status_code == 200, answer.json()
    assert sorted(names(answer)) == sorted(found)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("name = 'scoring'", [3, 2, 1]),
        ("version_number > 1 AND version_number <= 3", [3, 2]),
        ("run_id IN ('run0', 'run2')", [3, 1]),
        ("source_path LIKE 'models:/m-1'", [2]),
        ("tags.n = '1'", [2]),
        ("tags.n != '1'", [3, 1]),
        ("tags.n = '1' AND tags.n = '2'", []),
        ("version_number < 99999999999", [3, 2, 1]),
    ],
)
def test_versions_are_found_by_mlflows_grammar(
    call: Call, shelf: RegisteredModel, data_scientist: User, text: str, found: list[int]
) -> None:
    query = {"filter": text, "order_by": "version_number DESC"}
    answer = call(data_scientist, "GET", "model-versions/search", query)

    assert answer.status_code == 200, answer.json()
    assert [int(v["version"]) for v in answer.json().get("model_versions", [])] == found


@pytest.mark.parametrize(
    "query",
    [
        {"filter": "name = scoring"},
        {"filter": "name"},
        {"filter": "name = 'a' OR name = 'b'"},
        {"filter": "(name = 'a')"},
        {"filter": "name > 'a'"},
        {"filter": "description = 'a'"},
        {"filter": "metrics.x = 'a'"},
        {"filter": "tags.a IN ('b')"},
        {"filter": "name = 'a'; DROP TABLE x"},
        {"filter": " AND ".join(["name = 'a'"] * 100)},
        {"order_by": "description"},
        {"order_by": ["name", "name DESC"]},
        {"order_by": "name SIDEWAYS"},
        {"max_results": "0"},
        {"max_results": "1001"},
        {"max_results": "many"},
        {"max_results": "9" * 40},
        {"page_token": "no token"},
        {"page_token": "eyJvZmZzZXQiOiAtMX0="},
        {"page_token": "W10="},
    ],
)
def test_a_search_that_mlflow_would_not_understand_is_a_400(
    call: Call, shelf: RegisteredModel, data_scientist: User, query: dict[str, Any]
) -> None:
    answer = call(data_scientist, "GET", "registered-models/search", query)

    assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")


def test_pages_follow_each_other_without_gap(
    call: Call, shelf: RegisteredModel, data_scientist: User
) -> None:
    first = call(data_scientist, "GET", "registered-models/search", {"max_results": "2"})
    token = first.json()["next_page_token"]
    query = {"max_results": "2", "page_token": token}
    second = call(data_scientist, "GET", "registered-models/search", query)

    assert len(names(first)) == 2
    assert sorted(names(first) + names(second)) == ["Churn", "churn_2", "scoring"]
    assert "next_page_token" not in second.json()


def test_a_list_takes_as_many_queries_for_one_row_as_for_three(
    call: Call, model: RegisteredModel, data_scientist: User, archived: Stage
) -> None:
    def count(path: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            assert call(data_scientist, "GET", path).status_code == 200
        return len(captured)

    paths = ["registered-models/search", "model-versions/search"]
    factories.make_version(model, by=data_scientist)
    count(paths[0])  # the token is made by the first request
    before = [count(path) for path in paths]
    for name in ("second", "third"):
        other = factories.make_model(model.project, name)
        for _ in range(2):
            version = factories.make_version(other, by=data_scientist)
            services.set_alias(version, name=f"a{version.number}", by=data_scientist)

    assert [count(path) for path in paths] == before


def test_latest_versions_are_the_highest_of_each_stage(
    call: Call, model: RegisteredModel, data_scientist: User, archived: Stage
) -> None:
    versions = [factories.make_version(model, by=data_scientist) for _ in range(3)]
    for version in versions[:2]:
        archived.placements.create(version=version)

    found = call(
        data_scientist, "POST", "registered-models/get-latest-versions", {"name": "scoring"}
    )

    assert [(v["version"], v["current_stage"]) for v in found.json()["model_versions"]] == [
        ("2", "Archived"),
        ("3", "None"),
    ]
    wrong = {"name": "scoring", "stages": ["Elsewhere"]}
    answer = call(data_scientist, "POST", "registered-models/get-latest-versions", wrong)
    assert answer.status_code == 400


def test_an_unknown_stage_is_named_with_those_that_there_are(
    call: Call, version: ModelVersion, owner: User, staging: Stage
) -> None:
    move = {"name": "scoring", "version": "1", "stage": "Moon", "archive_existing_versions": False}

    answer = call(owner, "POST", "model-versions/transition-stage", move)

    assert answer.status_code == 400
    assert "Staging" in answer.json()["message"]
    del move["archive_existing_versions"]
    assert call(owner, "POST", "model-versions/transition-stage", move).status_code == 400


@pytest.mark.parametrize(
    ("number", "status"),
    [("0", 404), ("99", 404), ("-1", 404), ("9" * 30, 404), ("1.0", 400), ("one", 400), ("²", 400)],
)
def test_a_version_that_is_not_there_does_not_exist(
    call: Call, version: ModelVersion, owner: User, number: str, status: int
) -> None:
    query = {"name": "scoring", "version": number}
    assert call(owner, "GET", "model-versions/get", query).status_code == status


def test_registering_with_the_tracking_server_down_is_told_and_not_retried(
    call: Call, model: RegisteredModel, data_scientist: User, no_tracking: None
) -> None:
    body = {"name": "scoring", "source": "models:/m-" + "0" * 32}

    answer = call(data_scientist, "POST", "model-versions/create", body)

    assert (answer.status_code, answer.json()["error_code"]) == (424, "TEMPORARILY_UNAVAILABLE")
    assert not ModelVersion.objects.exists()
    assert call(data_scientist, "GET", "registered-models/search").status_code == 200
