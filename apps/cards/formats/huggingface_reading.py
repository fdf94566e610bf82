"""What a README of the Hub says that mlgov did not write: its front matter and its headings."""

import re
from collections.abc import Iterator
from typing import Any

from apps.cards.formats.base import Document
from apps.cards.formats.fields import get, has, put, spec_of

# Each of these takes time in proportion to the text, whatever the text is.
HEADING = re.compile(r"^(#{1,6})[ \t]+([^\s#].*)$", re.MULTILINE)
FENCE = re.compile(r"^(```+|~~~+).*?(?:^\1[ \t]*$|\Z)", re.MULTILINE | re.DOTALL)
NAMELESS = "Model ID"
OPTIONAL = re.compile(r"[ \t]*\[optional\]$", re.IGNORECASE)
NOTHING = re.compile(
    r"\[more information needed\]|^more information needed\.?[ \t]*$", re.IGNORECASE | re.MULTILINE
)
# What the Hub's template says of every model; only what somebody added to it is about this one.
OF_THE_TEMPLATE = re.compile(
    r"^(Use the code below to get started with the model\."
    r"|Users \(both direct and downstream\) should be made aware of the risks, biases and "
    r"limitations of the model\. More information needed for further recommendations\."
    r"|\*\*(BibTeX|APA):\*\*(?=\s*(\*\*|\Z)))[ \t]*$",
    re.MULTILINE,
)
# A line of the template's lists. Without a value it is a question.
BULLET = re.compile(r"^- \*\*(?P<name>[^*\n]{1,80}):\*\*[ \t]*(?P<value>[^\n]*)$\n?", re.MULTILINE)
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
    "training hyperparameters": "development.method",
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
# Lines of the template's lists, by what stands in bold in front of the colon.
LINES = {
    "developed by": "overview.developers",
    "model type": "overview.model_type",
    "language(s) (nlp)": "overview.languages",
    "license": "overview.license",
    "finetuned from model": "overview.base_models",
    "repository": "overview.references",
    "paper": "overview.references",
    "demo": "overview.references",
    "hardware type": "development.compute.hardware",
    "cloud provider": "development.compute.provider",
    "compute region": "development.compute.region",
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
    for model in index[:1] if isinstance(index, list) else []:
        if isinstance(model, dict) and not has(document, "overview.name"):
            put(document, "overview.name", _text(model.get("name")))
    # The Hub itself takes the task of the results, where it is one.
    tasks = {_text(task.get("type")) for task in _tasks(index)}
    if len(tasks) == 1 and not has(document, "overview.task"):
        put(document, "overview.task", tasks.pop())


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


def _tasks(index: Any) -> Iterator[dict[str, Any]]:
    for result in _dicts(index, "results"):
        if isinstance(task := result.get("task"), dict):
            yield task


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
    name = re.sub(r"(?i)^model card (for|of)\s+", "", title)[:200]
    if name != NAMELESS and not has(document, "overview.name"):
        put(document, "overview.name", name)
    found: dict[str, list[str]] = {}
    for heading, text in sections:
        field = FIELD_OF.get(OPTIONAL.sub("", heading.lower().strip("*_ :")))
        text = _without_lines(document, _meant(text))
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
    text = NOTHING.sub("", "".join(kept) + text[place:])
    return OF_THE_TEMPLATE.sub("", text).strip()


def _without_lines(document: Document, text: str) -> str:
    """The text without the lines that became fields, and without those that say nothing."""

    def taken(line: re.Match[str]) -> str:
        value = line["value"].strip()
        name = OPTIONAL.sub("", line["name"].lower())
        return "" if not value or _is_field(document, name, value) else line[0]

    return BULLET.sub(taken, text).strip()


def _is_field(document: Document, name: str, value: str) -> bool:
    """Whether the card now says so: what the front matter says goes before it."""
    if name not in LINES:
        return False
    section, key, *inner = LINES[name].split(".")
    field = f"{section}.{key}"
    before = get(document, field)
    if inner:
        put(document, field, {inner[0]: value, **(before or {})})
    elif field == "overview.references":
        if not value.startswith(("https://", "http://")):
            return False
        put(document, field, [*(before or []), {"label": name.capitalize(), "url": value}])
    elif before is None and field == "overview.developers":
        put(document, field, [{"name": value}])
    elif before is None:
        is_list = spec_of(field)["type"] == "array"
        put(document, field, re.split(r",[ \t]*", value) if is_list else value)
    return True


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
