"""What a card of Google's Model Card Toolkit says."""

import base64
import binascii
import re
from collections.abc import Iterator
from typing import Any

from apps.cards.formats.base import Context, Document, Picture
from apps.cards.formats.fields import put
from apps.cards.formats.trees import Tree, dicts, number, part, text, texts, without_nothing

# Where fields share one place of the standard, each says what it is.
MERGED = {
    "use.instructions_for_use": "Instructions for use",
    "data.summary": "Data",
    "development.method": "Method",
    "development.preprocessing": "Preprocessing",
}
LIMITATIONS = {
    "use.out_of_scope": "Out of scope",
    "data.unsuitable_data": "Unsuitable data",
    "development.assumptions": "Assumptions",
    "interface.input_requirements": "Requirements of the input",
}
TRADE_OFFS = {"development.design_choices": "Design choices"}
RISKS = {
    "use.foreseeable_misuse": "Foreseeable misuse",
    "use.affected_groups": "Affected group",
    "limitations.ethical_considerations": "Ethical considerations",
    "environment.energy_kwh": "Energy in kWh",
    "environment.co2_kg": "Emissions in kg of CO2",
}
FAIRNESS = "Group at risk"
LISTS = ("use.affected_groups",)
NUMBERS = ("environment.energy_kwh", "environment.co2_kg")
# Its own examples write slashes.
DAY = re.compile(r"(\d{4})[-/](\d{2})[-/](\d{2})", re.ASCII)
SHORT = 200
# What schema 0.0.1 has one of, or as bare texts: its place there and in 0.0.2, and in which key.
BARE = {
    "model_details": {
        "license": ("licenses", "custom_text"),
        "references": ("references", "reference"),
        "citation": ("citations", "citation"),
    },
    "considerations": {
        name: (name, "description") for name in ("users", "use_cases", "limitations", "tradeoffs")
    },
}
SETS = {"train": ("Training set", "training"), "eval": ("Evaluation set", "evaluation")}


def as_now(tree: Tree) -> Tree:
    """A tree of schema 0.0.1 with everything where 0.0.2 has it; one of 0.0.2 as it is."""
    tree = {name: dict(found) if isinstance(found, dict) else found for name, found in tree.items()}
    for section, names in BARE.items():
        there = tree.get(section, {})
        for name, (now, key) in names.items():
            said = there.get(name)
            bare = [said] if isinstance(said, str) else texts(said)
            # What is of both schemas at once is left as it is, and kept.
            if bare and said in (bare, bare[0]) and (now == name or now not in there):
                del there[name]
                there[now] = [{key: one} for one in bare]
    sets = part(tree, "model_parameters", "data")
    if isinstance(sets, dict) and all(
        name in SETS and isinstance(found, dict) for name, found in sets.items()
    ):
        tree["model_parameters"]["data"] = [
            {"name": SETS[name][0], "role": SETS[name][1], **found} for name, found in sets.items()
        ]
    return tree


def understood(tree: Tree) -> tuple[Document, Context]:
    document: Document = {"schema_version": "1", "overview": {}}
    _details(document, part(tree, "model_details"))
    _parameters(document, part(tree, "model_parameters"))
    analysis = part(tree, "quantitative_analysis")
    metrics = [_metric(found) for found in dicts(part(analysis, "performance_metrics"))]
    put(document, "evaluation.metrics", [metric for metric in metrics if metric])
    pictures = tuple(_pictures(part(analysis, "graphics", "collection")))
    graphics = [
        {"title": picture.title, "sha256": picture.sha256, "media_type": picture.media_type}
        for picture in pictures
    ]
    put(document, "evaluation.graphics", graphics)
    _considerations(document, part(tree, "considerations"))
    return document, Context(pictures=pictures)


def _details(document: Document, details: Any) -> None:
    put(document, "overview.name", text(details, "name"))
    said = text(details, "overview")
    short = said is not None and 20 <= len(said) <= 500
    put(document, "overview.summary", said if short else None)
    paragraphs = [None if short else said, text(details, "documentation")]
    put(document, "overview.description", "\n\n".join(p for p in paragraphs if p))
    parties = [
        without_nothing({"name": text(owner, "name"), "contact": text(owner, "contact")})
        for owner in dicts(part(details, "owners"))
        if text(owner, "name")
    ]
    put(document, "overview.owner", parties[0] if parties else None)
    put(document, "overview.developers", parties[1:])
    put(document, "overview.version", text(details, "version", "name"))
    date = text(details, "version", "date")
    if date and (day := DAY.fullmatch(date)):
        put(document, "overview.registered_at", f"{'-'.join(day.groups())}T00:00:00+00:00")
    put(document, "overview.change_summary", text(details, "version", "diff"))
    for licence in dicts(part(details, "licenses"))[:1]:
        named = text(licence, "identifier") or text(licence, "custom_text")
        put(document, "overview.license", named)
    references = [text(found, "reference") for found in dicts(part(details, "references"))]
    put(document, "overview.references", [{"url": url} for url in references if url])
    for citation in dicts(part(details, "citations"))[:1]:
        put(document, "overview.citation", text(citation, "citation"))
    if path := text(details, "path"):
        put(document, "provenance.mlflow", {"model_uri": path})


