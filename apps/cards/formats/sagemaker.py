"""Content of a SageMaker model card: short texts, and 100 kB in all."""

import json
from typing import Any

from apps.cards.formats import sagemaker_reading, trees
from apps.cards.formats.base import Context, Document, Exported, Imported
from apps.cards.formats.fields import get, is_text, words
from apps.cards.formats.sagemaker_reading import OVERALL, RATINGS, SECTIONS, TEXTS
from apps.cards.formats.trees import Tree, without_nothing
from apps.core.errors import Invalid

KEY = "sagemaker"
MEDIA_TYPE = "application/json"
SUFFIX = ".sagemaker.json"
LARGEST = 100_000
DETAIL = 1024
NAME, GROUP = 255, 63
PARAMETERS, ARTIFACTS = 100, 15
PLACE = ("additional_information", "custom_details")


def export(document: Document, context: Context) -> Exported:
    return trees.export(DIALECT, document, context)


def read(content: bytes) -> Imported:
    return trees.read(DIALECT, content)


def _check(value: Any) -> Tree:
    if not isinstance(value, dict) or not set(SECTIONS) & set(value):
        raise Invalid(
            "“model_overview” is missing: the file is no content of a SageMaker model card. Choose "
            "the format that it is in.",
            details={"/model_overview": "This is missing."},
        )
    for name, kind in SECTIONS.items():
        if not isinstance(value.get(name, kind()), kind):
            said = f"This has to be {'an object' if kind is dict else 'a list'}."
            raise Invalid(f"“{name}”: {said} Correct the file.", details={f"/{name}": said})
    return value


def native(document: Document, context: Context) -> Tree:
    tree: Tree = {}
    for field, (place, limit) in TEXTS.items():
        if said := get(document, field):
            _put(tree, place, cut(said, limit, context))
    owner = get(document, "overview.owner")
    overview = {
        "model_owner": cut(owner["name"], DETAIL, context) if owner else None,
        "model_creator": cut(_names(document, "overview.developers"), DETAIL, context),
        "model_artifact": _artifact(document),
    }
    tree["model_overview"] = tree.get("model_overview", {}) | without_nothing(overview)
    limitations = "\n".join(get(document, "limitations.limitations") or [])
    if limitations:
        place = ("intended_uses", "factors_affecting_model_efficiency")
        _put(tree, place, cut(limitations, 2048, context))
    if tier := get(document, "classification.risk_tier"):
        _put(tree, ("intended_uses", "risk_rating"), RATINGS[tier])
    stakeholders = _names(document, "classification.stakeholders")
    if stakeholders:
        place = ("business_details", "business_stakeholders")
        _put(tree, place, cut(stakeholders, 2048, context))
    if job := _job(document, context):
        _put(tree, ("training_details", "training_job_details"), job)
    if evaluations := _evaluations(document, context):
        tree["evaluation_details"] = evaluations
    return {name: tree[name] for name in SECTIONS if tree.get(name)} or {"model_overview": {}}


def cut(text: str, limit: int, context: Context) -> str:
    """The text, or what fits of it and where the rest is."""
    if len(text) <= limit:
        return text
    where = f": {context.url}" if context.url else ""
    pointer = f" … (cut; all of it is in mlgov{where})"
    return text[: limit - len(pointer)] + pointer if len(pointer) < limit else text[:limit]


def _put(tree: Tree, place: tuple[str, str], value: Any) -> None:
    tree.setdefault(place[0], {})[place[1]] = value


def _names(document: Document, field: str) -> str:
    return ", ".join(party["name"] for party in get(document, field) or [])


def _artifact(document: Document) -> list[str]:
    uri = (get(document, "provenance.mlflow") or {}).get("model_uri", "")
    return [uri] if uri and len(uri) <= DETAIL else []


def _job(document: Document, context: Context) -> dict[str, Any]:
    training = [d for d in get(document, "data.datasets") or [] if d["role"] == "training"]
    image = (get(document, "development.environment") or {}).get("image", "")
    parameters = get(document, "development.parameters") or {}
    return without_nothing(
        {
            "training_datasets": [cut(d["name"], DETAIL, context) for d in training[:ARTIFACTS]],
            "training_environment": {"container_image": [image]}
            if image and len(image) <= DETAIL
            else None,
            "hyper_parameters": [
                {"name": name, "value": value}
                for name, value in list(parameters.items())[:PARAMETERS]
                if _is_name(name, NAME) and _is_name(value, NAME)
            ],
        }
    )


def _is_name(text: str, limit: int) -> bool:
    return 0 < len(text) <= limit and text == " ".join(text.split())


