"""Whatever a file holds, reading it ends soon."""

import json
from time import monotonic
from typing import Any

import pytest

from apps.cards.formats import registry
from apps.core.errors import DomainError

MODEL = {"type": "machine-learning-model", "name": "x"}


def _bill(*components: dict[str, Any], **model: Any) -> dict[str, Any]:
    return {"bomFormat": "CycloneDX", "components": [MODEL | model, *components]}


FILES: dict[str, tuple[str, Any]] = {
    "lists of lists": (
        "sagemaker",
        {
            "model_overview": {},
            "evaluation_details": [
                {
                    "name": f"e{n}",
                    "metric_groups": [
                        {"name": "g", "metric_data": [{"name": f"m{i}", "value": i, "x": i}]}
                        for i in range(100)
                    ],
                }
                for n in range(40)
            ],
        },
    ),
    "people": (
        "mct",
        {"model_details": {"owners": [{"name": f"a{n}", "x": n} for n in range(15_000)]}},
    ),
    "texts": (
        "mct",
        {
            "model_details": {},
            "considerations": {"limitations": [{"description": f"Data: {n}", "z": n}
                                               for n in range(10_000)]},
        },
    ),
    "libraries": (
        "cyclonedx",
        _bill(*({"type": "library", "name": f"l{n}", "v": n} for n in range(15_000))),
    ),
    "properties": (
        "cyclonedx",
        _bill(modelCard={"properties": [{"name": f"mlgov:use.{n}", "value": "[" * 90}
                                        for n in range(9_000)]}),
    ),
    "strange names": (
        "json", {"schema_version": "1", "overview": {f"k{n}": n for n in range(50_000)}},
    ),
    "wrong values": (
        "json", {"schema_version": "1", "overview": {"tags": list(range(30_000))}},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_many_things_is_read_or_refused_soon(name: str) -> None:
    key, value = FILES[name]
    begun = monotonic()

    try:
        registry.read(key, json.dumps(value).encode())
    except DomainError:
        pass

    assert monotonic() - begun < 30
