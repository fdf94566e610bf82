"""Documents of cards for tests: one that is filled in, and a strategy for any that is valid."""

import hashlib
import json
import zlib
from copy import deepcopy
from struct import pack
from typing import Any

from hypothesis import strategies as st

from apps.cards.formats.base import Picture
from apps.cards.formats.fields import SCHEMA, resolved

# What has another meaning somewhere: Markdown, HTML, YAML, JSON, spreadsheets, Unicode.
AWKWARD = [
    "---", "\n---\n", "<script>alert(1)</script>", "<!--", "```", "# ", "- a\n- b", "| a | b |",
    "[x]: javascript:1", "*a", "&amp;", "!!python/object", "no", "null", "1e3", "2026-01-01",
    "=1+1", "\u2028", "\x85", "\ufeff", "\x1b", "\r\n", "😀", "é", "'", '"', "\\", "{{ x }}",
    "{% x %}",
]  # fmt: skip
_letters = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=12)
texts = st.one_of(
    _letters, st.sampled_from(AWKWARD), st.tuples(_letters, st.sampled_from(AWKWARD)).map("".join)
)
numbers = st.one_of(st.integers(-(2**53), 2**53), st.floats(allow_nan=False, allow_infinity=False))
loose = st.recursive(
    st.one_of(st.none(), st.booleans(), numbers, texts),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(texts, inner, max_size=2)),
    max_leaves=4,
)


def of(spec: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Any value that this part of the schema allows."""
    spec = resolved(spec)
    if "const" in spec:
        return st.just(spec["const"])
    if "enum" in spec:
        return st.sampled_from(spec["enum"])
    kind = spec.get("type")
    if isinstance(kind, list):
        return st.one_of(*(of({**spec, "type": one}) for one in kind))
    if kind == "object":
        return _objects(spec)
    if kind == "array":
        return st.lists(of(spec["items"]), min_size=spec.get("minItems", 0), max_size=3)
    if kind == "string":
        return _texts(spec)
    if kind == "boolean":
        return st.booleans()
    if kind == "integer":
        return st.integers(spec.get("minimum", -(2**53)), 2**53)
    if kind == "number":
        return numbers
    return loose


def _objects(spec: dict[str, Any]) -> st.SearchStrategy[Any]:
    parts = spec.get("properties")
    if parts is None:
        more = spec.get("additionalProperties")
        values = of(more) if isinstance(more, dict) else loose
        return st.dictionaries(texts, values, max_size=3)
    required = spec.get("required", [])
    return st.fixed_dictionaries(
        {name: of(part) for name, part in parts.items() if name in required},
        optional={name: of(part) for name, part in parts.items() if name not in required},
    )


def _texts(spec: dict[str, Any]) -> st.SearchStrategy[str]:
    if spec.get("format") == "date":
        return st.dates().map(lambda date: date.isoformat())
    if spec.get("format") == "date-time":
        return st.datetimes().map(lambda moment: f"{moment.isoformat(timespec='seconds')}+00:00")
    if "pattern" in spec:
        return texts.map(lambda text: hashlib.sha256(text.encode()).hexdigest())
    least, most = spec.get("minLength", 0), spec.get("maxLength", 10**6)
    return texts.map(lambda text: text.ljust(least, "x")[:most])


documents = of(SCHEMA)


def png(red: int = 200) -> bytes:
    """A picture of one dot."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return pack(">I", len(data)) + kind + data + pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0))
    dot = chunk(b"IDAT", zlib.compress(bytes([0, red, 0, 0])))
    return b"\x89PNG\r\n\x1a\n" + head + dot + chunk(b"IEND", b"")


def picture() -> Picture:
    return Picture("ROC", "image/png", png())


def full() -> dict[str, Any]:
    """A document in which each field says something, and each text says where it stands."""
    document = {
        section: {
            name: _marked(f"{section}.{name}", spec) for name, spec in part["properties"].items()
        }
        for section, part in SCHEMA["properties"].items()
        if "properties" in part
    }
    document = {"schema_version": "1", **document}
    document["overview"]["references"][0]["url"] = "https://example.org/overview.references"
    document["evaluation"]["graphics"] = [
        {"title": "ROC", "sha256": picture().sha256, "media_type": "image/png"}
    ]
    return document


def _marked(place: str, spec: dict[str, Any]) -> Any:
    spec = resolved(spec)
    kind = spec.get("type")
    if "enum" in spec:
        return spec["enum"][-1]
    if kind == "object":
        parts = spec.get("properties", {"key": {"type": "string"}})
        return {name: _marked(place, part) for name, part in parts.items()}
    if kind == "array":
        return [_marked(place, spec["items"])]
    if kind == "string":
        if spec.get("format") == "date":
            return "2026-11-21"
        if spec.get("format") == "date-time":
            return "2026-11-21T09:30:00+00:00"
        if "pattern" in spec:
            return hashlib.sha256(place.encode()).hexdigest()
        return f"Said in {place}"
    if kind == "boolean":
        return True
    if kind in ("number", "integer"):
        return zlib.crc32(place.encode()) % 9000
    return f"Said in {place}"


EXAMPLE: dict[str, Any] = json.loads("""
{
  "schema_version": "1",
  "overview": {
    "name": "credit-default",
    "version": "3",
    "summary": "Predicts whether a retail applicant defaults within twelve months.",
    "task": "tabular-classification",
    "model_type": "logistic regression",
    "framework": "sklearn 1.9.1",
    "owner": {"name": "Credit risk"},
    "license": "Apache-2.0",
    "languages": ["en"],
    "registered_at": "2026-11-21T03:23:31+00:00",
    "change_summary": "Trained on the third quarter."
  },
  "classification": {"risk_tier": "high", "risk_rationale": "It affects who gets credit."},
  "use": {
    "intended_use": "Sort applications up to 15 000 EUR before a person decides.",
    "intended_users": ["credit analysts"],
    "out_of_scope": "Loans of companies."
  },
  "data": {
    "datasets": [
      {"name": "credit-2026q3", "role": "training", "rows": 569, "digest": "84b0b24e"}
    ]
  },
  "evaluation": {
    "metrics": [
      {"name": "roc_auc", "value": 0.91, "slice": "overall", "ci_low": 0.9, "ci_high": 0.92},
      {"name": "loss", "value": 0.2, "dataset": "credit-2026q3", "split": "test"}
    ]
  },
  "limitations": {"limitations": ["Not valid for companies."]},
  "environment": {"energy_kwh": 1.2, "co2_kg": 0.4}
}
""")


def example() -> dict[str, Any]:
    """A small card, as people write it."""
    return deepcopy(EXAMPLE)
