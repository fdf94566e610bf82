"""What the content of a SageMaker model card says."""

from typing import Any

from apps.cards.formats.base import Context, Document
from apps.cards.formats.fields import put
from apps.cards.formats.trees import Tree, dicts, part, text, texts, without_nothing

SECTIONS: dict[str, type] = {
    "model_overview": dict,
    "intended_uses": dict,
    "business_details": dict,
    "training_details": dict,
    "evaluation_details": list,
    "additional_information": dict,
}
# Texts that stand at one place of their own, and how long they may be there.
TEXTS: dict[str, tuple[tuple[str, str], int]] = {
    "overview.summary": (("model_overview", "model_description"), 1024),
    "overview.task": (("model_overview", "problem_type"), 1024),
    "overview.model_type": (("model_overview", "algorithm_type"), 1024),
    "use.intended_use": (("intended_uses", "intended_uses"), 2048),
    "classification.risk_rationale": (("intended_uses", "explanations_for_risk_rating"), 2048),
    "classification.business_problem": (("business_details", "business_problem"), 2048),
    "classification.line_of_business": (("business_details", "line_of_business"), 2048),
    "development.method": (("training_details", "training_observations"), 1024),
    "limitations.ethical_considerations": (
        ("additional_information", "ethical_considerations"), 2048,
    ),
    "limitations.recommendations": (
        ("additional_information", "caveats_and_recommendations"), 2048,
    ),
}  # fmt: skip
RATINGS = {"minimal": "Low", "low": "Low", "medium": "Medium", "high": "High"}
TIERS = {"Low": "low", "Medium": "medium", "High": "high"}
OVERALL = "overall"
SHORT = 500
NOTE = "mlgov:left out"


def arranged(tree: Tree) -> Tree:
    """The content without our own note on what did not fit into it."""
    details = extensions(tree)
    if NOTE not in details:
        return tree
    rest = {name: said for name, said in details.items() if name != NOTE}
    more = {**tree["additional_information"], "custom_details": rest}
    return {**tree, "additional_information": more}


def extensions(tree: Tree) -> dict[str, str]:
    details = part(tree, "additional_information", "custom_details")
    if not isinstance(details, dict):
        return {}
    return {name: said for name, said in details.items() if isinstance(said, str)}


def understood(tree: Tree) -> tuple[Document, Context]:
    document: Document = {"schema_version": "1", "overview": {}}
    for field, (place, _) in TEXTS.items():
        put(document, field, text(tree, *place))
    described = document["overview"].get("summary", "")
    if described and not 20 <= len(described) <= SHORT:
        put(document, "overview.description", document["overview"].pop("summary"))
    overview = part(tree, "model_overview")
    for field, key in (("overview.owner", "model_owner"), ("overview.developers", "model_creator")):
        if name := text(overview, key):
            put(document, field, {"name": name} if key == "model_owner" else [{"name": name}])
    artifacts = texts(part(overview, "model_artifact"))
    put(document, "provenance.mlflow", {"model_uri": artifacts[0]} if artifacts else None)
    uses = part(tree, "intended_uses")
    factors = text(uses, "factors_affecting_model_efficiency")
    put(document, "limitations.limitations", factors.split("\n") if factors else None)
    put(document, "classification.risk_tier", TIERS.get(text(uses, "risk_rating") or ""))
    if "use" not in document:
        put(document, "use.intended_use", text(uses, "purpose_of_model"))
    if names := text(tree, "business_details", "business_stakeholders"):
        put(document, "classification.stakeholders", [{"name": names}])
    _job(document, part(tree, "training_details", "training_job_details"))
    _evaluations(document, dicts(tree.get("evaluation_details")))
    return document, Context()


def _job(document: Document, job: Any) -> None:
    names = texts(part(job, "training_datasets"))
    put(document, "data.datasets", [{"name": name, "role": "training"} for name in names])
    images = texts(part(job, "training_environment", "container_image"))
    put(document, "development.environment", {"image": images[0]} if images else None)
    parameters = [
        found
        for key in ("hyper_parameters", "user_provided_hyper_parameters")
        for found in dicts(part(job, key))
    ]
    put(
        document,
        "development.parameters",
        {name: text(p, "value") or "" for p in parameters if (name := text(p, "name"))},
    )
    metrics = [
        found
        for key in ("training_metrics", "user_provided_training_metrics")
        for found in dicts(part(job, key))
    ]
    put(document, "evaluation.metrics", [m for found in metrics if (m := _metric(found))])


def _evaluations(document: Document, evaluations: list[dict[str, Any]]) -> None:
    metrics = list(document.get("evaluation", {}).get("metrics", []))
    observations = []
    for evaluation in evaluations:
        names = texts(evaluation.get("datasets"))
        observations += [said] if (said := text(evaluation, "evaluation_observation")) else []
        for group in dicts(evaluation.get("metric_groups")):
            slice_ = text(group, "name")
            around = without_nothing(
                {
                    "dataset": names[0] if names else None,
                    "slice": slice_ if slice_ != OVERALL else None,
                }
            )
            metrics += [m | around for f in dicts(group.get("metric_data")) if (m := _metric(f))]
    put(document, "evaluation.metrics", metrics)
    put(document, "evaluation.results_summary", "\n\n".join(observations))


def _metric(found: dict[str, Any]) -> dict[str, Any]:
    """A single value; curves and matrices stay where they are."""
    name, value = text(found, "name"), found.get("value")
    if name is None or not isinstance(value, str | int | float):
        return {}
    return {"name": name, "value": value} | without_nothing({"notes": text(found, "notes")})
