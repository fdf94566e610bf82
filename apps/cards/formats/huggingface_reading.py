"""What a README of the Hub says that mlgov did not write: its front matter and its headings."""

import re
from collections.abc import Iterator
from typing import Any

from apps.cards.formats.base import Document
from apps.cards.formats.fields import put

# Each of these takes time in proportion to the text, whatever the text is.
HEADING = re.compile(r"^(#{1,6})[ \t]+([^\s#].*)$", re.MULTILINE)
FENCE = re.compile(r"^(```+|~~~+).*?(?:^\1[ \t]*$|\Z)", re.MULTILINE | re.DOTALL)
NOTHING = re.compile(r"\[?more information needed\]?\.?", re.IGNORECASE)
# Headings of the Hub's own template, and what people write in their place.
FIELD_OF = {
    "model description": "overview.description",
    "model details": "overview.description",
    "model summary": "overview.description",
    "direct use": "use.intended_use",
    "uses": "use.intended_use",
    "intended use": "use.intended_use",
    "intended uses": "use.intended_use",
    "intended uses & limitations": "use.intended_use",
    "downstream use": "use.integration",
    "out-of-scope use": "use.out_of_scope",
    "bias, risks, and limitations": "limitations.limitations",
    "limitations": "limitations.limitations",
    "limitations and bias": "limitations.limitations",
    "recommendations": "limitations.recommendations",
    "how to get started with the model": "use.instructions_for_use",
    "how to use": "use.instructions_for_use",
    "usage": "use.instructions_for_use",
    "training data": "data.summary",
    "training procedure": "development.method",
    "preprocessing": "development.preprocessing",
    "evaluation": "evaluation.procedure",
    "testing data": "evaluation.procedure",
    "factors": "evaluation.factors",
    "metrics": "evaluation.metric_rationale",
    "results": "evaluation.results_summary",
    "summary": "evaluation.comparison",
    "model examination": "evaluation.explainability",
    "model architecture and objective": "overview.architecture",
    "citation": "overview.citation",
    "model card contact": "overview.contact",
}


def understood(front: dict[str, Any], body: str) -> Document:
    document: Document = {"schema_version": "1", "overview": {}}
    _front(document, front)
    _body(document, body)
    return document


def _front(document: Document, front: dict[str, Any]) -> None:
    put(document, "overview.languages", _texts(front.get("language")))
    put(document, "overview.base_models", _texts(front.get("base_model")))
    put(document, "overview.tags", _texts(front.get("tags")))
    put(document, "overview.name", _text(front.get("model_name")))
    put(document, "overview.task", _text(front.get("pipeline_tag")))
    put(document, "overview.framework", _text(front.get("library_name")))
    license_ = _text(front.get("license"))
    named = _text(front.get("license_name")) if license_ == "other" else None
    put(document, "overview.license", named or license_)
    datasets = [{"name": name, "role": "training"} for name in _texts(front.get("datasets"))]
    put(document, "data.datasets", datasets)
    emissions = front.get("co2_eq_emissions")
    if isinstance(emissions, dict):
        put(document, "environment.method", _text(emissions.get("source")))
        emissions = emissions.get("emissions")
    if isinstance(emissions, int | float) and not isinstance(emissions, bool):
        put(document, "environment.co2_kg", emissions / 1000)
    put(document, "evaluation.metrics", list(_metrics(front.get("model-index"))))
    index = front.get("model-index")
    if isinstance(index, list) and index and isinstance(index[0], dict):
        document["overview"].setdefault("name", index[0].get("name"))
    if document["overview"].get("name") is None:
        document["overview"].pop("name", None)


def _metrics(index: Any) -> Iterator[dict[str, Any]]:
    for result in _dicts(index, "results"):
        dataset = result.get("dataset")
        dataset = dataset if isinstance(dataset, dict) else {}
        for metric in _dicts([result], "metrics"):
            value, kind = metric.get("value"), _text(metric.get("type"))
            if kind is None or not isinstance(value, int | float | str):
                continue
            found = {
                "name": kind,
                "value": value,
                "dataset": _text(dataset.get("name")),
                "split": _text(dataset.get("split")),
            }
            yield {key: inner for key, inner in found.items() if inner is not None}


def _dicts(values: Any, key: str) -> Iterator[dict[str, Any]]:
    for value in values if isinstance(values, list) else []:
        inner = value.get(key) if isinstance(value, dict) else None
        yield from (
            (found for found in inner or [] if isinstance(found, dict))
            if isinstance(inner, list)
            else ()
        )


def _body(document: Document, body: str) -> None:
    title, lead, sections = _sections(body)
    if title and "name" not in document["overview"]:
        put(document, "overview.name", re.sub(r"(?i)^model card (for|of)\s+", "", title)[:200])
    found: dict[str, list[str]] = {}
    for heading, text in sections:
        field = FIELD_OF.get(heading.lower().strip("*_ :"))
        text = _meant(text)
        if field and text:
            found.setdefault(field, []).append(text)
    for field, texts in found.items():
        joined = "\n\n".join(texts)
        put(document, field, [joined] if field == "limitations.limitations" else joined)
    lead = _meant(lead)
    first = " ".join(lead.split("\n\n")[0].split())
    if 20 <= len(first) <= 500:
        put(document, "overview.summary", first)
    if lead and "description" not in document["overview"] and first != lead:
        put(document, "overview.description", lead)


def _meant(text: str) -> str:
    """The text without comments, and without what the template says where nothing was written."""
    kept, place = [], 0
    while (start := text.find("<!--", place)) >= 0:
        end = text.find("-->", start)
        kept.append(text[place:start])
        place = end + 3 if end >= 0 else len(text)
    return NOTHING.sub("", "".join(kept) + text[place:]).strip()


def _sections(body: str) -> tuple[str, str, list[tuple[str, str]]]:
    """The title, what stands before the first heading below it, and each heading with its text."""
    # A comment in a program is not a heading.
    blank = FENCE.sub(lambda m: re.sub(r"[^\n]", " ", m[0]), body)
    marks = list(HEADING.finditer(blank))
    if not marks:
        return "", body, []
    ends = [mark.start() for mark in marks[1:]] + [len(body)]
    sections = [
        (mark[2].rstrip(" \t\r#"), body[mark.end() : end].strip("\n"))
        for mark, end in zip(marks, ends, strict=True)
    ]
    before = body[: marks[0].start()].strip()
    if len(marks[0][1]) == 1:
        title, lead = sections[0]
        return title, f"{before}\n\n{lead}".strip(), sections[1:]
    return "", before, sections


def _text(value: Any) -> str | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    return str(value)


def _texts(value: Any) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [value for value in values if isinstance(value, str)]