def _parameters(document: Document, parameters: Any) -> None:
    said = text(parameters, "model_architecture")
    first, _, rest = (said or "").partition("\n\n")
    if len(first) <= SHORT and "\n" not in first:
        put(document, "overview.model_type", first)
        put(document, "overview.architecture", rest)
    else:
        put(document, "overview.architecture", said)
    datasets = [_dataset(found) for found in dicts(part(parameters, "data"))]
    put(document, "data.datasets", [found for found in datasets if found])
    for field, key in (
        ("interface.inputs", "input_format"),
        ("interface.outputs", "output_format"),
    ):
        columns = [
            {"name": text(found, "key"), "type": text(found, "value")}
            for found in dicts(part(parameters, f"{key}_map"))
            if text(found, "key") and text(found, "value")
        ]
        put(document, field, columns)


def _dataset(found: dict[str, Any]) -> dict[str, Any] | None:
    name = text(found, "name")
    if name is None:
        return None
    # Schema 0.0.2 does not say what a data set was for.
    tests = re.search(r"(?i)\b(eval\w*|test\w*|valid\w*)\b", name)
    role = text(found, "role") or ("evaluation" if tests else "training")
    return {"name": name, "role": role} | without_nothing(
        {
            "url": text(found, "link"),
            "sensitive_attributes": texts(part(found, "sensitive", "sensitive_data")),
            "description": text(found, "description"),
        }
    )


def _metric(found: dict[str, Any]) -> dict[str, Any]:
    name, value = text(found, "type"), part(found, "value")
    if name is None or not isinstance(value, str | int | float):
        return {}
    interval = part(found, "confidence_interval")
    bounds = {
        "ci_low": number(part(interval, "lower_bound")),
        "ci_high": number(part(interval, "upper_bound")),
        "threshold": number(part(found, "threshold")),
    }
    return {"name": name, "value": number(value)} | without_nothing(
        {"slice": text(found, "slice")}
        | {key: bound for key, bound in bounds.items() if isinstance(bound, int | float)}
    )


def _pictures(collection: Any) -> Iterator[Picture]:
    for found in dicts(collection):
        image, title = text(found, "image"), text(found, "name")
        if image is None or title is None:
            continue
        try:
            data = base64.b64decode(image, validate=True)
        except (binascii.Error, ValueError):
            continue
        yield Picture(title, "image/png", data)


def _considerations(document: Document, said: Any) -> None:
    users, uses, limitations, trade_offs = (
        [t for found in dicts(part(said, key)) if (t := text(found, "description"))]
        for key in ("users", "use_cases", "limitations", "tradeoffs")
    )
    put(document, "use.intended_users", users)
    put(document, "use.intended_use", uses[0] if uses else None)
    put(document, "classification.business_problem", _joined(uses[1:]))
    put(document, "limitations.limitations", _without_led(document, limitations, LIMITATIONS))
    put(document, "development.trade_offs", _joined(_without_led(document, trade_offs, TRADE_OFFS)))
    risks, groups = [], []
    for found in dicts(part(said, "ethical_considerations")):
        name, mitigation = text(found, "name"), text(found, "mitigation_strategy")
        if name is None:
            continue
        if name.startswith(f"{FAIRNESS}: "):
            group = name.removeprefix(f"{FAIRNESS}: ")
            groups.append(without_nothing({"group_at_risk": group, "mitigation": mitigation}))
        elif mitigation or _without_led(document, [name], RISKS):
            risks.append(without_nothing({"name": name, "mitigation": mitigation}))
    put(document, "limitations.risks", risks)
    put(document, "fairness.assessments", groups)


def _without_led(document: Document, said: list[str], leads: dict[str, str]) -> list[str]:
    """Set the fields that say what they are; the others are left."""
    left = []
    for one in said:
        for field, lead in leads.items():
            value = one.removeprefix(f"{lead}: ")
            if value == one:
                continue
            section, name = field.split(".")
            before = document.setdefault(section, {}).get(name)
            if field in LISTS:
                put(document, field, [*(before or []), value])
            elif before is None and (field not in NUMBERS or not isinstance(number(value), str)):
                put(document, field, number(value) if field in NUMBERS else value)
            else:
                continue
            break
        else:
            left.append(one)
    return left


def _joined(texts: list[str]) -> str | None:
    return "\n".join(f"- {t}" for t in texts) if len(texts) > 1 else next(iter(texts), None)
