"""Requests that no client sends: both servers answer with the same code, and never with 5xx."""

import json
from typing import Any

import pytest

from tests.contract.differential.sides import Both

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

M, V = "registered-models", "model-versions"
# Method, path and arguments of every call, as a good client sends them.
CALLS: list[tuple[str, str, dict[str, Any]]] = [
    ("POST", f"{M}/create", {"name": "new", "tags": [], "description": "d"}),
    ("POST", f"{M}/rename", {"name": "scoring", "new_name": "scoring"}),
    ("PATCH", f"{M}/update", {"name": "scoring", "description": "d"}),
    ("GET", f"{M}/get", {"name": "scoring"}),
    ("GET", f"{M}/search", {"filter": "", "max_results": 10, "order_by": [], "page_token": ""}),
    ("POST", f"{M}/get-latest-versions", {"name": "scoring", "stages": []}),
    ("GET", f"{M}/get-latest-versions", {"name": "scoring", "stages": []}),
    ("POST", f"{M}/set-tag", {"name": "scoring", "key": "a", "value": "b"}),
    ("DELETE", f"{M}/delete-tag", {"name": "scoring", "key": "a"}),
    ("GET", f"{M}/alias", {"name": "scoring", "alias": "champion"}),
    ("POST", f"{M}/alias", {"name": "scoring", "alias": "champion", "version": "1"}),
    ("DELETE", f"{M}/alias", {"name": "scoring", "alias": "champion"}),
    (
        "POST",
        f"{V}/create",
        {
            "name": "scoring",
            "source": "dummy",
            "run_id": "",
            "model_id": "",
            "tags": [],
            "run_link": "",
            "description": "",
        },
    ),
    ("PATCH", f"{V}/update", {"name": "scoring", "version": "1", "description": "d"}),
    (
        "POST",
        f"{V}/transition-stage",
        {
            "name": "scoring",
            "version": "1",
            "stage": "Staging",
            "archive_existing_versions": False,
        },
    ),
    ("GET", f"{V}/get", {"name": "scoring", "version": "1"}),
    ("GET", f"{V}/search", {"filter": "", "max_results": 10, "order_by": [], "page_token": ""}),
    ("GET", f"{V}/get-download-uri", {"name": "scoring", "version": "1"}),
    ("POST", f"{V}/set-tag", {"name": "scoring", "version": "1", "key": "a", "value": "b"}),
    ("DELETE", f"{V}/delete-tag", {"name": "scoring", "version": "1", "key": "a"}),
    ("DELETE", f"{V}/delete", {"name": "scoring", "version": "1"}),
    ("DELETE", f"{M}/delete", {"name": "nothing"}),
]
WRONG: list[Any] = [None, 7, ["x"]]
BODIES: list[bytes] = [
    b"",
    b"  ",
    b"{",
    b"[]",
    b"[1]",
    b"null",
    b"true",
    b"1",
    b'"text"',
    b'""',
    b'"[]"',
    b'"null"',
    b"{}",
    b'{"name": "scoring", "name": "scoring"}',
    b'{"name": NaN}',
    b'{"name": "scoring", "unknown": {"deep": [1, null]}}',
    b"\xff\xfe",
    b'{"name": "\\ud800"}',
    b"[" * 2000,
    b'{"name": "scoring"} trailing',
    b"name=scoring",
    b'\xef\xbb\xbf{"name": "scoring"}',
]


def send(both: Both, method: str, path: str, values: dict[str, Any]) -> None:
    """As a body; that of a GET is read where there is no query."""
    both(method, path, body=json.dumps(values).encode())


@pytest.fixture
def scoring(both: Both) -> None:
    both("POST", f"{M}/create", {"name": "scoring"})


def test_a_field_that_is_missing_or_of_another_type_is_refused_alike(
    both: Both, scoring: None
) -> None:
    for method, path, values in CALLS:
        for name in values:
            send(both, method, path, {k: v for k, v in values.items() if k != name})
            for wrong in WRONG:
                send(both, method, path, {**values, name: wrong})


def test_a_field_in_camel_case_is_understood_alike(both: Both, scoring: None) -> None:
    for method, path, values in CALLS:
        camel = {name: _camel(name) for name in values if "_" in name}
        if not camel:
            continue
        send(both, method, path, {camel.get(k, k): v for k, v in values.items()})
        for name, other in camel.items():
            send(both, method, path, {**values, other: values[name]})
    both("GET", f"{M}/search", {"maxResults": "0"})
    both("GET", f"{M}/search", {"max_results": "1", "maxResults": "0"})


def test_a_body_that_is_not_what_it_should_be_is_refused_alike(both: Both, scoring: None) -> None:
    for method, path, values in CALLS:
        if path in (f"{M}/get", f"{M}/create", f"{V}/search"):
            for body in BODIES:
                both(method, path, body=body)
        both(method, path, body=json.dumps(json.dumps(values)).encode())


def test_another_content_type_or_method_is_refused_alike(both: Both, scoring: None) -> None:
    body = json.dumps({"name": "scoring"}).encode()
    for kind in ("application/json; charset=utf-8", "text/plain", "application/xml", ""):
        for method, path in (
            ("POST", f"{M}/create"),
            ("PATCH", f"{M}/update"),
            ("GET", f"{M}/get"),
        ):
            both(method, f"{M}/{path}", body=body, headers={"Content-Type": kind})
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        for path in ("get", "create", "search", "unknown", "get/", "get/more"):
            both(method, f"{M}/{path}", body=body)


def test_a_query_is_read_alike(both: Both, scoring: None) -> None:
    for query in (
        {"name": ["scoring", "other"]},
        {"name": ["", "scoring"]},
        {"name": ""},
        {"Name": "scoring"},
        {"name": "scoring", "unknown": "x"},
        {"name": "\x00"},
    ):
        both("GET", f"{M}/get", query)
    for path in (f"{M}/search", f"{V}/search"):
        for size in ("0", "1", "-1", "1000", "1001", "200000", "200001", "5.0", "5.5", "", " 5"):
            both("GET", path, {"max_results": size})
        for size in ("1e2", "many", "0x10", "9" * 19, "9" * 20, "9" * 5000, "٣", "1_0", "+5"):
            both("GET", path, {"max_results": size})
        for size in (1.0, 1.5, "5", True, 2**31, 2**63, -(2**63), "5.0", " 5"):
            send(both, "GET", path, {"max_results": size})


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.title() for part in rest)
