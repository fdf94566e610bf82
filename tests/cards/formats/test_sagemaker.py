import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from apps.cards.formats import registry
from apps.cards.formats.base import Context
from apps.cards.formats.fields import FIELDS, filled, get
from apps.cards.formats.fitting import faults
from apps.cards.formats.trees import same
from apps.core.errors import Invalid
from tests.cards.documents import documents, example, full
from tests.cards.formats import official

URL = "https://mlgov.example.org/models/credit-default/versions/3/"
CONTEXT = Context(url=URL)
_Content = official.sagemaker_content()
# What the service allows; its library checks less.
LIMITS = {
    ("model_overview", "model_description"): 1024,
    ("intended_uses", "intended_uses"): 2048,
    ("intended_uses", "factors_affecting_model_efficiency"): 2048,
    ("training_details", "training_observations"): 1024,
    ("additional_information", "ethical_considerations"): 2048,
}


def _content(document: dict[str, Any]) -> dict[str, Any]:
    exported = registry.export("sagemaker", document, CONTEXT)
    content: dict[str, Any] = json.loads(exported.content)
    _Content.model_validate(content)
    assert len(exported.content) <= 100_000
    assert set(content) <= set(_Content.model_fields)
    for said in content.get("additional_information", {}).get("custom_details", {}).values():
        assert isinstance(said, str)
        assert len(said) <= 1024
    return content


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(documents)
def test_any_valid_document_is_valid_content_and_keeps_what_it_says_it_keeps(
    document: dict[str, Any],
) -> None:
    exported = registry.export("sagemaker", document, CONTEXT)
    again = registry.read("sagemaker", exported.content).document

    _content(document)
    assert exported.lost == ()
    assert faults(again) == {}
    for field, value in filled(document):
        assert field in exported.altered or same(get(again, field), value), field


def test_a_card_of_short_texts_survives() -> None:
    exported = registry.export("sagemaker", full(), CONTEXT)
    imported = registry.read("sagemaker", exported.content)

    assert (exported.lost, exported.altered) == ((), ())
    assert imported.document == full()
    assert not imported.kept
    text = exported.content.decode()
    marked = {field for field in FIELDS if f"Said in {field}" in json.dumps(full())}
    assert {field for field in marked if f"Said in {field}" not in text} == set()


def test_the_card_stands_where_sagemaker_shows_it() -> None:
    content = _content(example())

    assert content["model_overview"]["algorithm_type"] == "logistic regression"
    assert content["intended_uses"]["risk_rating"] == "High"
    assert content["evaluation_details"][1] == {
        "name": "credit-2026q3 test",
        "datasets": ["credit-2026q3"],
        "metric_groups": [
            {"name": "overall", "metric_data": [{"name": "loss", "type": "number", "value": 0.2}]}
        ],
    }
    details = content["additional_information"]["custom_details"]
    assert details["mlgov:use.out_of_scope"] == "Loans of companies."


def test_long_texts_are_cut_and_say_where_the_rest_is() -> None:
    document = full()
    for section, name in [("use", "intended_use"), ("use", "out_of_scope"), ("data", "summary")]:
        document[section][name] = "x" * 5000
    document["limitations"]["limitations"] = ["y" * 3000]
    document["development"]["method"] = "z" * 1025

    exported = registry.export("sagemaker", document, CONTEXT)
    content = _content(document)

    assert exported.altered == (
        "use.intended_use", "use.out_of_scope", "data.summary", "development.method",
        "limitations.limitations",
    )  # fmt: skip
    ending = f" … (cut; all of it is in mlgov: {URL})"
    details = content["additional_information"]["custom_details"]
    said = [content["intended_uses"]["intended_uses"], details["mlgov:use.out_of_scope"]]
    assert [len(text) for text in said] == [2048, 1024]
    assert all(text.endswith(ending) for text in said)
    for (section, name), limit in LIMITS.items():
        assert len(content[section][name]) <= limit


def test_a_card_that_is_too_large_is_shortened_to_what_the_service_takes() -> None:
    document = full()
    document["evaluation"]["metrics"] = [
        {"name": f"metric {n}", "value": n, "slice": f"slice {n % 7}", "notes": "é" * 900}
        for n in range(400)
    ]
    document["development"]["parameters"] = {f"p{n}": "v" * 250 for n in range(300)}
    document["data"]["datasets"] = [
        {"name": "d" * 1000 + str(n), "role": "training"} for n in range(40)
    ]
    exported = registry.export("sagemaker", document, CONTEXT)
    content = _content(document)

    note = content["additional_information"]["custom_details"]["mlgov:left out"]
    assert note.startswith("Not here, or not wholly, because it is too long: ")
    assert {"evaluation.metrics", "development.parameters", "data.datasets"} <= set(
        exported.altered
    )


def test_content_of_somebody_else_becomes_a_document_and_nothing_is_dropped() -> None:
    content = {
        "model_overview": {
            "model_description": "Tells cats from dogs.",
            "model_owner": "Ada",
            "model_artifact": ["s3://models/a.tar.gz", "s3://models/b.tar.gz"],
        },
        "intended_uses": {"purpose_of_model": "Sorting.", "risk_rating": "Unknown"},
        "training_details": {
            "objective_function": {"function": "Minimize", "facet": "Loss"},
            "training_job_details": {
                "training_arn": "arn:aws:sagemaker:eu-west-1:1:training-job/a",
                "training_metrics": [{"name": "loss", "value": 0.1}],
                "hyper_parameters": [{"name": "depth", "value": "3"}],
            },
        },
        "evaluation_details": [
            {
                "name": "bias",
                "evaluation_observation": "Seen.",
                "datasets": ["s3://data/test.csv"],
                "metadata": {"by": "Clarify"},
                "metric_groups": [
                    {
                        "name": "binary",
                        "metric_data": [
                            {"name": "auc", "type": "number", "value": 0.9},
                            {"name": "roc", "type": "linear_graph", "value": [[0, 0], [1, 1]]},
                        ],
                    }
                ],
            }
        ],
        "additional_information": {"custom_details": {"team": "vision"}},
    }
    _Content.model_validate(content)
    document = registry.read("sagemaker", json.dumps(content).encode()).document

    left = json.dumps(document.pop("custom")["values"]["imported"]["sagemaker"])
    assert faults(document) == {}
    assert document == {
        "schema_version": "1",
        "overview": {"summary": "Tells cats from dogs.", "owner": {"name": "Ada"}},
        "use": {"intended_use": "Sorting."},
        "development": {"parameters": {"depth": "3"}},
        "evaluation": {
            "metrics": [
                {"name": "loss", "value": 0.1},
                {"name": "auc", "value": 0.9, "dataset": "s3://data/test.csv", "slice": "binary"},
            ],
            "results_summary": "Seen.",
        },
        "provenance": {"mlflow": {"model_uri": "s3://models/a.tar.gz"}},
    }
    for kept in ("b.tar.gz", "Unknown", "Minimize", "training-job/a", "Clarify", "linear_graph",
                 "vision"):  # fmt: skip
        assert kept in left, kept


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ([], "“model_overview” is missing"),
        ({"ModelCardName": "a"}, "“model_overview” is missing"),
        ({"model_overview": "a"}, "“model_overview”: This has to be an object"),
        ({"model_overview": {}, "evaluation_details": {}}, "“evaluation_details”.* a list"),
    ],
)
def test_what_is_no_content_of_a_card_is_refused(value: Any, words: str) -> None:
    with pytest.raises(Invalid, match=words):
        registry.read("sagemaker", json.dumps(value).encode())