def _evaluations(document: Document, context: Context) -> list[dict[str, Any]]:
    """One for each data set and split that metrics name, with one group for each slice."""
    found: dict[str, dict[str, list[dict[str, Any]]]] = {}
    datasets: dict[str, str] = {}
    for metric in get(document, "evaluation.metrics") or []:
        dataset, split = metric.get("dataset", ""), metric.get("split", "")
        name = _label(" ".join(part for part in (dataset, split) if part) or OVERALL)
        datasets.setdefault(name, dataset)
        groups = found.setdefault(name, {})
        groups.setdefault(_label(metric.get("slice") or OVERALL), []).append(
            _metric(metric, context)
        )
    summary = get(document, "evaluation.results_summary")
    if summary and not found:
        found[OVERALL] = {}
    evaluations: list[dict[str, Any]] = [
        {"name": name}
        | without_nothing({"datasets": [datasets[name]] if datasets.get(name) else None})
        | {"metric_groups": [{"name": g, "metric_data": m} for g, m in groups.items()]}
        for name, groups in found.items()
    ]
    for evaluation in evaluations:
        evaluation["datasets"] = [cut(d, DETAIL, context) for d in evaluation.get("datasets", [])]
    if summary:
        evaluations[0]["evaluation_observation"] = cut(summary, 2096, context)
    return [without_nothing(e) | {"metric_groups": e["metric_groups"]} for e in evaluations]


def _label(text: str, limit: int = GROUP) -> str:
    return " ".join(text.split())[:limit].strip() or OVERALL


def _metric(metric: dict[str, Any], context: Context) -> dict[str, Any]:
    value = metric["value"]
    kind = "number"
    if isinstance(value, bool):
        kind = "boolean"
    elif isinstance(value, str):
        kind, value = "string", value[:GROUP]
    said = {"name": _label(metric["name"], NAME), "type": kind, "value": value}
    rest = {
        words(key): inner
        for key, inner in sorted(metric.items())
        if key not in ("name", "value", "dataset", "split", "slice", "notes")
    }
    notes = metric.get("notes") or ", ".join(
        f"{key}: {json.dumps(inner)}" for key, inner in rest.items()
    )
    return said | without_nothing({"notes": cut(notes, DETAIL, context)})


def _extend(tree: Tree, said: dict[str, str], context: Context) -> None:
    """The other fields as custom details: texts cut, and the rest left out where it is too long."""
    details, without = {}, []
    for name, text in said.items():
        field = name.removeprefix(trees.PREFIX)
        if len(text) <= DETAIL:
            details[name] = text
        elif field in TEXTS:
            continue  # the standard's own place holds more of it
        elif name != trees.ABSENT and is_text(field):
            details[name] = cut(text, DETAIL, context)
        else:
            without.append(field)
    if details:
        _put(tree, PLACE, details)
    spare = LARGEST - DETAIL  # room for what says what is left out
    for name in sorted(details, key=lambda name: len(details[name]), reverse=True):
        if _size(tree) <= spare:
            break
        del details[name]
        without.append(name.removeprefix(trees.PREFIX))
    while _size(tree) > spare and _shorten(tree):
        without.append("lists")
    if without:
        fields = ", ".join(dict.fromkeys(without))
        note = f"Not here, or not wholly, because it is too long: {fields}"
        details[sagemaker_reading.NOTE] = cut(note, DETAIL, context)
        _put(tree, PLACE, details)


def _shorten(tree: Tree) -> bool:
    """Halve the longest of the lists. Whether there was one to halve."""
    job = trees.part(tree, "training_details", "training_job_details")
    lists: list[list[Any]] = [
        *(g["metric_data"] for e in tree.get("evaluation_details", []) for g in e["metric_groups"]),
        *(e["metric_groups"] for e in tree.get("evaluation_details", [])),
        tree.get("evaluation_details", []),
        (job or {}).get("hyper_parameters", []),
        (job or {}).get("training_datasets", []),
    ]
    longest = max(lists, key=lambda found: len(json.dumps(found)))
    if len(longest) < 2:
        longest = max(lists, key=len)
    if len(longest) < 2:
        return False
    del longest[len(longest) // 2 :]
    return True


def _size(tree: Tree) -> int:
    # As `trees.export` spells it.
    return len(json.dumps(tree, ensure_ascii=False, indent=1).encode())


DIALECT = trees.Dialect(
    KEY, MEDIA_TYPE, SUFFIX, native, sagemaker_reading.understood, _check, _extend,
    sagemaker_reading.extensions, sagemaker_reading.arranged,
)  # fmt: skip
