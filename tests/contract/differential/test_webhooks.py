"""MLflow's own webhooks: their six calls, and what they tell, on both servers."""

import base64
import hashlib
import hmac
import json
import time
from typing import Any

import pytest

from tests.contract.differential.sides import Both, Side
from tests.contract.differential.test_malformed import BODIES, WRONG
from tests.listener import Listener, deliver_everything

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

MODEL_CREATED = {"entity": "REGISTERED_MODEL", "action": "CREATED"}
TAG_SET = {"entity": "MODEL_VERSION_TAG", "action": "SET"}
IS_PROMPT = {"key": "mlflow.prompt.is_prompt", "value": "true"}
M, V = "registered-models", "model-versions"


def wanted(listener: Listener, **more: Any) -> dict[str, Any]:
    return {"name": "ci", "url": listener.url, "events": [MODEL_CREATED], **more}


class Hook:
    """A webhook that both servers have, each under an id of its own."""

    def __init__(self, both: Both, values: dict[str, Any]) -> None:
        self.both, self.ids = both, {}

        def make(side: Side) -> Any:
            answer = side.call("POST", "webhooks", values)
            self.ids[side.url] = answer.body["webhook"]["webhook_id"]
            return answer

        both.compare("POST webhooks", json.dumps(values), *both.ask(make))

    def __call__(self, method: str, values: Any = None, *, tail: str = "", **more: Any) -> None:
        def ask(side: Side) -> Any:
            own = self.ids[side.url]
            answer = side.call(method, f"webhooks/{own}{tail}", values, **more)
            if isinstance(answer.body, dict) and "message" in answer.body:
                answer.body["message"] = answer.body["message"].replace(own, "<id>")
            return answer

        told = f"{json.dumps(values, default=str)} {more}"
        self.both.compare(f"{method} webhooks/<id>{tail}", told, *self.both.ask(ask))


def test_webhooks_are_made_listed_changed_tested_and_deleted_alike(
    both: Both, listener: Listener
) -> None:
    both("GET", "webhooks")
    hook = Hook(both, wanted(listener, description="Tells CI.", secret="s3cret", status="DISABLED"))
    hook("GET")
    both("GET", "webhooks")
    for changes in (
        {},
        {"name": "cd"},
        {"name": ""},
        {"description": ""},
        {"description": "Again."},
        {"url": listener.url + "2"},
        {"url": ""},
        {"events": [TAG_SET, MODEL_CREATED]},
        {"events": []},
        {"secret": ""},
        {"secret": "other"},
        {"status": "ACTIVE"},
    ):
        hook("PATCH", changes)
        hook("GET")
    for odd in (
        {"status": "TEST_MODE"},
        {"status": "active"},
        {"status": ""},
        {"events": [TAG_SET, TAG_SET]},
    ):
        hook("PATCH", odd)
    hook("DELETE")
    for method in ("GET", "PATCH", "DELETE"):
        hook(method)
    hook("POST", tail="/test")
    for name in ("nothing", "0", "-1", "1" * 30):
        both("GET", f"webhooks/{name}")
        both("DELETE", f"webhooks/{name}")


def test_names_addresses_and_events_are_refused_alike(both: Both, listener: Listener) -> None:
    names = ["a", "A-1", "a.b_c", "", " ", "a ", "-a", "a-", ".a", "a/b", "é", "a\n", "n" * 63]
    for name in [*names, "n" * 64]:
        both("POST", "webhooks", wanted(listener, name=name))
    for url in ("", " ", "ftp://127.0.0.1/", "http://", "127.0.0.1/hook", "http:///x", "x:1"):
        both("POST", "webhooks", wanted(listener, url=url))
    for events in (
        [],
        [{}],
        ["registered_model.created"],
        [{"entity": "REGISTERED_MODEL"}],
        [{"action": "CREATED"}],
        [{"entity": "REGISTERED_MODEL", "action": "SET"}],
        [{"entity": "registered_model", "action": "created"}],
        [{"entity": "ENTITY_UNSPECIFIED", "action": "ACTION_UNSPECIFIED"}],
        [{"entity": "ROCKET", "action": "LAUNCHED"}],
        [{"entity": "BUDGET_POLICY", "action": "EXCEEDED"}],
        [{**MODEL_CREATED, "unknown": 1}],
        [MODEL_CREATED, {"entity": "MODEL_VERSION", "action": "UPDATED"}],
    ):
        both("POST", "webhooks", wanted(listener, events=events))


def test_malformed_calls_are_refused_alike(both: Both, listener: Listener) -> None:
    listener.answer = b"heard"
    values = wanted(listener, description="d", secret="s", status="ACTIVE")
    hook = Hook(both, values)
    for name in values:
        left = {key: value for key, value in values.items() if key != name}
        both("POST", "webhooks", left)
        for wrong in WRONG:
            both("POST", "webhooks", {**values, name: wrong})
            hook("PATCH", {name: wrong})
    for wrong in WRONG:
        hook("POST", {"event": wrong}, tail="/test")
    for body in BODIES:
        both("POST", "webhooks", body=body)
        hook("PATCH", body=body)
    for method, tail in (("PUT", ""), ("POST", ""), ("GET", "/test"), ("GET", "/more")):
        hook(method, tail=tail)
    for kind in ("text/plain", "application/xml"):
        both("POST", "webhooks", body=b"{}", headers={"Content-Type": kind})


