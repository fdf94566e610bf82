"""JSON of Google's Model Card Toolkit, schema 0.0.2. All its values are text."""

import base64
import re
from typing import Any

from apps.cards.dates import is_moment
from apps.cards.formats import toolkit_reading, trees
from apps.cards.formats.base import Context, Document, Exported, Imported
from apps.cards.formats.fields import get
from apps.cards.formats.toolkit_reading import LIMITATIONS, MERGED, RISKS, TRADE_OFFS
from apps.cards.formats.trees import Tree, address, without_nothing
from apps.core.digests import canonical_json
from apps.core.errors import Invalid

KEY = "mct"
MEDIA_TYPE = "application/json"
SUFFIX = ".mct.json"
TOP = {
    "schema_version", "model_details", "model_parameters", "quantitative_analysis",
    "considerations",
}  # fmt: skip
# Licences are identifiers of SPDX or texts.
IDENTIFIER = re.compile(r"[A-Za-z0-9.+-]{1,40}")


def export(document: Document, context: Context) -> Exported:
    return trees.export(DIALECT, document, context)


def read(content: bytes) -> Imported:
    return trees.read(DIALECT, content)


def _check(value: Any) -> Tree:
    if not isinstance(value, dict) or not TOP & set(value) - {"schema_version"}:
        raise Invalid(
            "“model_details” is missing: the file is no card of the Model Card Toolkit. Choose the "
            "format that it is in.",
            details={"/model_details": "This is missing."},
        )
    for name in TOP - {"schema_version"}:
        if not isinstance(value.get(name, {}), dict):
            raise Invalid(
                f"“{name}” has to be an object. Correct the file.",
                details={f"/{name}": "This has to be an object."},
            )
    return toolkit_reading.as_now(value)


def native(document: Document, context: Context) -> Tree:
    return {"schema_version": "0.0.2", "model_details": _details(document)} | without_nothing(
        {
            "model_parameters": _parameters(document),
            "quantitative_analysis": without_nothing(
                {
                    "performance_metrics": [
                        _metric(metric) for metric in get(document, "evaluation.metrics") or []
                    ],
                    "graphics": _graphics(document, context),
                }
            ),
            "considerations": _considerations(document),
        }
    )


def _details(document: Document) -> dict[str, Any]:
    overview = document["overview"]
    registered = overview.get("registered_at", "")
    parties = [overview.get("owner"), *(overview.get("developers") or [])]
    licence = overview.get("license")
    citation = overview.get("citation")
    references = overview.get("references") or []
    return without_nothing(
        {
            "name": overview.get("name"),
            "overview": overview.get("summary"),
            "documentation": _documentation(document),
            "owners": [
                without_nothing({"name": p["name"], "contact": p.get("contact")})
                for p in parties
                if p
            ],
            "version": without_nothing(
                {
                    "name": overview.get("version"),
                    "date": registered[:10] if is_moment(registered) else None,
                    "diff": overview.get("change_summary"),
                }
            ),
            "licenses": [_licence(licence)] if licence else [],
            "references": [{"reference": url} for r in references if (url := address(r["url"]))],
            "citations": [{"citation": citation}] if citation else [],
            "path": (get(document, "provenance.mlflow") or {}).get("model_uri"),
        }
    )


def _licence(named: str) -> dict[str, str]:
    return {"identifier" if IDENTIFIER.fullmatch(named) else "custom_text": named}


def _documentation(document: Document) -> str:
    """The description, and what has no place of its own, below headings."""
    found = [get(document, "overview.description")]
    for field, heading in MERGED.items():
        if said := get(document, field):
            found.append(f"## {heading}\n\n{said}")
    return "\n\n".join(text for text in found if text)


def _parameters(document: Document) -> dict[str, Any]:
    kind = get(document, "overview.model_type")
    architecture = get(document, "overview.architecture")
    return without_nothing(
        {
            "model_architecture": "\n\n".join(text for text in (kind, architecture) if text),
            "data": [_dataset(found) for found in get(document, "data.datasets") or []],
            "input_format_map": _columns(get(document, "interface.inputs")),
            "output_format_map": _columns(get(document, "interface.outputs")),
        }
    )


def _columns(columns: list[dict[str, Any]] | None) -> list[dict[str, str]]:
    return [{"key": column["name"], "value": column["type"]} for column in columns or []]


def _dataset(dataset: dict[str, Any]) -> dict[str, Any]:
    sensitive = dataset.get("sensitive_attributes")
    return {"name": dataset["name"]} | without_nothing(
        {
            "link": address(dataset.get("url")),
            "sensitive": {"sensitive_data": sensitive} if sensitive else None,
            "description": dataset.get("description"),
        }
    )


def _metric(metric: dict[str, Any]) -> dict[str, Any]:
    bounds = {"lower_bound": metric.get("ci_low"), "upper_bound": metric.get("ci_high")}
    return {"type": metric["name"], "value": _spelled(metric["value"])} | without_nothing(
        {
            "slice": metric.get("slice"),
            "confidence_interval": {
                name: _spelled(bound) for name, bound in bounds.items() if bound is not None
            },
        }
    )


def _spelled(value: Any) -> str:
    return value if isinstance(value, str) else canonical_json(value).decode()


def _graphics(document: Document, context: Context) -> dict[str, Any]:
    found = []
    for graphic in get(document, "evaluation.graphics") or []:
        picture = context.picture(graphic["sha256"])
        if picture is not None and picture.media_type == "image/png":
            image = base64.b64encode(picture.content).decode()
            found.append({"name": graphic["title"], "image": image})
        else:
            found.append({"name": graphic["title"]})
    return {"collection": found} if found else {}


def _considerations(document: Document) -> dict[str, Any]:
    use, trade_offs = get(document, "use.intended_use"), get(document, "development.trade_offs")
    problem = get(document, "classification.business_problem")
    return without_nothing(
        {
            "users": _described(get(document, "use.intended_users") or []),
            "use_cases": _described([text for text in (use, problem) if text]),
            "limitations": _described(
                [*(get(document, "limitations.limitations") or []), *_led(document, LIMITATIONS)]
            ),
            "tradeoffs": _described(
                [*([trade_offs] if trade_offs else []), *_led(document, TRADE_OFFS)]
            ),
            "ethical_considerations": [
                *(
                    {"name": risk["name"]}
                    | without_nothing({"mitigation_strategy": risk.get("mitigation")})
                    for risk in get(document, "limitations.risks") or []
                ),
                *({"name": text} for text in _led(document, RISKS)),
                *(_fairness(found) for found in get(document, "fairness.assessments") or []),
            ],
        }
    )


def _described(texts: list[str]) -> list[dict[str, str]]:
    return [{"description": text} for text in texts]


def _led(document: Document, leads: dict[str, str]) -> list[str]:
    """Fields that share a list of the standard: each begins with what it is."""
    found = []
    for field, lead in leads.items():
        value = get(document, field)
        for one in value if isinstance(value, list) else [value]:
            if one not in (None, ""):
                found.append(f"{lead}: {_spelled(one)}")
    return found


def _fairness(found: dict[str, Any]) -> dict[str, str]:
    said = {"name": f"{toolkit_reading.FAIRNESS}: {found['group_at_risk']}"}
    return said | without_nothing({"mitigation_strategy": found.get("mitigation")})


DIALECT = trees.Dialect(KEY, MEDIA_TYPE, SUFFIX, native, toolkit_reading.understood, _check)
