"""What the model card in a bill of materials says."""

import base64
import binascii
from collections.abc import Iterator
from typing import Any

from apps.cards.documents import is_number
from apps.cards.formats.base import Context, Document, Picture
from apps.cards.formats.fields import put
from apps.cards.formats.trees import PREFIX, Tree, dicts, number, part, text, texts, without_nothing

MODEL = "machine-learning-model"
HERE = "The card in mlgov"
NAMELESS = "(without a name)"
LIBRARIES = ("library", "framework")


def model_in(tree: Tree) -> dict[str, Any] | None:
    """The component that is the model: the subject of the bill, or the first one in it."""
    candidates = [part(tree, "metadata", "component"), *dicts(tree.get("components"))]
    return next((c for c in candidates if isinstance(c, dict) and c.get("type") == MODEL), None)


def arranged(tree: Tree) -> Tree:
    """The bill with its model as its subject, if it has no other subject."""
    model, metadata = model_in(tree), tree.get("metadata", {})
    if not isinstance(metadata, dict) or "component" in metadata:
        return tree
    others = [found for found in tree["components"] if found is not model]
    return {**tree, "metadata": {**metadata, "component": model}, "components": others}


def extensions(tree: Tree) -> dict[str, str]:
    found = dicts(part(model_in(tree), "modelCard", "properties"))
    return {
        p["name"]: p["value"]
        for p in found
        if isinstance(p.get("name"), str) and isinstance(p.get("value"), str)
    }


def understood(tree: Tree) -> tuple[Document, Context]:
    document: Document = {"schema_version": "1", "overview": {}}
    component = model_in(tree) or {}
    url = _overview(document, tree, component)
    _parameters(document, part(component, "modelCard", "modelParameters"))
    analysis = part(component, "modelCard", "quantitativeAnalysis")
    metrics = [_metric(found) for found in dicts(part(analysis, "performanceMetrics"))]
    put(document, "evaluation.metrics", [metric for metric in metrics if metric])
    pictures = list(_pictures(part(analysis, "graphics", "collection")))
    graphics = [
        {"title": picture.title, "sha256": picture.sha256, "media_type": picture.media_type}
        for picture in pictures
    ]
    put(document, "evaluation.graphics", graphics)
    _considerations(document, part(component, "modelCard", "considerations"))
    packages = [
        without_nothing({key: text(found, key) for key in ("name", "version", "purl")})
        for found in dicts(tree.get("components"))
        if found.get("type") in LIBRARIES and text(found, "name")
    ]
    put(document, "development.environment", {"packages": packages} if packages else None)
    return document, Context(url, tuple(pictures))


def _overview(document: Document, tree: Tree, component: dict[str, Any]) -> str:
    name = text(component, "name")
    put(document, "overview.name", name if name != NAMELESS else None)
    put(document, "overview.version", text(component, "version"))
    said = text(component, "description")
    short = said is not None and 20 <= len(said) <= 500
    put(document, "overview.summary" if short else "overview.description", said)
    put(document, "overview.registered_at", text(tree, "metadata", "timestamp"))
    supplier = part(component, "supplier")
    mails = [text(contact, "email") for contact in dicts(part(supplier, "contact"))]
    owner = {"name": text(supplier, "name"), "contact": next(iter(mails), None)}
    put(document, "overview.owner", without_nothing(owner) if owner["name"] else None)
    authors = [
        without_nothing({"name": text(author, "name"), "contact": text(author, "email")})
        for author in dicts(component.get("authors"))
        if text(author, "name")
    ]
    put(document, "overview.developers", authors)
    for choice in dicts(component.get("licenses"))[:1]:
        licence = text(choice, "license", "id") or text(choice, "license", "name")
        put(document, "overview.license", licence or text(choice, "expression"))
    put(document, "overview.tags", texts(component.get("tags")))
    put(document, "overview.change_summary", text(component, "releaseNotes", "description"))
    ancestors = dicts(part(component, "pedigree", "ancestors"))
    put(document, "overview.base_models", [t for a in ancestors if (t := text(a, "name"))])
    return _references(document, component)


def _references(document: Document, component: dict[str, Any]) -> str:
    """The references and the repository; the address of the card itself is returned."""
    here, references = "", []
    for found in dicts(component.get("externalReferences")):
        url, comment = text(found, "url"), text(found, "comment")
        if url is None:
            continue
        if found.get("type") == "model-card" and comment == HERE:
            here = url
        elif found.get("type") == "vcs" and not comment and "development" not in document:
            put(document, "development.code", {"repository": url})
        else:
            references.append(without_nothing({"label": comment, "url": url}))
    put(document, "overview.references", references)
    return here


