"""The script of the screenshots says what it lacks. Taking them needs a running demo."""

import json

import pytest

from scripts.screenshots import Demo, NoScreenshot, shots


def test_without_a_demo_it_says_how_to_get_one(tmp_path):
    with pytest.raises(NoScreenshot, match="Run `make demo` first"):
        Demo.read(tmp_path / "demo.json")


def test_a_demo_that_did_not_get_far_is_refused(tmp_path):
    (tmp_path / "demo.json").write_text(json.dumps({"base_url": "http://127.0.0.1:8000"}))

    with pytest.raises(NoScreenshot, match="ran to its end"):
        Demo.read(tmp_path / "demo.json")


def test_each_picture_is_taken_by_somebody_whom_the_demo_knows(tmp_path):
    people = [{"username": name, "password": "secret"} for name in ("ada", "dora", "olga")]
    said = {"base_url": "http://127.0.0.1:8000/", "model": "churn / 2", "people": people}
    (tmp_path / "demo.json").write_text(json.dumps(said))

    demo = Demo.read(tmp_path / "demo.json")

    assert [(shot.name, shot.person) for shot in shots(demo)] == [
        ("card", "ada"),
        ("inbox", "dora"),
        ("deployment", "olga"),
    ]
    assert shots(demo)[0].path == "/models/churn%20%2F%202/versions/1"
    assert {shot.person for shot in shots(demo)} <= set(demo.passwords)
