from apps.core.doors import MB, Login, Rate, declare, may, methods, view
from apps.evaluations.intake import MOST_BYTES

# A file with what a form wraps around it.
UPLOAD = MOST_BYTES + 1 * MB

declare(
    Login.SESSION,
    {
        "evaluations:of_version": methods(GET=view("version")),
        "evaluations:new": methods(
            GET=may("evaluate", "version", rate=Rate.READ),
            POST=may("evaluate", "version", "evaluation.request", rate=Rate.EXPENSIVE),
        ),
        "evaluations:take_in": methods(
            POST=may("evaluate", "version", "data_set.take_in", rate=Rate.EXPENSIVE)
        ),
        "evaluations:detail": methods(GET=view("evaluation")),
        "evaluations:report": methods(GET=view("evaluation")),
        "evaluations:to_card": methods(POST=may("edit_card", "evaluation", "card.edit")),
        "evaluations:cancel": methods(POST=may("evaluate", "evaluation", "evaluation.cancel")),
        "evaluations:data_sets": methods(
            GET=view("project"),
            POST=may("evaluate", "project", "data_set.upload", rate=Rate.EXPENSIVE, body=UPLOAD),
        ),
        "evaluations:data_set_withdraw": methods(
            POST=may("evaluate", "evaluation data set", "data_set.withdraw")
        ),
        "evaluations:rules": methods(
            GET=view("project"),
            POST=may("manage_project", "project", "evaluation_rule.create"),
        ),
        "evaluations:rule_remove": methods(
            POST=may(
                "manage_project",
                "evaluation rule",
                "evaluation_rule.delete",
                "evaluation.cancel",
            )
        ),
    },
)
