"""Both searches, on the same shelf: filters, orders and pages."""

import base64
import json
from typing import Any

import pytest

from tests.contract.differential.filters import Filters
from tests.contract.differential.sides import Answer, Both, Side
from tests.tracking import Tracking

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

MODELS, VERSIONS = "registered-models", "model-versions"
SEARCHES = (f"{MODELS}/search", f"{VERSIONS}/search")
SEED, NUMBER = 20261121, 310
# Name, tags of the model, tags of each version.
SHELF: list[tuple[str, dict[str, str], list[dict[str, str]]]] = [
    ("alpha", {"team": "risk", "note": "50%"}, [{"team": "risk"}, {"team": "Risk"}, {}]),
    ("Alpha", {"team": "Risk", "with space": "x"}, [{"note": "a_b"}]),
    ("ALPHA beta", {"team": "RISK_1"}, [{"order": "1", "a-b": "x]y"}, {"order": "2"}]),
    ("a_b", {"a-b": "axb", "deep.er": "alpha"}, [{"deep.er": "alpha", "note": ""}]),
    ("a%b", {"note": ""}, [{}]),
    ("axb", {"note": " "}, []),
    ("back\\slash", {"note": "back\\slash"}, [{"note": "a\\_b"}]),
    ("quote's", {"note": "quote's"}, [{"note": 'dq"x'}]),
    ('dq"x', {"note": 'dq"x'}, []),
    ("βeta", {"note": "ΒETA"}, [{"note": "βeta"}]),
    ("[a]", {"note": "x]y", "order": "[a]"}, []),
    ("zeta.1", {}, []),
    ("100", {"order": "100"}, []),
    ("select", {"team": "select"}, []),
]
PROMPT = [{"key": "mlflow.prompt.is_prompt", "value": "true"}]


def as_list(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in tags.items()]


@pytest.fixture
def shelf(both: Both, tracked: Tracking) -> list[dict[str, Any]]:
    """Models, versions of two runs, and a prompt. Nobody waits until the versions are ready."""
    logged = [tracked.log_model({"MLmodel": b"flavors: {}\n"}) for _ in range(2)]
    count = 0
    for name, tags, versions in SHELF:
        both("POST", f"{MODELS}/create", {"name": name, "tags": as_list(tags)})
        for version in versions:
            found = logged[count % 2]
            body = {"name": name, "tags": as_list(version), "model_id": found["model_id"]}
            source = f"models:/{found['model_id']}"
            both("POST", f"{VERSIONS}/create", {**body, "source": source})
            count += 1
    both("POST", f"{MODELS}/create", {"name": "greeting", "tags": PROMPT})
    body = {"name": "greeting", "source": "dummy-source"}
    text = {"key": "mlflow.prompt.text", "value": "Hello"}
    both("POST", f"{VERSIONS}/create", {**body, "tags": [*PROMPT, text]})
    return logged


def found(side: Side, path: str, query: dict[str, Any]) -> Answer:
    """Who was found, in order; the sources and states stand in other tests."""
    answer = side.call("GET", path, query)
    if answer.is_refusal:
        return answer
    rows = answer.body.get("registered_models") or answer.body.get("model_versions") or []
    names = [[row["name"], row.get("version")] for row in rows]
    return Answer(200, {"found": names, "next_page_token": answer.body.get("next_page_token")})


def search(both: Both, path: str, **query: Any) -> Answer:
    theirs, ours = both.ask(lambda side: found(side, path, query))
    return both.compare(f"GET {path}", json.dumps(query, ensure_ascii=False), theirs, ours)


def test_generated_filters_find_the_same(both: Both, shelf: list[dict[str, Any]]) -> None:
    runs = [logged["run_id"] for logged in shelf]
    sources = [f"models:/{logged['model_id']}" for logged in shelf]
    texts = Filters(SEED, runs, sources).some(NUMBER)
    answers = [search(both, path, filter=text) for text in texts for path in SEARCHES]

    # The generator is worth something: many filters are understood, and many find somebody.
    understood = [answer for answer in answers if not answer.is_refusal]
    assert len(set(texts)) > 300
    assert len(understood) > 200
    assert len([answer for answer in understood if answer.body["found"]]) > 80
    assert len(answers) - len(understood) > 100