def test_pages_are_cut_alike(both: Both, listener: Listener) -> None:
    for number in range(3):
        both("POST", "webhooks", wanted(listener, name=f"hook-{number}"))
        time.sleep(0.005)  # they are ordered by the millisecond
    first = both("GET", "webhooks", {"max_results": "2"}).body
    assert [row["name"] for row in first["webhooks"]] == ["hook-2", "hook-1"]
    both("GET", "webhooks", {"max_results": "2", "page_token": first["next_page_token"]})
    for size in ("0", "1", "3", "1000", "1001", "-1", "many", "1.5", ""):
        both("GET", "webhooks", {"max_results": size})
    for token in ("x", "", "e30=", "bm9uZQ=="):
        both("GET", "webhooks", {"page_token": token})


def test_tests_are_sent_and_answered_alike(both: Both, listener: Listener) -> None:
    listener.answer = b"heard"
    hook = Hook(both, wanted(listener, secret="s3cret"))
    events = [
        MODEL_CREATED,
        *(
            {"entity": entity, "action": "CREATED"}
            for entity in ("MODEL_VERSION", "MODEL_VERSION_ALIAS", "PROMPT", "PROMPT_VERSION")
        ),
        *(
            {"entity": f"{kind}_TAG", "action": action}
            for kind in ("MODEL_VERSION", "PROMPT", "PROMPT_VERSION")
            for action in ("SET", "DELETED")
        ),
        {"entity": "MODEL_VERSION_ALIAS", "action": "DELETED"},
        {"entity": "PROMPT_ALIAS", "action": "CREATED"},
        {"entity": "PROMPT_ALIAS", "action": "DELETED"},
    ]
    for event in (None, *events):
        hook("POST", {"event": event} if event else {}, tail="/test")
        one, other = (json.loads(body) for _, _, body in listener.heard[-2:])
        del one["timestamp"], other["timestamp"]
        assert one == other
    for status in (204, 400, 503):
        listener.status = status
        hook("POST", tail="/test")
    for _, headers, body in listener.heard:
        assert headers["X-MLflow-Signature"] == signature(headers, body)


def test_what_happens_is_told_alike(both: Both, listener: Listener) -> None:
    every = [
        f"{entity}.{action}"
        for entity, actions in {
            "REGISTERED_MODEL": ["CREATED"],
            "MODEL_VERSION_TAG": ["SET", "DELETED"],
            "MODEL_VERSION_ALIAS": ["CREATED", "DELETED"],
            "PROMPT": ["CREATED"],
            "PROMPT_VERSION": ["CREATED"],
            "PROMPT_TAG": ["SET", "DELETED"],
            "PROMPT_VERSION_TAG": ["SET", "DELETED"],
            "PROMPT_ALIAS": ["CREATED", "DELETED"],
        }.items()
        for action in actions
    ]
    events = [dict(zip(("entity", "action"), name.split("."), strict=True)) for name in every]
    Hook(both, wanted(listener, events=events, secret="s3cret"))
    tags = [IS_PROMPT, {"key": "_mlflow_prompt_type", "value": "text"}]
    both("POST", f"{M}/create", {"name": "scoring", "tags": [{"key": "a", "value": "b"}]})
    both("POST", f"{M}/create", {"name": "greeting", "tags": tags, "description": "Said."})
    text = {"key": "mlflow.prompt.text", "value": "Hello"}
    made = {"name": "greeting", "source": "dummy-source", "tags": [*tags, text]}
    both("POST", f"{V}/create", made)
    first = {"name": "greeting", "version": "1"}
    both("POST", f"{M}/set-tag", {"name": "greeting", "key": "tone", "value": "warm"})
    both("DELETE", f"{M}/delete-tag", {"name": "greeting", "key": "tone"})
    both("POST", f"{V}/set-tag", {**first, "key": "tone", "value": "warm"})
    both("DELETE", f"{V}/delete-tag", {**first, "key": "tone"})
    both("POST", f"{M}/alias", {**first, "alias": "production"})
    both("DELETE", f"{M}/alias", {"name": "greeting", "alias": "production"})
    deliver_everything()

    count = 9
    until = time.monotonic() + 10
    while len(listener.heard) < 2 * count and time.monotonic() < until:
        time.sleep(0.05)
    ours = [row for row in listener.heard if row[1].get("User-Agent") == "mlgov"]
    theirs = [row for row in listener.heard if row not in ours]
    assert comparable(ours) == comparable(theirs)
    assert len(ours) == count
    for _, headers, body in listener.heard:
        assert headers["X-MLflow-Signature"] == signature(headers, body)


def comparable(heard: list[tuple[str, dict[str, str], bytes]]) -> list[str]:
    rows = [json.loads(body) for _, _, body in heard]
    return sorted(
        json.dumps({**row, "timestamp": row["timestamp"][-6:]}, sort_keys=True) for row in rows
    )


def signature(headers: dict[str, str], body: bytes) -> str:
    """As a receiver checks it."""
    signed = f"{headers['X-MLflow-Delivery-Id']}.{headers['X-MLflow-Timestamp']}.".encode() + body
    digest = hmac.new(b"s3cret", signed, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"
