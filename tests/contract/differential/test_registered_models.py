"""registered-models/*: what is asked of both servers, from creating to deleting."""

from typing import Any

import pytest

from tests.contract.differential import odd
from tests.contract.differential.sides import Both

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

MODELS = "registered-models"


def create(both: Both, name: str, **more: Any) -> None:
    both("POST", f"{MODELS}/create", {"name": name, **more})


@pytest.mark.parametrize("path", ["create", "rename", "others"])
def test_a_name_is_taken_or_refused_alike(both: Both, path: str) -> None:
    for number, name in enumerate(odd.NAMES):
        if path == "create":
            create(both, name, description="d")
        elif path == "rename":
            create(both, f"before {number}")
            both("POST", f"{MODELS}/rename", {"name": f"before {number}", "new_name": name})
        elif name.isprintable():
            both("GET", f"{MODELS}/get", {"name": name})
            both("PATCH", f"{MODELS}/update", {"name": name, "description": "d"})
            both("DELETE", f"{MODELS}/delete", {"name": name})
            both("POST", f"{MODELS}/set-tag", {"name": name, "key": "a", "value": "b"})
            both("GET", "model-versions/get", {"name": name, "version": "1"})


def test_a_model_lives_alike(both: Both) -> None:
    tags = [{"key": "a", "value": "1"}, {"key": "b"}, {"key": "a", "value": "2"}]
    create(both, "scoring", tags=tags, description="Predicts.")
    create(both, "bare")
    for name in ("scoring", "bare", "nothing"):
        both("GET", f"{MODELS}/get", {"name": name})
    create(both, "scoring")
    create(both, "scoring", tags=[{"key": "mlflow.prompt.is_prompt", "value": "true"}])
    for description in odd.TEXTS:
        create(both, f"of {odd.TEXTS.index(description)}", description=description)
        both("PATCH", f"{MODELS}/update", {"name": "scoring", "description": description})
    for described, body in (("Not sent.", {}), ("Not null.", {"description": None})):
        both("PATCH", f"{MODELS}/update", {"name": "scoring", "description": described})
        both("PATCH", f"{MODELS}/update", {"name": "scoring", **body})
    both("PATCH", f"{MODELS}/update", {"name": "scoring", "description": "Again."})
    both("PATCH", f"{MODELS}/update", {"name": "nothing", "description": "x"})
    both("GET", f"{MODELS}/get", {"name": "scoring"})
    for new in ("bare", "scoring", "renamed", "", None):
        both("POST", f"{MODELS}/rename", {"name": "scoring", "new_name": new})
    both("POST", f"{MODELS}/rename", {"name": "renamed"})
    both("POST", f"{MODELS}/rename", {"name": "nothing", "new_name": "x"})
    both("GET", f"{MODELS}/get", {"name": "scoring"})
    both("GET", f"{MODELS}/get", {"name": "renamed"})
    both("DELETE", f"{MODELS}/delete", {"name": "renamed"})
    both("DELETE", f"{MODELS}/delete", {"name": "renamed"})
    both("GET", f"{MODELS}/get", {"name": "renamed"})
    create(both, "renamed")
    both("GET", f"{MODELS}/get", {"name": "renamed"})
    both("GET", f"{MODELS}/search", {"filter": "name IN ('bare', 'renamed', 'scoring')"})


def test_tags_of_a_model_are_kept_alike(both: Both) -> None:
    create(both, "scoring")
    tag = f"{MODELS}/set-tag"
    create(both, "refused")
    for key in odd.KEYS:
        both("POST", tag, {"name": "scoring", "key": key, "value": "v"})
    for key in odd.KEYS_OF_STOCK:
        both("POST", tag, {"name": "refused", "key": key, "value": "v"})
    for value in odd.VALUES:
        both("POST", tag, {"name": "scoring", "key": "plain", "value": value})
    both("POST", tag, {"name": "scoring", "key": "plain"})
    both("POST", tag, {"name": "scoring", "value": "x"})
    both("POST", tag, {"name": "nothing", "key": "a", "value": "x"})
    both("GET", f"{MODELS}/get", {"name": "scoring"})
    for key in [*odd.KEYS, *odd.KEYS_OF_STOCK, "never there"]:
        both("DELETE", f"{MODELS}/delete-tag", {"name": "scoring", "key": key})
    both("DELETE", f"{MODELS}/delete-tag", {"name": "nothing", "key": "a"})
    both("DELETE", f"{MODELS}/delete-tag", {"name": "scoring"})
    both("GET", f"{MODELS}/get", {"name": "scoring"})
    for number, key in enumerate([*odd.KEYS, *odd.KEYS_OF_STOCK]):
        create(both, f"key {number}", tags=[{"key": key, "value": "v"}])
    for value in odd.VALUES:
        create(both, f"value {odd.VALUES.index(value)}", tags=[{"key": "k", "value": value}])