ORDERS: list[list[str]] = [
    ["name"],
    ["name ASC"],
    ["name desc"],
    ["name DESC "],
    [" name"],
    ["name  DESC"],
    ["timestamp"],
    ["timestamp DESC"],
    ["timestamp  asc"],
    ["last_updated_timestamp"],
    ["last_updated_timestamp DESC"],
    ["last_updated_timestamp", "timestamp"],
    ["creation_timestamp"],
    ["creation_timestamp DESC", "name ASC"],
    ["version_number"],
    ["version_number DESC", "name"],
    ["name", "version_number ASC"],
    ["name DESC", "name ASC"],
    ["name", "name"],
    ["name, version_number"],
    ["`name` DESC"],
    ['"name" DESC'],
    ["`name`"],
    ["attribute.name"],
    ["attribute.name DESC"],
    ["attribute.`version_number` DESC"],
    ["attributes.name"],
    ["tags.team"],
    ["tag.name"],
    ["run_id"],
    ["description"],
    ["current_stage"],
    ["name SIDEWAYS"],
    ["name ASC DESC"],
    ["Name"],
    ["NAME DESC"],
    [""],
    [" "],
    ["name;"],
    ["name 'x"],
    ["name -- x"],
    ["1"],
    ["*"],
    ["x" * 2000],
]


def test_prompts_orders_and_pages_are_found_alike(both: Both, shelf: list[dict[str, Any]]) -> None:
    ask_for_prompts(both)
    for order in ORDERS:
        for path in SEARCHES:
            search(both, path, order_by=order)
    for size in (1, 3, 11, 14):
        turn_pages(both, size)


def ask_for_prompts(both: Both) -> None:
    key = "tags.`mlflow.prompt.is_prompt`"
    for condition in ("= 'true'", "!= 'true'", "= 'false'", "!= 'false'", "= 'TRUE'", "= 'x'"):
        for more in ("", " AND name LIKE '%e%'", " AND tags.team = 'risk'"):
            for path in SEARCHES:
                search(both, path, filter=f"{key} {condition}{more}")
    for path in SEARCHES:
        search(both, path, filter="tags.`mlflow.prompt.is_prompt` LIKE 'tr%'")
        search(both, path, filter="name = 'greeting'")
        search(both, path, filter="tags.`mlflow.prompt.text` = 'Hello'")


def turn_pages(both: Both, size: int) -> None:
    for path, more in zip(SEARCHES, ({}, {"order_by": "name DESC"}), strict=True):
        token, seen = "", 0
        while seen < 20:
            answer = search(both, path, max_results=str(size), page_token=token, **more)
            token, seen = answer.body["next_page_token"], seen + 1
            if not token:
                break
        assert seen >= 11 // size


def test_a_bad_page_token_is_refused_alike(both: Both) -> None:
    said: list[Any] = [
        {"offset": 1},
        {"offset": 0},
        {"offset": -1},
        {"offset": "2"},
        {"offset": 1.5},
    ]
    said += [{"offset": True}, {"offset": None}, {"offset": [1]}, {"offset": "x"}, {}, [], 1, "x"]
    said += [{"offset": 2**31}, {"offset": 2**63}, {"offset": 10**30}, {"offset": 1, "more": 2}]
    tokens = [base64.b64encode(json.dumps(value).encode()).decode() for value in said]
    tokens += ["no token", "====", "e30", "é", base64.b64encode(b"{").decode(), "a" * 5000]
    tokens += [f" {tokens[0]}", f"{tokens[0]}\n", tokens[0].rstrip("=")]
    for token in tokens:
        for path in SEARCHES:
            search(both, path, page_token=token)
