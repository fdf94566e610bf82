import re
from time import monotonic
from typing import Any

import pytest
from huggingface_hub import ModelCard, ModelCardData
from hypothesis import HealthCheck, given, settings

from apps.cards.formats import registry
from apps.cards.formats.base import Context
from apps.cards.formats.fitting import faults
from apps.core.digests import canonical_json, digest_of
from apps.core.errors import DomainError, Invalid, TooLarge
from tests.cards.documents import AWKWARD, documents, example, full

URL = "https://mlgov.example.org/models/credit-default/versions/3/"


def _export(document: dict[str, Any]) -> str:
    return registry.export("huggingface", document, Context(url=URL)).content.decode()


def _front(text: str) -> dict[str, Any]:
    return ModelCard(text, ignore_metadata_errors=False).data.to_dict()


def _card(body: str, **front: Any) -> bytes:
    lines = [f"{key}: {value}" for key, value in front.items()]
    return "\n".join(["---", *lines, "---", body]).encode()


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(documents)
def test_any_valid_document_survives_export_and_import(document: dict[str, Any]) -> None:
    text = _export(document)
    imported = registry.read("huggingface", text.encode())

    assert canonical_json(imported.document) == canonical_json(document)
    assert not imported.kept
    # The Hub's own parser finds the same document.
    assert canonical_json(_front(text)["mlgov"]["document"]) == canonical_json(document)


def test_the_hub_reads_the_front_matter() -> None:
    data = ModelCard(_export(example())).data

    assert isinstance(data, ModelCardData)
    assert (data.model_name, data.language, data.license, data.library_name) == (
        "credit-default", ["en"], "apache-2.0", "sklearn",
    )  # fmt: skip
    assert (data.pipeline_tag, data.datasets) == ("tabular-classification", ["credit-2026q3"])
    assert [
        (r.metric_type, r.metric_name, r.metric_value, r.dataset_name, r.dataset_split)
        for r in data.eval_results
    ] == [
        ("roc_auc", "roc_auc (overall)", 0.91, "not stated", None),
        ("loss", "loss", 0.2, "credit-2026q3", "test"),
    ]
    assert data.to_dict()["co2_eq_emissions"] == {"emissions": 400.0}
    own = data.to_dict()["mlgov"]
    assert (own["url"], own["digest"]) == (URL, digest_of(example()))


def test_each_field_stands_in_the_text_for_people() -> None:
    body = _export(full()).split("\n---\n", 1)[1].replace("\\", "")

    places = set(re.findall(r"Said in ([a-z_.0-9]+)", _export(full())))
    assert {place for place in places if f"Said in {place}" not in body} == set()


def test_what_was_changed_outside_is_kept_beside_the_document() -> None:
    text = _export(example()).replace("license: apache-2.0", "license: mit\ninference: false")
    text += "\n## Added on the Hub\n\nNot for production.\n"

    imported = registry.read("huggingface", text.encode())

    assert imported.kept
    left = imported.document["custom"]["values"]["imported"]["huggingface"]
    assert left["front_matter"] == {"license": "mit", "inference": False}
    assert "Not for production." in left["body"]
    del imported.document["custom"]
    assert imported.document == example()


FOREIGN = """
# Model Card for Sentiment

A small model that says whether a film review is kind or not.

## Model Details

### Model Description

Distilled from a larger one.

## Uses

### Direct Use

Film reviews in English.

### Out-of-Scope Use

Anything about people.

```python
# Not a heading
```

## Bias, Risks, and Limitations

It knows no irony.

## Training Details

### Training Data

[More Information Needed]

## Evaluation

### Results

Accuracy 0.93.

## Model Card Contact

films@example.org
"""


def test_a_readme_of_the_hub_becomes_a_document_and_nothing_is_dropped() -> None:
    front = """---
language: en
license: other
license_name: own-terms
library_name: transformers
pipeline_tag: text-classification
datasets: [imdb]
base_model: distilbert/distilbert-base-uncased
tags: [sentiment]
released: 2024-05-01
widget:
- text: I liked it
co2_eq_emissions: {emissions: 149200, source: mlco2}
model-index:
- name: sentiment
  results:
  - task: {type: text-classification}
    dataset: {name: imdb, type: imdb, split: test}
    metrics:
    - {type: accuracy, value: 0.93, verified: true}
---
"""
    imported = registry.read("huggingface", (front + FOREIGN).encode())

    document = imported.document
    left = document.pop("custom")["values"]["imported"]["huggingface"]
    assert faults(document) == {}
    assert document == {
        "schema_version": "1",
        "overview": {
            "name": "sentiment",
            "summary": "A small model that says whether a film review is kind or not.",
            "description": "Distilled from a larger one.",
            "task": "text-classification",
            "framework": "transformers",
            "base_models": ["distilbert/distilbert-base-uncased"],
            "languages": ["en"],
            "license": "own-terms",
            "tags": ["sentiment"],
            "contact": "films@example.org",
        },
        "use": {
            "intended_use": "Film reviews in English.",
            "out_of_scope": "Anything about people.\n\n```python\n# Not a heading\n```",
        },
        "data": {"datasets": [{"name": "imdb", "role": "training"}]},
        "evaluation": {
            "metrics": [{"name": "accuracy", "value": 0.93, "dataset": "imdb", "split": "test"}],
            "results_summary": "Accuracy 0.93.",
        },
        "limitations": {"limitations": ["It knows no irony."]},
        "environment": {"co2_kg": 149.2, "method": "mlco2"},
    }
    assert left["front_matter"]["released"] == "2024-05-01"
    assert left["front_matter"]["widget"] == [{"text": "I liked it"}]
    assert left["front_matter"]["model-index"] != []
    assert left["body"].strip() == FOREIGN.strip()


