"""Files as those who made the standards write them: what they say is on the card, or kept."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from huggingface_hub import EvalResult, ModelCard, ModelCardData

from apps.accounts.models import User
from apps.cards import exchange
from apps.cards.formats import registry
from apps.cards.formats.base import Context, Imported
from apps.cards.formats.fields import get
from apps.cards.formats.trees import same
from apps.registry.models import ModelVersion
from tests.cards.formats import official

BILL = official.published("valid-machine-learning-1.6.json")
ENERGY = official.published("valid-machine-learning-considerations-env-1.6.json")


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from texts(inner)
    elif isinstance(value, str):
        yield value


def places(document: dict[str, Any]) -> dict[str, str]:
    """Where the texts of a filled file stand on the card: their place there, and the field."""
    found = {}
    for section, fields in document.items():
        for name, value in fields.items() if isinstance(fields, dict) else ():
            for text in [*texts(value), *(value if name == "parameters" else ())]:
                place = text.removeprefix("Said in ").removeprefix("https://example.org/")
                if place != text and section != "custom":
                    found[place] = f"{section}.{name}"
    return found


def said_again(key: str, imported: Imported) -> tuple[bytes, dict[str, Any]]:
    """The card written in the same format, which is read back without a change."""
    exported = registry.export(key, imported.document, Context(pictures=imported.pictures))
    again = registry.read(key, exported.content)
    for section, fields in imported.document.items():
        for name, value in fields.items() if isinstance(fields, dict) else ():
            field = f"{section}.{name}"
            if field not in {*exported.lost, *exported.altered}:
                assert same(get(again.document, field), value), field
    found: dict[str, Any] = json.loads(exported.content) if key != "huggingface" else {}
    return exported.content, found


def nothing_is_dropped(sent: Any, imported: Imported) -> bool:
    there = json.dumps(imported.document)
    # Said by every bill of a model, and content of a picture.
    implied = {"machine-learning-model", "base64", *(t for t in texts(sent) if len(t) > 10_000)}
    return [t for t in texts(sent) if t not in implied and json.dumps(t)[1:-1] not in there] == []


def test_the_example_of_cyclonedx_lands_on_the_card_and_comes_back() -> None:
    imported = registry.read("cyclonedx", BILL)
    document = json.loads(json.dumps(imported.document))
    left = document.pop("custom")["values"]["imported"]["cyclonedx"]
    summary = document["overview"].pop("summary")

    assert summary.startswith("Stable Diffusion is a latent text-to-image diffusion model")
    assert [(p.title[:11], p.media_type, len(p.content)) for p in imported.pictures] == [
        ("FID vs CLIP", "image/jpeg", 71_237)
    ]
    assert nothing_is_dropped(json.loads(BILL)["components"], imported)
    assert {section: list(fields) for section, fields in document.items() if fields != "1"} == {
        "overview": ["name", "version", "task", "model_type", "architecture"],
        "data": ["datasets"],
        "interface": ["inputs", "outputs"],
        "evaluation": ["metrics", "graphics"],
        "use": ["intended_users", "intended_use"],
        "limitations": ["limitations", "risks"],
        "development": ["trade_offs"],
        "fairness": ["assessments", "assessed"],
    }
    assert document["fairness"]["assessments"][0]["benefits"] == (
        "Expected benefits to the identified groups"
    )
    assert document["interface"]["outputs"] == [{"name": "1", "type": "byte[]"}]
    model = left["metadata"]["component"]
    assert (model["publisher"], model["group"]) == ("Acme Inc", "CompVis")
    # Its bounds are sentences, and those of the card are numbers.
    (metric,) = model["modelCard"]["quantitativeAnalysis"]["performanceMetrics"]
    assert metric["confidenceInterval"]["lowerBound"].startswith("The lower bound")

    content, _ = said_again("cyclonedx", imported)
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(content.decode()) is None
    again = registry.read("cyclonedx", content)
    assert (again.document, again.pictures) == (imported.document, imported.pictures)


def test_tonnes_of_cyclonedx_are_kilograms_of_the_card() -> None:
    imported = registry.read("cyclonedx", ENERGY)

    assert imported.document["environment"] == {"energy_kwh": 0.4, "co2_kg": 31_220}
    assert imported.document["overview"]["owner"] == {"name": "Hugging Face"}
    assert nothing_is_dropped(json.loads(ENERGY)["components"], imported)
    content, bill = said_again("cyclonedx", imported)
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(content.decode()) is None
    (used,) = bill["metadata"]["component"]["modelCard"]["considerations"][
        "environmentalConsiderations"
    ]["energyConsumptions"]
    assert used["co2CostEquivalent"] == {"value": 31.22, "unit": "tCO2eq"}
    again = registry.read("cyclonedx", content)
    assert (again.document, again.pictures) == (imported.document, imported.pictures)


def test_a_template_of_the_hub_that_nobody_filled_in_says_nothing() -> None:
    blank = str(ModelCard.from_template(ModelCardData()))

    document = registry.read("huggingface", blank.encode()).document
    assert "More Information Needed" in document.pop("custom")["values"]["imported"][
        "huggingface"
    ]["body"]  # fmt: skip
    assert document == {"schema_version": "1", "overview": {}}


def test_a_template_of_the_hub_that_was_filled_in_lands_on_the_card() -> None:
    data = ModelCardData(
        language="en",
        license="mit",
        library_name="timm",
        base_model="ours/small",
        eval_results=[
            EvalResult(
                "image-classification", "beans", "Beans", "accuracy", 0.9, dataset_split="test"
            )
        ],
        model_name="beans",
    )
    names = [
        "model_summary", "model_description", "developers", "funded_by", "model_type", "license",
        "base_model", "direct_use", "downstream_use", "out_of_scope_use", "bias_risks_limitations",
        "bias_recommendations", "get_started_code", "training_data", "preprocessing",
        "training_regime", "testing_data", "testing_factors", "testing_metrics", "results",
        "results_summary", "model_examination", "hardware_type", "cloud_provider", "cloud_region",
        "model_specs", "citation_bibtex", "model_card_contact", "glossary",
    ]  # fmt: skip
    said = {name: f"Said in {name}" for name in names}
    card = ModelCard.from_template(data, **said, repo="https://example.org/repo", model_id="ours")

    imported = registry.read("huggingface", str(card).encode())
    document = imported.document
    body = document["custom"]["values"]["imported"]["huggingface"]["body"]
    assert all(text in body for text in said.values())
    said_again("huggingface", imported)

    assert document["overview"] == {
        "name": "beans",
        "summary": "Said in model_summary",
        "task": "image-classification",
        "model_type": "Said in model_type",
        "framework": "timm",
        "architecture": "Said in model_specs",
        # What stands in the front matter is not taken from the text.
        "base_models": ["ours/small"],
        "languages": ["en"],
        "license": "mit",
        "developers": [{"name": "Said in developers"}],
        "description": "Said in model_description\n\n- **Funded by [optional]:** Said in funded_by",
        "references": [{"label": "Repository", "url": "https://example.org/repo"}],
        "citation": "**BibTeX:**\n\nSaid in citation_bibtex",
        "contact": "Said in model_card_contact",
    }
    assert document["evaluation"].pop("metrics") == [
        {"name": "accuracy", "value": 0.9, "dataset": "Beans", "split": "test"}
    ]
    assert document["development"].pop("compute") == {
        "hardware": "Said in hardware_type",
        "provider": "Said in cloud_provider",
        "region": "Said in cloud_region",
    }
    landed = places({name: document[name] for name in document if name != "overview"})
    assert landed == {
        "direct_use": "use.intended_use",
        "downstream_use": "use.integration",
        "out_of_scope_use": "use.out_of_scope",
        "get_started_code": "use.instructions_for_use",
        "bias_risks_limitations": "limitations.limitations",
        "bias_recommendations": "limitations.recommendations",
        "training_data": "data.summary",
        "preprocessing": "development.preprocessing",
        "testing_data": "evaluation.procedure",
        "testing_factors": "evaluation.factors",
        "testing_metrics": "evaluation.metric_rationale",
        "results": "evaluation.results_summary",
        "results_summary": "evaluation.comparison",
        "model_examination": "evaluation.explainability",
    }
    assert document["development"]["method"] == "- **Training regime:** Said in training_regime"


DETAILS = {
    "name": "overview.name",
    "overview": "overview.summary",
    "owners.name": "overview.owner",
    "owners.contact": "overview.owner",
    "version.name": "overview.version",
    "version.diff": "overview.change_summary",
}
OF_TOOLKIT = {
    "0.0.1": {
        "license": "overview.license",
        "references": "overview.references",
        "citation": "overview.citation",
    },
    "0.0.2": {
        "documentation": "overview.description",
        "licenses.identifier": "overview.license",
        "references.reference": "overview.references",
        "citations.citation": "overview.citation",
        "path": "provenance.mlflow",
    },
}


@pytest.mark.parametrize("version", OF_TOOLKIT)
def test_each_place_of_googles_schemas_is_on_the_card_or_kept(version: str) -> None:
    card = official.filled(official.toolkit_schema(version))
    card["schema_version"] = version
    for licence in card["model_details"].get("licenses", []):
        del licence["custom_text"]  # of the two, one is allowed
    assert official.faults_of_toolkit_card(card, version) == []

    imported = registry.read("mct", json.dumps(card).encode())
    landed = places(imported.document)
    assert {
        place.removeprefix("model_details."): field
        for place, field in landed.items()
        if place.startswith("model_details.")
    } == DETAILS | OF_TOOLKIT[version]
    assert {
        place.removeprefix("considerations.").removesuffix(".description"): field
        for place, field in landed.items()
        if place.startswith("considerations.")
    } == {
        "users": "use.intended_users",
        "use_cases": "use.intended_use",
        "limitations": "limitations.limitations",
        "tradeoffs": "development.trade_offs",
        "ethical_considerations.name": "limitations.risks",
        "ethical_considerations.mitigation_strategy": "limitations.risks",
    }
    assert imported.document["overview"]["registered_at"] == "2020-02-02T00:00:00+00:00"
    roles = [found["role"] for found in imported.document["data"]["datasets"]]
    assert roles == (["training", "evaluation"] if version == "0.0.1" else ["training"])
    assert nothing_is_dropped(
        [card["model_parameters"], card["quantitative_analysis"], card["considerations"]], imported
    )
    _, again = said_again("mct", imported)
    assert official.faults_of_toolkit_card(again) == []


def test_each_place_of_sagemakers_classes_is_on_the_card_or_kept() -> None:
    content = official.sagemaker_content()
    card = official.filled(content.model_json_schema())
    content.model_validate(card)

    imported = registry.read("sagemaker", json.dumps(card).encode())
    job = "training_details.training_job_details"
    assert places(imported.document) == {
        "model_overview.model_description": "overview.summary",
        "model_overview.problem_type": "overview.task",
        "model_overview.algorithm_type": "overview.model_type",
        "model_overview.model_owner": "overview.owner",
        "model_overview.model_creator": "overview.developers",
        "model_overview.model_artifact": "provenance.mlflow",
        "intended_uses.intended_uses": "use.intended_use",
        "intended_uses.explanations_for_risk_rating": "classification.risk_rationale",
        "intended_uses.factors_affecting_model_efficiency": "limitations.limitations",
        "business_details.business_problem": "classification.business_problem",
        "business_details.business_stakeholders": "classification.stakeholders",
        "business_details.line_of_business": "classification.line_of_business",
        "training_details.training_observations": "development.method",
        f"{job}.training_datasets": "data.datasets",
        f"{job}.training_environment.container_image": "development.environment",
        f"{job}.hyper_parameters.name": "development.parameters",
        f"{job}.hyper_parameters.value": "development.parameters",
        f"{job}.user_provided_hyper_parameters.name": "development.parameters",
        f"{job}.user_provided_hyper_parameters.value": "development.parameters",
        f"{job}.training_metrics.name": "evaluation.metrics",
        f"{job}.training_metrics.notes": "evaluation.metrics",
        f"{job}.user_provided_training_metrics.name": "evaluation.metrics",
        f"{job}.user_provided_training_metrics.notes": "evaluation.metrics",
        "evaluation_details.evaluation_observation": "evaluation.results_summary",
        "evaluation_details.datasets": "evaluation.metrics",
        "evaluation_details.metric_groups.name": "evaluation.metrics",
        "evaluation_details.metric_groups.metric_data.name": "evaluation.metrics",
        "evaluation_details.metric_groups.metric_data.notes": "evaluation.metrics",
        "additional_information.ethical_considerations": "limitations.ethical_considerations",
        "additional_information.caveats_and_recommendations": "limitations.recommendations",
    }
    assert nothing_is_dropped({**card, "intended_uses": {}}, imported)
    _, again = said_again("sagemaker", imported)
    content.model_validate(again)


def test_what_a_published_file_says_waits_on_the_card_and_nothing_is_dropped(
    version: ModelVersion, data_scientist: User
) -> None:
    taken = exchange.import_card(
        version, by=data_scientist, key="cyclonedx", content=BILL, name="bill.json"
    )
    card = taken.revision
    assert taken.waiting == len(card.unconfirmed)
    assert set(card.unconfirmed) == {
        "/overview/summary", "/overview/task", "/overview/model_type", "/overview/architecture",
        "/data/datasets", "/evaluation/metrics", "/evaluation/graphics", "/use/intended_users",
        "/use/intended_use", "/limitations/limitations", "/limitations/risks",
        "/development/trade_offs", "/fairness/assessments", "/fairness/assessed", "/custom/values",
    }  # fmt: skip
    kept = card.content["custom"]["values"]["imported"]["cyclonedx"]
    assert kept[exchange.FILLED_IN] == {
        "overview.name": "stable-diffusion",
        "interface.inputs": [{"name": "1", "type": "string"}],
        "interface.outputs": [{"name": "1", "type": "byte[]"}],
    }
    assert card.content["overview"]["name"] == version.model.name
