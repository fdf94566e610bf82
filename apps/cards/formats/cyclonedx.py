"""CycloneDX 1.6: a bill of materials whose subject is the model, with its model card."""

import base64
import re
import uuid
from typing import Any

from apps.cards.dates import is_moment
from apps.cards.formats import cyclonedx_reading, trees
from apps.cards.formats.base import Context, Document, Exported, Imported
from apps.cards.formats.cyclonedx_reading import HERE, MODEL, NAMELESS
from apps.cards.formats.fields import get, tidy
from apps.cards.formats.trees import Tree, address, without_nothing
from apps.core.digests import canonical_json, digest_of
from apps.core.errors import Invalid

KEY = "cyclonedx"
MEDIA_TYPE = "application/vnd.cyclonedx+json; version=1.6"
SUFFIX = ".cdx.json"
# What strict readers take for a mail address.
MAIL = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+", re.ASCII)
# Of SPDX's list, what people use. The identifiers are spelled exactly so.
SPDX = {
    "Apache-2.0", "MIT", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MPL-2.0", "GPL-2.0-only",
    "GPL-3.0-only", "GPL-3.0-or-later", "LGPL-3.0-only", "AGPL-3.0-only", "CC0-1.0", "CC-BY-4.0",
    "CC-BY-SA-4.0", "CC-BY-NC-4.0", "Unlicense", "EUPL-1.2",
}  # fmt: skip


def export(document: Document, context: Context) -> Exported:
    return trees.export(DIALECT, document, context)


def read(content: bytes) -> Imported:
    return trees.read(DIALECT, content)


def _check(value: Any) -> Tree:
    if not isinstance(value, dict) or value.get("bomFormat") != "CycloneDX":
        raise Invalid(
            "“bomFormat” has to be “CycloneDX”: the file is no CycloneDX bill of materials. Choose "
            "the format that it is in.",
            details={"/bomFormat": "This has to be “CycloneDX”."},
        )
    if cyclonedx_reading.model_in(value) is None:
        raise Invalid(
            f"Neither “metadata.component” nor “components” holds a component of the type "
            f"“{MODEL}”. Send the bill of materials of a model.",
            details={"/components": f"None of these is of the type “{MODEL}”."},
        )
    return value


def native(document: Document, context: Context) -> Tree:
    registered = get(document, "overview.registered_at")
    identity = uuid.uuid5(uuid.NAMESPACE_URL, digest_of(tidy(document)))
    metadata = {
        "timestamp": registered if registered and is_moment(registered) else None,
        "component": _component(document, context),
    }
    return without_nothing(
        {
            "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
            "bomFormat": "CycloneDX",
            "specVersion": "1.6",
            "serialNumber": f"urn:uuid:{identity}",
            "version": 1,
            "metadata": without_nothing(metadata),
            "components": _packages(document),
        }
    )


def _component(document: Document, context: Context) -> dict[str, Any]:
    overview = document["overview"]
    owner = overview.get("owner")
    change = overview.get("change_summary")
    version = overview.get("version", "")
    bases = [{"type": MODEL, "name": name} for name in overview.get("base_models") or []]
    return {"type": MODEL, "name": overview.get("name") or NAMELESS} | without_nothing(
        {
            "version": version if len(version) <= 1024 else None,
            "description": overview.get("summary"),
            "supplier": _entity(owner) if owner else None,
            "authors": [_contact(party) for party in overview.get("developers") or []],
            "licenses": _licenses(overview.get("license")),
            "externalReferences": _references(document, context),
            "pedigree": without_nothing({"ancestors": bases}),
            "releaseNotes": {"type": "other", "description": change} if change else None,
            "tags": overview.get("tags"),
            "modelCard": without_nothing(
                {
                    "modelParameters": _parameters(document),
                    "quantitativeAnalysis": _analysis(document, context),
                    "considerations": _considerations(document),
                }
            ),
        }
    )


def _contact(party: dict[str, Any]) -> dict[str, Any]:
    mail = party.get("contact", "")
    return {"name": party["name"]} | ({"email": mail} if MAIL.fullmatch(mail) else {})


def _entity(party: dict[str, Any]) -> dict[str, Any]:
    mail = party.get("contact", "")
    contact = [{"email": mail}] if MAIL.fullmatch(mail) else []
    return without_nothing({"name": party["name"], "contact": contact})


def _licenses(named: str | None) -> list[dict[str, Any]]:
    if not named:
        return []
    return [{"license": {"id" if named in SPDX else "name": named}}]


def _references(document: Document, context: Context) -> list[dict[str, Any]]:
    found = []
    if url := address(context.url):
        found.append({"type": "model-card", "url": url, "comment": HERE})
    if url := address((get(document, "development.code") or {}).get("repository", "")):
        found.append({"type": "vcs", "url": url})
    for reference in get(document, "overview.references") or []:
        if url := address(reference["url"]):
            label = reference.get("label")
            found.append(without_nothing({"type": "documentation", "url": url, "comment": label}))
    return found