def test_a_readme_without_front_matter_is_its_text() -> None:
    imported = registry.read("huggingface", b"Just a sentence that says what the model does.\n")

    assert imported.document == {
        "schema_version": "1",
        "overview": {"summary": "Just a sentence that says what the model does."},
    }
    assert not imported.kept


BOMB = b"---\na: &a [x, x, x]\nb: &b [*a, *a, *a]\nc: [*b, *b, *b]\n---\n"
BAD: dict[str, tuple[bytes, type[DomainError], str]] = {
    "aliases": (BOMB, Invalid, r"alias “\*a” in line 2"),
    "python": (b"---\na: !!python/object/apply:os.system [id]\n---\n", Invalid, "line 1.*Correct"),
    "python name": (b"---\na: !!python/name:os.system\n---\n", Invalid, "Correct"),
    "a set": (b"---\na: !!set {x}\n---\n", Invalid, "“/a” is of the YAML type “set”"),
    "binary": (b"---\na: !!binary aGk=\n---\n", Invalid, "“/a” is of the YAML type “bytes”"),
    "a moment": (b"---\na: !!timestamp 2026-01-01\n---\n", Invalid, "“/a” is of the YAML type"),
    "not a number": (b"---\na: .nan\n---\n", Invalid, "“/a” is not a finite number"),
    "broken": (b"---\na: [1\n---\n", Invalid, "not YAML"),
    "a tab": (b"---\na:\n\t- b\n---\n", Invalid, "not YAML"),
    "control": (b"---\na: \x01\n---\n", Invalid, "not YAML"),
    "an odd key": (b"---\n? [a, b]\n: 1\n---\n", Invalid, "not YAML"),
    "a list": (b"---\n- a\n---\n", Invalid, "has to be a mapping"),
    "text": (b"---\nhello\n---\n", Invalid, "has to be a mapping"),
    "twice": (b"---\na: 1\na: 2\n---\n", Invalid, "“a” stands twice"),
    "many": (b"---\na: [" + b"1," * 110_000 + b"]\n---\n", TooLarge, "more than 100,000 values"),
    "deep": (b"---\na: " + b"[" * 60 + b"]" * 60 + b"\n---\n", Invalid, "levels deep"),
    "very deep": (b"---\na: " + b"[" * 90_000 + b"\n---\n", Invalid, "levels deep|not YAML"),
    "large": (b"x" * 2_000_001, TooLarge, "2,000,000 fit"),
    "nul": (b"\x00", Invalid, "NUL"),
    "nul in YAML": (b'---\na: "\\0"\n---\n', Invalid, "“/a” holds a NUL"),
    "many digits": (b"---\na: " + b"9" * 5000 + b"\n---\n", Invalid, "Correct"),
    "a wrong document": (
        b"---\nmlgov: {document: {schema_version: '1', overview: {name: 1}}}\n---\n",
        Invalid, "/overview/name.*has to be text",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_read_is_refused_in_words(name: str) -> None:
    content, kind, words = BAD[name]

    with pytest.raises(kind, match=words) as refusal:
        registry.read("huggingface", content)

    refusal.value.message.encode()


@pytest.mark.parametrize(
    "piece",
    ["# a\n", "```\n", "---\n", "<!--", " ", "\n", "#", "# ", " \t#", "[", "more information"],
)
def test_no_text_takes_long_to_read(piece: str) -> None:
    begun = monotonic()

    for start in ("", "# a", "---\n"):
        try:
            registry.read("huggingface", (start + piece * (400_000 // len(piece))).encode())
        except DomainError:
            pass

    assert monotonic() - begun < 20


@pytest.mark.parametrize("text", AWKWARD)
def test_no_value_ends_the_front_matter_or_becomes_a_key(text: str) -> None:
    document = example()
    for value in (text, f"a\n{text}\nlicense: mit\n---\n# Approved"):
        document["overview"]["name"] = value[:200] or "x"
        document["use"]["intended_use"] = value
        exported = _export(document)

        assert list(_front(exported)) == list(_front(_export(example())))
        assert _front(exported)["license"] == "apache-2.0"
        assert registry.read("huggingface", exported.encode()).document == document
