from typing import Any

from django.db.models import Q, QuerySet

from apps.access import rulebook
from apps.access.conditions import Wanted
from apps.access.policies import Policy
from apps.accounts.models import User
from apps.cards import sections
from apps.evaluations.models import Evaluation, EvaluationDataSet
from apps.projects.queries import projects_where
from apps.registry import policies as registry_policies

# Sections of cards that say what a report says.
SECTIONS = frozenset({"evaluation", "fairness"})


class DataSetPolicy(Policy[EvaluationDataSet]):
    """Data sets stay within their project. What was withdrawn is kept for the reports made on it,
    and exists for nobody."""

    model = EvaluationDataSet
    noun = "evaluation data set"
    actions = ("view", "evaluate")
    verbs = {"evaluate": "withdraw or evaluate on"}
    reaches = {"project": "project"}

    def by_role(self, user: User, action: str) -> Q:
        return Q(project__in=projects_where(user, may=action).values("pk"))

    def visible_to(
        self, user: Any, action: str = "view", wanted: Wanted = rulebook.NOTHING
    ) -> QuerySet[EvaluationDataSet]:
        return super().visible_to(user, action, wanted).filter(withdrawn_at=None)


class EvaluationPolicy(Policy[Evaluation]):
    model = Evaluation
    noun = "evaluation"
    actions = ("view", "evaluate")
    verbs = {"evaluate": "cancel"}
    reaches = {
        "version": "version",
        "model": "version__model",
        "project": "version__model__project",
    }

    def by_role(self, user: User, action: str) -> Q:
        return Q(version__model__project__in=projects_where(user, may=action).values("pk"))

    def visible_to(
        self, user: Any, action: str = "view", wanted: Wanted = rulebook.NOTHING
    ) -> QuerySet[Evaluation]:
        found = super().visible_to(user, action, wanted).filter(~_kept_from(user))
        if registry_policies.hides_versions(user):
            # Whatever hides a version hides what was measured of it.
            seen = registry_policies.versions.visible_to(user)
            return found.filter(version__in=seen.order_by().values("pk"))
        return found.filter(version__deleted_at=None)


def _kept_from(user: User) -> Q:
    """Reports on versions of whose cards the person may not read what they say."""
    everywhere, by_project = sections.hidden_by_project(user)
    if everywhere & SECTIONS:
        return Q(pk__gt=0)
    closed = [pk for pk, hidden in by_project.items() if hidden & SECTIONS]
    return Q(version__model__project__in=closed)


data_sets = DataSetPolicy()
evaluations = EvaluationPolicy()
