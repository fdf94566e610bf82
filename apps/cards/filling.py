"""What mlgov can say on a card by itself: from the registration, the run and the artifacts."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement

from apps.cards import documents, guesses
from apps.cards.documents import Document, is_empty, with_values
from apps.cards.masking import masked
from apps.core.digests import canonical_json
from apps.registry.models import Lineage, ModelVersion

# Of very long lists the beginning is kept. The digest of all artifacts stands beside them.
MOST_ARTIFACTS = 500
MOST_METRICS = 1_000
MOST_PARAMETERS = 1_000
MOST_COLUMNS = 500
MOST_PACKAGES = 500
LONGEST_PARAMETER = 500
LONGEST_LINE = 2_000
SHORTEST_SUMMARY, LONGEST_SUMMARY = 20, 500
ROLES = {
    "train": "training",
    "training": "training",
    "validation": "validation",
    "val": "validation",
    "eval": "evaluation",
    "evaluation": "evaluation",
    "test": "evaluation",
    "testing": "evaluation",
    "monitoring": "monitoring",
}


@dataclass
class Filled:
    """Values by pointer with the place that each was read at, and guesses that people confirm."""

    values: dict[str, Any] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    guesses: dict[str, Any] = field(default_factory=dict)

    def put(self, pointer: str, value: Any, source: str) -> None:
        if not is_empty(value):
            self.values[pointer] = value
            self.sources[pointer] = source

    @property
    def document(self) -> Document:
        return with_values({"schema_version": "1", "overview": {}}, self.values)


def of(version: ModelVersion) -> Filled:
    """Everything that is known of a version now. Before it is ready, that is its registration."""
    found = Filled()
    _registration(version, found)
    if not version.is_ready:
        return found
    lineage = Lineage.objects.filter(version=version).first()
    document = lineage.document if lineage else {}
    _artifacts(version, found)
    _signature(version, found)
    _environment(version, found)
    _run(version, document, found)
    found.guesses = {
        pointer: value
        for pointer, value in guesses.of(version, document).items()
        if pointer not in found.values
    }
    return found


def _registration(version: ModelVersion, found: Filled) -> None:
    found.put("/overview/name", version.model.name[:200], "registered model")
    found.put("/overview/version", str(version.number), "registered version")
    found.put("/overview/registered_at", version.created_at.isoformat(), "registered version")
    found.put("/overview/owner", _party(version), "registered version")
    found.put("/overview/description", version.description, "description of the version")
    summary = version.model.description.strip()
    if SHORTEST_SUMMARY <= len(summary) <= LONGEST_SUMMARY:
        found.put("/overview/summary", summary, "description of the registered model")


def _party(version: ModelVersion) -> dict[str, str]:
    person = version.registered_by
    party = {"name": (person.get_full_name() or person.username)[:200]}
    if person.email:
        party["contact"] = person.email[:320]
    return party


def _artifacts(version: ModelVersion, found: Filled) -> None:
    rows = version.artifacts.values_list("path", "size", "sha256")[:MOST_ARTIFACTS]
    found.put(
        "/provenance/artifacts",
        [{"path": path, "size": size, "sha256": sha256} for path, size, sha256 in rows],
        "files as mlgov stored them",
    )
    found.put("/provenance/total_size", version.artifact_bytes, "files as mlgov stored them")
    flavors = version.flavors
    found.put("/overview/framework", _framework(flavors), "MLmodel: flavors")


def _framework(flavors: Mapping[str, Any]) -> str:
    for name, details in sorted(flavors.items()):
        if name == "python_function" or not isinstance(details, dict):
            continue
        number = next(
            (str(v) for key, v in sorted(details.items()) if key.endswith("_version")), ""
        )
        return f"{name} {number}".strip()[:200]
    return "python_function" if flavors else ""


def _signature(version: ModelVersion, found: Filled) -> None:
    signature = version.signature or {}
    for part in ("inputs", "outputs", "params"):
        columns = signature.get(part)
        found.put(f"/interface/{part}", _columns(columns), f"MLmodel: signature.{part}")
    found.put("/interface/example", masked(version.input_example), "serving_input_example.json")


def _columns(columns: Any) -> list[dict[str, Any]]:
    """Columns and tensors of an MLflow signature or schema, as fields of the card."""
    found: list[dict[str, Any]] = []
    for number, column in enumerate(columns[:MOST_COLUMNS] if isinstance(columns, list) else []):
        if not isinstance(column, dict):
            continue
        tensor = column.get("tensor-spec")
        entry: dict[str, Any] = {"name": str(column.get("name") or f"column {number + 1}")}
        if isinstance(tensor, dict):
            entry["type"] = f"tensor:{tensor.get('dtype', '')}"
            shape = tensor.get("shape")
            if isinstance(shape, list) and all(isinstance(size, int) for size in shape):
                entry["shape"] = shape
        else:
            entry["type"] = _type(column)
        if "default" in column:
            entry["description"] = f"Default: {documents.as_text(column['default'])}"
        if isinstance(column.get("required"), bool):
            entry["required"] = column["required"]
        found.append(entry)
    return found


def _type(column: Mapping[str, Any]) -> str:
    """The type in words, also of lists and objects, which hold further types."""
    kind = str(column.get("type") or "unknown")
    if kind == "array" and isinstance(column.get("items"), dict):
        return f"list of {_type(column['items'])}"
    if kind == "object" and isinstance(column.get("properties"), dict):
        return f"object with {', '.join(sorted(column['properties'])[:8])}"
    return kind


def _environment(version: ModelVersion, found: Filled) -> None:
    environment = {
        "python": version.python_version,
        "mlflow": version.mlflow_version,
        "packages": [_package(line) for line in version.requirements[:MOST_PACKAGES]],
    }
    found.put(
        "/development/environment",
        {key: value for key, value in environment.items() if value},
        "python_env.yaml and requirements.txt",
    )


def _package(line: Any) -> dict[str, str]:
    """A line of requirements.txt. Only `==` pins; other lines keep their bounds in the name."""
    text = str(line).strip()
    try:
        requirement = Requirement(text)
    except InvalidRequirement:
        return {"name": text[:LONGEST_LINE]}
    pins = [spec.version for spec in requirement.specifier if spec.operator in ("==", "===")]
    if not pins or "*" in pins[0]:
        return {"name": text[:LONGEST_LINE]}
    name = requirement.name
    return {"name": name, "version": pins[0], "purl": f"pkg:pypi/{name.lower()}@{pins[0]}"}


def _run(version: ModelVersion, lineage: Mapping[str, Any], found: Filled) -> None:
    run, source = lineage.get("run") or {}, lineage.get("source") or {}
    parameters = sorted((lineage.get("parameters") or {}).items())[:MOST_PARAMETERS]
    found.put(
        "/development/parameters",
        {key: str(value)[:LONGEST_PARAMETER] for key, value in parameters},
        "run: params",
    )
    tags = lineage.get("tags") or {}
    code = {
        "repository": source.get("git_repo", ""),
        "commit": source.get("git_commit", ""),
        "branch": source.get("git_branch", ""),
        "entry_point": source.get("name", ""),
        "source_type": source.get("type", ""),
    }
    document: dict[str, Any] = {
        key: str(value)[:LONGEST_LINE] for key, value in code.items() if value
    }
    if source.get("git_dirty"):
        document["dirty"] = str(source["git_dirty"]).lower() == "true"
    found.put("/development/code", document, "run: tags mlflow.source.*")
    found.put("/development/compute", _compute(run), "run: start and end")
    found.put("/data/datasets", _datasets(lineage.get("datasets") or []), "run: inputs")
    found.put("/evaluation/metrics", _metrics(lineage.get("metrics") or []), "run: metrics")
    if "/overview/description" not in found.values:
        found.put("/overview/description", str(tags.get("mlflow.note.content") or ""), "run: note")
    found.put("/provenance/mlflow", _mlflow(version, run), "run and logged model")


def _compute(run: Mapping[str, Any]) -> dict[str, Any]:
    try:
        started = datetime.fromisoformat(run["started_at"])
        ended = datetime.fromisoformat(run["ended_at"])
    except (KeyError, TypeError, ValueError):
        return {}
    seconds = (ended - started).total_seconds()
    return {"duration_s": round(seconds, 3)} if seconds >= 0 else {}


def _datasets(datasets: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    found = []
    for row in datasets:
        context = str(row.get("context") or "").lower()
        source = row.get("source")
        fields = _schema_of(row.get("schema"))
        entry: dict[str, Any] = {
            "name": str(row.get("name") or "unnamed"),
            "role": ROLES.get(context, "training"),
            "digest": str(row.get("digest") or ""),
            "source_type": str(row.get("source_type") or ""),
            "source": source if isinstance(source, str) else canonical_json(source).decode(),
            "rows": row.get("rows"),
            "features": len(fields) or None,
            "fields": fields,
        }
        if not isinstance(entry["rows"], int) or entry["rows"] < 0:
            entry["rows"] = None
        found.append({key: value for key, value in entry.items() if not is_empty(value)})
    return found


def _schema_of(schema: Any) -> list[dict[str, Any]]:
    if not isinstance(schema, dict):
        return []
    columns = schema.get("mlflow_colspec")
    if columns is None:
        tensors = schema.get("mlflow_tensorspec")
        features = tensors.get("features") if isinstance(tensors, dict) else None
        columns = features if isinstance(features, list) else None
        if columns is not None:
            columns = [
                {"type": "tensor", **column} for column in columns if isinstance(column, dict)
            ]
    return _columns(columns)


def _metrics(metrics: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for row in list(metrics)[:MOST_METRICS]:
        value = row.get("value")
        if not isinstance(value, int | float | str):
            continue
        entry: dict[str, Any] = {"name": str(row.get("name")), "value": value, "origin": "run"}
        if row.get("dataset"):
            entry["dataset"] = str(row["dataset"])
        if split := guesses.split_of(entry["name"]):
            entry["split"] = split
        step = row.get("step")
        if isinstance(step, int) and step > 0:
            entry["step"] = step
        found.append(entry)
    return found


def _mlflow(version: ModelVersion, run: Mapping[str, Any]) -> dict[str, Any]:
    server = version.tracking_server
    formats = {
        str(details["serialization_format"])
        for details in version.flavors.values()
        if isinstance(details, dict) and details.get("serialization_format")
    }
    facts: dict[str, Any] = {
        "tracking_server": server.url if server else "",
        "experiment_id": version.experiment_id or str(run.get("experiment_id") or ""),
        "run_id": version.source_run_id,
        "run_name": str(run.get("name") or ""),
        "model_id": version.logged_model_id,
        "model_uri": version.source,
        "registered_model": version.model.name,
        "registered_version": str(version.number),
        "flavors": sorted(version.flavors),
        "started_at": run.get("started_at"),
        "ended_at": run.get("ended_at"),
        "user": str(run.get("user") or ""),
        "artifact_digest": version.artifact_digest,
        "serialization_format": ", ".join(sorted(formats)),
        "model_uuid": version.model_uuid,
    }
    return {key: value for key, value in facts.items() if not is_empty(value)}
