"""Markdown with the front matter of Hugging Face, and the document itself under `mlgov:` in it."""

import re
from typing import Any

import yaml

from apps.cards.formats import huggingface_reading, markdown
from apps.cards.formats.base import Context, Document, Exported, Imported
from apps.cards.formats.canonical import imported
from apps.cards.formats.fields import get
from apps.cards.formats.fitting import fit
from apps.cards.formats.leftovers import keep, unsaid
from apps.cards.formats.reading import from_yaml, text_of
from apps.core.digests import digest_of
from apps.core.errors import Invalid

KEY = "huggingface"
MEDIA_TYPE = "text/markdown; charset=utf-8"
SUFFIX = ".md"
FRONT = re.compile(r"\A\s*---[ \t]*\r?\n(?P<front>.*?)^---[ \t]*(?:\r?\n|\Z)", re.DOTALL | re.M)
# Of the Hub's list of licences, those that people use; others are `other` with a name.
LICENSES = {
    "apache-2.0", "mit", "bsd-2-clause", "bsd-3-clause", "gpl-2.0", "gpl-3.0", "lgpl-3.0",
    "agpl-3.0", "mpl-2.0", "cc-by-4.0", "cc-by-sa-4.0", "cc-by-nc-4.0", "cc0-1.0", "unlicense",
    "openrail", "artistic-2.0", "isc", "eupl-1.2",
}  # fmt: skip
# The Hub warns of tasks that it does not know.
TASKS = {
    "tabular-classification", "tabular-regression", "time-series-forecasting",
    "text-classification", "token-classification", "text-generation", "question-answering",
    "summarization", "translation", "fill-mask", "sentence-similarity", "feature-extraction",
    "zero-shot-classification", "image-classification", "object-detection", "image-segmentation",
    "image-to-text", "text-to-image", "automatic-speech-recognition", "audio-classification",
    "text-to-speech", "reinforcement-learning", "robotics", "graph-ml",
}  # fmt: skip


class _Dumper(yaml.SafeDumper):
    """No aliases, and no text over several lines: no line of a value looks like the end."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = None if text.isprintable() else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def export(document: Document, context: Context) -> Exported:
    content = written(document, context.url, remark=context.left_out)
    return Exported(content.encode(), MEDIA_TYPE, SUFFIX)


def written(document: Document, url: str, *, remark: str = "") -> str:
    front = yaml.dump(
        front_matter(document, url), Dumper=_Dumper, sort_keys=False, allow_unicode=True,
        width=2**20,
    )  # fmt: skip
    # A comment of YAML: no import takes it for a part of the card.
    said = f"# {' '.join(remark.split())}\n" if remark else ""
    return f"---\n{said}{front}---\n\n{markdown.body(document)}"


def front_matter(document: Document, url: str) -> dict[str, Any]:
    """What the Hub reads, then what only mlgov reads."""
    found = {
        "model_name": get(document, "overview.name"),
        "language": get(document, "overview.languages"),
        "license": None,
        "license_name": None,
        "library_name": (get(document, "overview.framework") or "").split(" ")[0],
        "pipeline_tag": _task(document),
        "base_model": get(document, "overview.base_models"),
        "datasets": _datasets(document),
        "tags": get(document, "overview.tags"),
        "co2_eq_emissions": _emissions(document),
        "model-index": _index(document),
    }
    if license_ := get(document, "overview.license"):
        known = license_.lower() in LICENSES
        found["license"] = license_.lower() if known else "other"
        found["license_name"] = None if known else license_
    front = {key: value for key, value in found.items() if value not in (None, "", [], {})}
    own = {"schema": "urn:mlgov:model-card:1", "url": url, "digest": digest_of(document)}
    front["mlgov"] = {k: v for k, v in own.items() if v} | {"document": document}
    return front


def read(content: bytes) -> Imported:
    """The document under `mlgov:` if there is one, else what the Hub's fields and headings say."""
    text = text_of(content)
    match = FRONT.match(text)
    front = from_yaml(match["front"], "The front matter") if match else {}
    if front is None:
        front = {}
    if not isinstance(front, dict):
        raise Invalid(
            "The front matter has to be a mapping of names to values. Correct what stands between "
            "the two lines of dashes."
        )
    rest = text[match.end() :] if match else text
    own = front.get("mlgov")
    url = ""
    kept = False
    if isinstance(own, dict) and isinstance(own.get("document"), dict):
        url = own["url"] if isinstance(own.get("url"), str) else ""
        found = imported(own["document"], KEY)
        document, kept = found.document, found.kept
        again = front_matter(document, url)
    else:
        document = huggingface_reading.understood(front, rest)
        fit(document)
        again = front_matter(document, url)
        again.pop("mlgov")
    left = {
        "front_matter": unsaid(front, again),
        "body": unsaid(rest, _said_in_body(document, own is not None)),
    }
    left = {key: value for key, value in left.items() if value is not None}
    return Imported(document, kept=keep(document, KEY, left or None) or kept)


def _said_in_body(document: Document, ours: bool) -> Any:
    if ours:
        return markdown.body(document)
    # A body of plain text that became one field needs no second place.
    return get(document, "overview.description") or get(document, "overview.summary")


def _task(document: Document) -> str | None:
    task = get(document, "overview.task")
    return task if task in TASKS else None


def _datasets(document: Document) -> list[str]:
    names = [dataset["name"] for dataset in get(document, "data.datasets") or []]
    return list(dict.fromkeys(names))


def _emissions(document: Document) -> dict[str, Any] | None:
    kilograms = get(document, "environment.co2_kg")
    if kilograms is None:
        return None
    # The Hub counts grams.
    emissions: dict[str, Any] = {"emissions": kilograms * 1000}
    if method := get(document, "environment.method"):
        emissions["source"] = method
    return emissions


def _index(document: Document) -> list[dict[str, Any]]:
    """`model-index`: one result for each data set and split that metrics name."""
    task = get(document, "overview.task") or "other"
    results: dict[tuple[str, str], dict[str, Any]] = {}
    for metric in get(document, "evaluation.metrics") or []:
        name, split = metric.get("dataset") or "not stated", metric.get("split") or ""
        result = results.setdefault(
            (name, split),
            {
                "task": {"type": task},
                "dataset": {"type": "other", "name": name} | ({"split": split} if split else {}),
                "metrics": [],
            },
        )
        label = metric["name"]
        if metric.get("slice"):
            label = f"{label} ({metric['slice']})"
        result["metrics"].append({"type": metric["name"], "value": metric["value"], "name": label})
    if not results:
        return []
    return [
        {
            "name": get(document, "overview.name") or "not stated",
            "results": list(results.values()),
        }
    ]