def _parameters(document: Document, parameters: Any) -> None:
    put(document, "overview.task", text(parameters, "task"))
    put(document, "overview.model_type", text(parameters, "architectureFamily"))
    put(document, "overview.architecture", text(parameters, "modelArchitecture"))
    datasets = [
        _dataset(found)
        for found in dicts(part(parameters, "datasets"))
        if text(found, "name") is not None
    ]
    put(document, "data.datasets", datasets)
    for field, key in (("interface.inputs", "inputs"), ("interface.outputs", "outputs")):
        formats = [text(found, "format") for found in dicts(part(parameters, key))]
        put(document, field, [_column(f, n) for n, f in enumerate(formats, start=1) if f])


def _column(said: str, position: int) -> dict[str, str]:
    name, colon, kind = said.rpartition(": ")
    return {"name": name, "type": kind} if colon else {"name": str(position), "type": said}


def _dataset(found: dict[str, Any]) -> dict[str, Any]:
    properties = dicts(part(found, "contents", "properties"))
    roles = [p.get("value") for p in properties if p.get("name") == f"{PREFIX}role"]
    dataset = {
        "url": text(found, "contents", "url"),
        "sensitive_attributes": texts(found.get("sensitiveData")),
        "description": text(found, "description"),
    }
    name = text(found, "name")
    return {"name": name, "role": roles[0] if roles else "training"} | without_nothing(dataset)


def _metric(found: dict[str, Any]) -> dict[str, Any]:
    name, value = text(found, "type"), text(found, "value")
    if name is None or value is None:
        return {}
    interval = part(found, "confidenceInterval")
    bounds = {
        "ci_low": number(text(interval, "lowerBound")),
        "ci_high": number(text(interval, "upperBound")),
    }
    return {"name": name, "value": number(value)} | without_nothing(
        {"slice": text(found, "slice")}
        | {key: bound for key, bound in bounds.items() if isinstance(bound, int | float)}
    )


def _pictures(collection: Any) -> Iterator[Picture]:
    for found in dicts(collection):
        content, title = text(found, "image", "content"), text(found, "name")
        if content is None or title is None:
            continue
        try:
            data = base64.b64decode(content, validate=True)
        except (binascii.Error, ValueError):
            continue
        yield Picture(title, text(found, "image", "contentType") or "", data)


def _considerations(document: Document, said: Any) -> None:
    put(document, "use.intended_users", texts(part(said, "users")))
    put(document, "use.intended_use", _joined(part(said, "useCases")))
    put(document, "limitations.limitations", texts(part(said, "technicalLimitations")))
    put(document, "development.trade_offs", _joined(part(said, "performanceTradeoffs")))
    risks = [
        without_nothing({"name": text(r, "name"), "mitigation": text(r, "mitigationStrategy")})
        for r in dicts(part(said, "ethicalConsiderations"))
        if text(r, "name")
    ]
    put(document, "limitations.risks", risks)
    names = {
        "group_at_risk": "groupAtRisk",
        "benefits": "benefits",
        "harms": "harms",
        "mitigation": "mitigationStrategy",
    }
    assessments = [
        without_nothing({ours: text(found, theirs) for ours, theirs in names.items()})
        for found in dicts(part(said, "fairnessAssessments"))
        if text(found, "groupAtRisk")
    ]
    put(document, "fairness.assessments", assessments)
    put(document, "fairness.assessed", "yes" if assessments else None)
    _environment(document, part(said, "environmentalConsiderations"))


def _environment(document: Document, said: Any) -> None:
    for found in dicts(part(said, "energyConsumptions"))[:1]:
        energy = part(found, "activityEnergyCost", "value")
        co2 = part(found, "co2CostEquivalent", "value")
        if is_number(energy):
            put(document, "environment.energy_kwh", energy)
        if is_number(co2):
            put(document, "environment.co2_kg", co2 * 1000)


def _joined(values: Any) -> str | None:
    """Several texts as the list of one; a single one as it is."""
    found = texts(values)
    return "\n".join(f"- {value}" for value in found) if len(found) > 1 else next(iter(found), None)
