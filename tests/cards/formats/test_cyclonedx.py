import json
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from hypothesis import HealthCheck, given, settings

from apps.cards.formats import registry
from apps.cards.formats.base import Context
from apps.cards.formats.fields import FIELDS, tidy
from apps.cards.formats.fitting import faults
from apps.core.digests import canonical_json
from apps.core.errors import Invalid
from tests.cards.documents import documents, example, full, picture

URL = "https://mlgov.example.org/models/credit-default/versions/3/"
_official = JsonStrictValidator(SchemaVersion.V1_6)


def _bill(document: dict[str, Any], context: Context | None = None) -> dict[str, Any]:
    exported = registry.export("cyclonedx", document, context)
    assert (exported.lost, exported.altered) == ((), ())
    assert _official.validate_str(exported.content.decode()) is None
    bill: dict[str, Any] = json.loads(exported.content)
    return bill


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(documents)
def test_any_valid_document_is_a_valid_bill_and_survives_it(document: dict[str, Any]) -> None:
    content = registry.export("cyclonedx", document, Context(url=URL)).content
    imported = registry.read("cyclonedx", content)

    assert _official.validate_str(content.decode()) is None
    assert canonical_json(imported.document) == canonical_json(tidy(document))
    assert not imported.kept


def test_the_full_document_with_its_pictures_survives() -> None:
    context = Context(URL, (picture(),))
    bill = _bill(full(), context)
    imported = registry.read("cyclonedx", json.dumps(bill).encode())

    assert imported.document == full()
    assert imported.pictures == (picture(),)
    assert not imported.kept
    text = json.dumps(bill)
    assert [field for field in FIELDS if f"Said in {field}" not in text] == [
        field for field in FIELDS if f"Said in {field}" not in json.dumps(full())
    ]


def test_the_card_stands_where_readers_of_bills_look() -> None:
    component = _bill(example(), Context(url=URL))["metadata"]["component"]

    assert (component["type"], component["name"], component["version"]) == (
        "machine-learning-model", "credit-default", "3",
    )  # fmt: skip
    assert component["licenses"] == [{"license": {"id": "Apache-2.0"}}]
    assert component["supplier"] == {"name": "Credit risk"}
    assert component["externalReferences"] == [
        {"type": "model-card", "url": URL, "comment": "The card in mlgov"}
    ]
    card = component["modelCard"]
    assert card["modelParameters"]["datasets"][0]["name"] == "credit-2026q3"
    assert card["quantitativeAnalysis"]["performanceMetrics"][0] == {
        "type": "roc_auc",
        "value": "0.91",
        "slice": "overall",
        "confidenceInterval": {"lowerBound": "0.9", "upperBound": "0.92"},
    }
    assert card["considerations"]["useCases"] == [example()["use"]["intended_use"]]
    assert {"name": "mlgov:use.out_of_scope", "value": "Loans of companies."} in card["properties"]


def test_the_same_card_is_the_same_bill() -> None:
    assert _bill(example()) == _bill(example())


def test_a_bill_of_somebody_else_becomes_a_document_and_nothing_is_dropped() -> None:
    bill = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "serialNumber": "urn:uuid:3e671687-395b-41f5-a30f-a58921a69b79",
        "version": 2,
        "components": [
            {"type": "library", "name": "torch", "version": "2.6", "purl": "pkg:pypi/torch@2.6"},
            {
                "type": "machine-learning-model",
                "bom-ref": "model",
                "group": "films",
                "name": "sentiment",
                "description": "Too short",
                "licenses": [{"expression": "MIT OR Apache-2.0"}],
                "externalReferences": [{"type": "distribution", "url": "https://example.org/m"}],
                "modelCard": {
                    "bom-ref": "card",
                    "modelParameters": {
                        "approach": {"type": "supervised"},
                        "datasets": [{"ref": "data"}, {"type": "dataset", "name": "imdb"}],
                        "inputs": [{"format": "string"}],
                    },
                    "quantitativeAnalysis": {
                        "performanceMetrics": [
                            {"type": "accuracy", "value": "0.930"},
                            {"type": "f1", "value": "0.9", "slice": "long", "unit": "none"},
                        ]
                    },
                    "considerations": {
                        "users": ["critics"],
                        "useCases": ["sorting", "counting"],
                        "environmentalConsiderations": {
                            "energyConsumptions": [
                                {
                                    "activity": "training",
                                    "energyProviders": [{"energySource": "wind"}],
                                    "activityEnergyCost": {"value": 0.4, "unit": "kWh"},
                                    "co2CostEquivalent": {"value": 2, "unit": "tCO2eq"},
                                }
                            ]
                        },
                    },
                    "properties": [
                        {"name": "theirs", "value": "1"},
                        {"name": "mlgov:review.decisions", "value": "[[[[not json"},
                        {"name": "mlgov:overview.name", "value": ""},
                    ],
                },
            },
        ],
    }
    imported = registry.read("cyclonedx", json.dumps(bill).encode())

    document = imported.document
    left = document.pop("custom")["values"]["imported"]["cyclonedx"]
    assert faults(document) == {}
    assert document == {
        "schema_version": "1",
        "overview": {
            "description": "Too short",
            "license": "MIT OR Apache-2.0",
            "references": [{"url": "https://example.org/m"}],
        },
        "use": {"intended_users": ["critics"], "intended_use": "- sorting\n- counting"},
        "data": {"datasets": [{"name": "imdb", "role": "training"}]},
        "development": {
            "environment": {
                "packages": [{"name": "torch", "version": "2.6", "purl": "pkg:pypi/torch@2.6"}]
            }
        },
        "interface": {"inputs": [{"name": "1", "type": "string"}]},
        "evaluation": {
            "metrics": [
                {"name": "accuracy", "value": "0.930"},
                {"name": "f1", "value": 0.9, "slice": "long"},
            ]
        },
        "environment": {"energy_kwh": 0.4, "co2_kg": 2000},
    }
    text = json.dumps(left)
    for kept in ("3e671687", "1.5", "films", "supervised", '"ref": "data"', "none", "wind",
                 "theirs", "[[[[not json", "sentiment"):  # fmt: skip
        assert kept in text, kept


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ([], "bomFormat"),
        ({"bomFormat": "SPDX"}, "has to be “CycloneDX”"),
        ({"bomFormat": "CycloneDX"}, "machine-learning-model"),
        ({"bomFormat": "CycloneDX", "components": {"a": 1}}, "machine-learning-model"),
        ({"bomFormat": "CycloneDX", "metadata": [], "components": [1, None]}, "type"),
    ],
)
def test_what_is_no_bill_of_a_model_is_refused(value: Any, words: str) -> None:
    with pytest.raises(Invalid, match=words):
        registry.read("cyclonedx", json.dumps(value).encode())
