"""What the data scientist of the demo writes on the card; the rest is filled in from the run."""

from typing import Any

CARD: dict[str, Any] = {
    "/overview/summary": "Estimates whether a person who was arrested for a simple offence is "
    "released with a summons or brought to a police station.",
    "/overview/task": "binary-classification",
    "/overview/model_type": "logistic regression",
    "/overview/contact": "ada@example.org",
    "/overview/change_summary": "First version on this data.",
    "/overview/description": """\
Estimates whether a person who was arrested for a simple offence is **released with a summons**
or brought to a police station.

| What | Why |
|---|---|
| One city, twenty years ago | Do not use it elsewhere. |
| `checks` counts earlier police records | It carries the bias of earlier policing. |
""",
    "/classification/risk_tier": "medium",
    "/classification/risk_rationale": "Its numbers are about people, and about how police treats "
    "them. Nobody is decided on: they go into a yearly report.",
    "/classification/business_problem": "How often arrests end with a summons, and what that "
    "depends on, was counted by hand for a sample.",
    "/use/intended_use": "Statistics on how arrests are handled. It must not decide on a person.",
    "/use/intended_users": ["Analysts of the statistics office"],
    "/use/out_of_scope": "Decisions on a single arrest, and any city or time but the one of the "
    "data.",
    "/use/affected_groups": ["Persons who were arrested", "Black persons among them"],
    "/use/decision_role": "informs-a-person",
    "/data/summary": "5,226 arrests in Toronto, 1997 to 2002. *Colour* and *sex* are no features; "
    "they are in the logged data sets, so that groups can be compared.",
    "/development/method": "Numbers are scaled, categories become columns, and a logistic "
    "regression is fitted, with the `C` that the run logged.",
    "/evaluation/metric_rationale": "Classes are of unequal size: accuracy alone would flatter a "
    "model that always answers with the larger one.",
    "/evaluation/procedure": "A quarter of the rows was held back, drawn so that both classes are "
    "as frequent as in the whole.",
    "/evaluation/results_summary": "Good enough to describe the whole, and far from good enough "
    "for a single case.",
    "/fairness/assessed": "yes",
    "/fairness/assessments": [
        {
            "group_at_risk": "Black persons",
            "attribute": "colour",
            "harms": "Earlier records are more frequent after more frequent controls, so that the "
            "model expects a summons less often.",
            "mitigation": "The report shows each group beside the others, and says where the "
            "numbers come from.",
        }
    ],
    "/limitations/limitations": [
        "One city, twenty years ago.",
        "Earlier police records carry the bias of earlier policing.",
    ],
}
