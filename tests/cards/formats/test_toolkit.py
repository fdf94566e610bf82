import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from apps.cards.formats import registry
from apps.cards.formats.base import Context
from apps.cards.formats.fields import FIELDS, filled, get
from apps.cards.formats.fitting import faults
from apps.cards.formats.mapping import places
from apps.cards.formats.trees import same
from apps.core.errors import Invalid
from tests.cards.documents import documents, example, full, picture
from tests.cards.formats import official

CONTEXT = Context("https://mlgov.example.org/models/a/versions/1/", (picture(),))


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(documents)
def test_any_valid_document_is_a_valid_card_and_keeps_what_it_says_it_keeps(
    document: dict[str, Any],
) -> None:
    exported = registry.export("mct", document, CONTEXT)
    again = registry.read("mct", exported.content).document

    assert official.faults_of_toolkit_card(json.loads(exported.content)) == []
    assert faults(again) == {}
    gone = {*exported.lost, *exported.altered}
    for field, value in filled(document):
        assert field in gone or same(get(again, field), value), field


def test_what_the_standard_has_a_place_for_is_in_the_file() -> None:
    exported = registry.export("mct", full(), CONTEXT)
    text = exported.content.decode()

    assert set(exported.lost) == {field for field in FIELDS if not places(field, "mct")}
    marked = {field for field in FIELDS if f"Said in {field}" in json.dumps(full())}
    # Of a reference it has the address and not the label.
    assert "https://example.org/overview.references" in text
    assert {field for field in marked if f"Said in {field}" not in text} == (
        marked & {*exported.lost, "overview.references"}
    )
    assert registry.read("mct", exported.content).pictures == (picture(),)


def test_a_card_that_says_little_more_comes_back_as_it_was() -> None:
    exported = registry.export("mct", example(), CONTEXT)

    assert exported.lost == (
        "overview.task", "overview.framework", "overview.languages", "classification.risk_tier",
        "classification.risk_rationale",
    )  # fmt: skip
    # The standard knows days and no times, and neither roles nor sizes of data sets.
    assert exported.altered == (
        "overview.registered_at", "data.datasets", "evaluation.metrics",
    )  # fmt: skip


def test_a_card_of_somebody_else_becomes_a_document_and_nothing_is_dropped() -> None:
    card = {
        "schema_version": "0.0.1",
        "model_details": {
            "name": "cats",
            "overview": "Cats and dogs",
            "documentation": "Longer.",
            "owners": [{"name": "Ada", "contact": "ada@example.org"}, {"contact": "nobody"}],
            "version": {"name": "v1", "date": "2020/02/02"},
            "licenses": [{"identifier": "MIT"}, {"custom_text": "or ask"}],
            "references": [{"reference": "https://example.org/a"}],
        },
        "model_parameters": {
            "data": [
                {"name": "Train", "graphics": {"collection": [{"name": "g", "image": "aGk="}]}},
                {"name": "eval set", "sensitive": {"sensitive_data": ["age"]}},
            ],
            "input_format": "32 characters",
            "output_format_map": [{"key": "type", "value": "text"}],
        },
        "quantitative_analysis": {
            "performance_metrics": [{"type": "accuracy", "value": 0.9}, {"type": "f1"}],
            "graphics": {"description": "two", "collection": [{"name": "x", "image": "{bytes}"}]},
        },
        "considerations": {
            "use_cases": [{"description": "sorting"}, {"description": "counting"}],
            "limitations": [{"description": "cats only"}],
            "ethical_considerations": [{"name": "bias", "mitigation_strategy": "look twice"}],
        },
        "extra": True,
    }
    imported = registry.read("mct", json.dumps(card).encode())

    document = imported.document
    left = json.dumps(document.pop("custom")["values"]["imported"]["mct"])
    assert faults(document) == {}
    assert document == {
        "schema_version": "1",
        "overview": {
            "name": "cats",
            "description": "Cats and dogs\n\nLonger.",
            "owner": {"name": "Ada", "contact": "ada@example.org"},
            "version": "v1",
            "registered_at": "2020-02-02T00:00:00+00:00",
            "license": "MIT",
            "references": [{"url": "https://example.org/a"}],
        },
        "classification": {"business_problem": "counting"},
        "use": {"intended_use": "sorting"},
        "data": {
            "datasets": [
                {"name": "Train", "role": "training"},
                {"name": "eval set", "role": "evaluation", "sensitive_attributes": ["age"]},
            ]
        },
        "interface": {"outputs": [{"name": "type", "type": "text"}]},
        "evaluation": {"metrics": [{"name": "accuracy", "value": 0.9}]},
        "limitations": {
            "limitations": ["cats only"],
            "risks": [{"name": "bias", "mitigation": "look twice"}],
        },
    }
    for kept in ("nobody", "or ask", "aGk=", "32 characters", "f1", "{bytes}",
                 "two", "extra"):  # fmt: skip
        assert kept in left, kept


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ([], "model_details"),
        ({"schema_version": "0.0.2"}, "“model_details” is missing"),
        ({"model_details": []}, "“model_details” has to be an object"),
        ({"model_details": {}, "considerations": "none"}, "“considerations” has to be an object"),
    ],
)
def test_what_is_no_card_of_the_toolkit_is_refused(value: Any, words: str) -> None:
    with pytest.raises(Invalid, match=words):
        registry.read("mct", json.dumps(value).encode())