def _packages(document: Document) -> list[dict[str, Any]]:
    found: dict[tuple[Any, ...], dict[str, Any]] = {}  # a bill names each thing once
    for package in (get(document, "development.environment") or {}).get("packages") or []:
        component = {"type": "library", "name": package["name"]} | without_nothing(
            {"version": package.get("version", "")[:1024], "purl": package.get("purl")}
        )
        found.setdefault(tuple(component.items()), component)
    return list(found.values())


def _parameters(document: Document) -> dict[str, Any]:
    return without_nothing(
        {
            "task": get(document, "overview.task"),
            "architectureFamily": get(document, "overview.model_type"),
            "modelArchitecture": get(document, "overview.architecture"),
            "datasets": [_dataset(found) for found in get(document, "data.datasets") or []],
            "inputs": _formats(get(document, "interface.inputs")),
            "outputs": _formats(get(document, "interface.outputs")),
        }
    )


def _formats(columns: list[dict[str, Any]] | None) -> list[dict[str, str]]:
    return [{"format": f"{column['name']}: {column['type']}"} for column in columns or []]


def _dataset(dataset: dict[str, Any]) -> dict[str, Any]:
    role = [{"name": f"{trees.PREFIX}role", "value": dataset["role"]}]
    contents = {"url": address(dataset.get("url", "")), "properties": role}
    return {"type": "dataset", "name": dataset["name"]} | without_nothing(
        {
            "contents": without_nothing(contents),
            "sensitiveData": dataset.get("sensitive_attributes"),
            "description": dataset.get("description"),
        }
    )


def _analysis(document: Document, context: Context) -> dict[str, Any]:
    metrics = [_metric(metric) for metric in get(document, "evaluation.metrics") or []]
    graphics = [_graphic(g, context) for g in get(document, "evaluation.graphics") or []]
    return without_nothing(
        {
            "performanceMetrics": metrics,
            "graphics": {"collection": graphics} if graphics else None,
        }
    )


def _metric(metric: dict[str, Any]) -> dict[str, Any]:
    bounds = {"lowerBound": metric.get("ci_low"), "upperBound": metric.get("ci_high")}
    return {"type": metric["name"], "value": _spelled(metric["value"])} | without_nothing(
        {
            "slice": metric.get("slice"),
            "confidenceInterval": {
                name: _spelled(bound) for name, bound in bounds.items() if bound is not None
            },
        }
    )


def _spelled(value: Any) -> str:
    return value if isinstance(value, str) else canonical_json(value).decode()


def _graphic(graphic: dict[str, Any], context: Context) -> dict[str, Any]:
    picture = context.picture(graphic["sha256"])
    if picture is None:
        return {"name": graphic["title"]}
    content = base64.b64encode(picture.content).decode()
    image = {"contentType": picture.media_type, "encoding": "base64", "content": content}
    return {"name": graphic["title"], "image": image}


def _considerations(document: Document) -> dict[str, Any]:
    use = get(document, "use.intended_use")
    trade_offs = get(document, "development.trade_offs")
    return without_nothing(
        {
            "users": get(document, "use.intended_users"),
            "useCases": [use] if use else [],
            "technicalLimitations": get(document, "limitations.limitations"),
            "performanceTradeoffs": [trade_offs] if trade_offs else [],
            "ethicalConsiderations": [
                without_nothing(
                    {"name": risk["name"], "mitigationStrategy": risk.get("mitigation")}
                )
                for risk in get(document, "limitations.risks") or []
            ],
            "fairnessAssessments": [
                without_nothing(
                    {
                        "groupAtRisk": found["group_at_risk"],
                        "benefits": found.get("benefits"),
                        "harms": found.get("harms"),
                        "mitigationStrategy": found.get("mitigation"),
                    }
                )
                for found in get(document, "fairness.assessments") or []
            ],
            "environmentalConsiderations": _environment(document),
        }
    )


def _environment(document: Document) -> dict[str, Any]:
    energy, co2 = get(document, "environment.energy_kwh"), get(document, "environment.co2_kg")
    if energy is None:
        return {}  # the standard has no emissions without an energy
    consumption: dict[str, Any] = {
        "activity": "training",
        "energyProviders": [],
        "activityEnergyCost": {"value": energy, "unit": "kWh"},
    }
    if co2 is not None:
        consumption["co2CostEquivalent"] = {"value": co2 / 1000, "unit": "tCO2eq"}
    return {"energyConsumptions": [consumption]}


def _extend(tree: Tree, said: dict[str, str], context: Context) -> None:
    if said:
        card = tree["metadata"]["component"].setdefault("modelCard", {})
        card["properties"] = [{"name": name, "value": value} for name, value in said.items()]


DIALECT = trees.Dialect(
    KEY, MEDIA_TYPE, SUFFIX, native, cyclonedx_reading.understood, _check, _extend,
    cyclonedx_reading.extensions, cyclonedx_reading.arranged,
)  # fmt: skip
