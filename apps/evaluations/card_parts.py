"""A report as parts of a model card: fields of the card's schema, to be offered to its author."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from apps.accounts.models import User
from apps.cards import documents
from apps.cards import queries as cards
from apps.cards import services as card_services
from apps.cards.models import CardRevision
from apps.core.errors import Conflict
from apps.evaluations.models import Evaluation

METRICS, REPORTS = "/evaluation/metrics", "/evaluation/reports"
ASSESSMENTS, ASSESSED = "/fairness/assessments", "/fairness/assessed"
ORIGIN = "evaluation"
EVERYBODY = "everybody"


def put_on_card(evaluation: Evaluation, *, by: User | None) -> CardRevision:
    """A revision with the results on it, in place of what this data set gave before.

    What people wrote about a group at risk stays; its figures are the new ones. `by` is None for
    mlgov itself, where a rule wants them there.
    """
    if evaluation.report is None:
        raise Conflict("There is no report yet, so there is nothing to put on the card.")
    version, data_set = evaluation.version, evaluation.data_set.name
    parts = parts_of_card(
        evaluation.report,
        data_set=data_set,
        sha256=evaluation.report_sha256,
        dated=evaluation.created_at.date(),
    )
    current = cards.current_card(version)
    changes = _changes(current.content, parts, data_set)
    return card_services.edit_card(
        version,
        by=by,
        changes=changes,
        base_revision=current.number,
        reason=f"Evaluation {evaluation.pk} on {data_set}",
    )


def _changes(content: Mapping[str, Any], parts: Mapping[str, Any], data_set: str) -> dict[str, Any]:
    metrics = [
        row
        for row in documents.value_at(content, METRICS) or []
        if (row.get("origin"), row.get("dataset")) != (ORIGIN, data_set)
    ]
    (report,) = parts["evaluation"]["reports"]
    reports = [
        row
        for row in documents.value_at(content, REPORTS) or []
        if row.get("title") != report["title"]
    ]
    changes: dict[str, Any] = {
        METRICS: [*metrics, *parts["evaluation"]["metrics"]],
        REPORTS: [*reports, report],
    }
    found = (parts.get("fairness") or {}).get("assessments") or []
    if found:
        merged = {_group(row): row for row in documents.value_at(content, ASSESSMENTS) or []}
        for row in found:
            merged[_group(row)] = {**merged.get(_group(row), {}), **row}
        changes |= {ASSESSMENTS: list(merged.values()), ASSESSED: "yes"}
    return changes


def _group(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return row.get("group_at_risk"), row.get("attribute")


def parts_of_card(
    report: Mapping[str, Any], *, data_set: str, sha256: str, dated: date, split: str = ""
) -> dict[str, Any]:
    """The sections `evaluation` and `fairness` that the report speaks for.

    `sha256` is the digest under which the report is kept. What has no number is left out: a metric
    that is not defined, and a group that is too small.
    """
    common = {"dataset": data_set, "origin": ORIGIN, **({"split": split} if split else {})}
    return {
        "evaluation": {
            "metrics": _metrics(report, common),
            "reports": [
                {
                    "title": f"Evaluation on {data_set}",
                    "sha256": sha256,
                    "dated": dated.isoformat(),
                    "kind": f"mlgov evaluation report {report['format']}",
                }
            ],
        },
        **_fairness(report, common),
    }


def _metrics(report: Mapping[str, Any], common: Mapping[str, str]) -> list[dict[str, Any]]:
    found = []
    lower_is_better = set()
    for each in report["metrics"]:
        if not each["higher_is_better"]:
            lower_is_better.add(each["name"])
        if each["value"] is None:
            continue
        entry = {**_entry(each["name"], each["value"], common), **_bounds(report, each)}
        entry["higher_is_better"] = each["higher_is_better"]
        if report["threshold"] is not None:
            entry["threshold"] = report["threshold"]
        found.append(entry)
    for cohort in report["cohorts"]:
        for group in cohort["groups"]:
            for name, value in group["metrics"].items():
                if value is not None:
                    found.append(
                        {
                            **_entry(name, value, common),
                            "slice": f"{cohort['column']} = {group['name']}",
                            "higher_is_better": name not in lower_is_better,
                        }
                    )
    return found


def _bounds(report: Mapping[str, Any], metric: Mapping[str, Any]) -> dict[str, Any]:
    if metric["ci_low"] is None or metric["ci_high"] is None:
        return {}
    return {
        "ci_low": metric["ci_low"],
        "ci_high": metric["ci_high"],
        "confidence": report["confidence"],
    }


def _fairness(report: Mapping[str, Any], common: Mapping[str, str]) -> dict[str, Any]:
    assessments = []
    for entry in report["fairness"]:
        column = entry["column"]
        between = [
            _entry(each["name"], each["value"], common)
            for each in entry["summaries"]
            if each["value"] is not None
        ] + [
            _entry(f"{each['name']}_{what}", each[what], common)
            for each in entry["measures"]
            for what in ("difference", "ratio")
            if each[what] is not None
        ]
        if between:
            assessments.append(
                {
                    "group_at_risk": f"{column}: {EVERYBODY}",
                    "attribute": column,
                    "metrics": between,
                }
            )
        for group in entry["groups"]:
            values = [
                {**_entry(name, value, common), "slice": f"{column} = {group['name']}"}
                for name, value in group["values"].items()
                if value is not None
            ]
            if values:
                assessments.append(
                    {
                        "group_at_risk": f"{column}: {group['name']}",
                        "attribute": column,
                        "metrics": values,
                    }
                )
    return {"fairness": {"assessments": assessments}} if assessments else {}


def _entry(name: str, value: float, common: Mapping[str, str]) -> dict[str, Any]:
    return {"name": name, "value": value, **common}
