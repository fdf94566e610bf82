from django.db.models import Q

from apps.access.policies import Policy
from apps.accounts.models import User
from apps.projects.queries import projects_where
from apps.tracking.models import Experiment


class ExperimentPolicy(Policy[Experiment]):
    model = Experiment
    noun = "experiment"
    actions = ("view", "register", "delete")
    verbs = {"register": "write to"}
    reaches = {"project": "project"}

    def by_role(self, user: User, action: str) -> Q:
        return Q(project__in=projects_where(user, may=action).values("pk"))


experiments = ExperimentPolicy()
