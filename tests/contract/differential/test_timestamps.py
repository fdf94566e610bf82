"""Which calls move `last_updated_timestamp`, of the model and of its versions."""

import time
from typing import Any

import pytest

from tests.contract.differential.sides import Both, Side
from tests.tracking import Tracking, work_once

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

M, V = "registered-models", "model-versions"
FIRST = {"name": "scoring", "version": "1"}
NOT_ARCHIVING = {"archive_existing_versions": False}
STEPS: list[tuple[str, str, dict[str, Any]]] = [
    ("PATCH", f"{M}/update", {"name": "scoring", "description": "New."}),
    ("PATCH", f"{M}/update", {"name": "scoring", "description": "New."}),
    ("POST", f"{M}/set-tag", {"name": "scoring", "key": "a", "value": "b"}),
    ("DELETE", f"{M}/delete-tag", {"name": "scoring", "key": "a"}),
    ("PATCH", f"{V}/update", {**FIRST, "description": "New."}),
    ("POST", f"{V}/set-tag", {**FIRST, "key": "a", "value": "b"}),
    ("DELETE", f"{V}/delete-tag", {**FIRST, "key": "a"}),
    ("POST", f"{M}/alias", {**FIRST, "alias": "champion"}),
    ("POST", f"{M}/alias", {"name": "scoring", "version": "2", "alias": "champion"}),
    ("DELETE", f"{M}/alias", {"name": "scoring", "alias": "champion"}),
    ("GET", f"{V}/get-download-uri", FIRST),
    ("POST", f"{V}/transition-stage", {**FIRST, "stage": "Staging", **NOT_ARCHIVING}),
    ("POST", f"{M}/rename", {"name": "scoring", "new_name": "other"}),
    ("POST", f"{M}/rename", {"name": "other", "new_name": "scoring"}),
    ("DELETE", f"{V}/delete", {"name": "scoring", "version": "2"}),
]


def test_the_same_calls_move_the_same_times(both: Both, tracked: Tracking) -> None:
    logged = tracked.log_model({"MLmodel": b"flavors: {}\n"})
    body = {"name": "scoring", "model_id": logged["model_id"]}
    body["source"] = f"models:/{logged['model_id']}"
    register = ("POST", f"{V}/create", body)
    for side in (both.stock, both.mlgov):
        for method, path, values in (("POST", f"{M}/create", {"name": "scoring"}), register):
            assert side.call(method, path, values).status == 200
        work_once()

    moved = {
        side: [moves(side, *step) for step in [register, *STEPS]]
        for side in (both.stock, both.mlgov)
    }

    assert moved[both.mlgov] == moved[both.stock]


def moves(side: Side, method: str, path: str, values: dict[str, Any]) -> tuple[str, list[str]]:
    """Whose times a call moves."""
    before = times(side, values["name"])
    time.sleep(0.005)
    assert side.call(method, path, values).status == 200, (path, values)
    work_once()
    after = times(side, values.get("new_name") or values["name"])
    return path, sorted(name for name in before if after.get(name) != before[name])


def times(side: Side, name: str) -> dict[str, int]:
    model = side.call("GET", f"{M}/get", {"name": name}).body["registered_model"]
    versions = side.call("GET", f"{V}/search", {"filter": f"name = '{name}'"}).body
    found = {f"version {v['version']}": v for v in versions["model_versions"]} | {"model": model}
    return {name: row["last_updated_timestamp"] for name, row in found.items()}
