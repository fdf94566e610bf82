from django.db.models import Q

from apps.access.policies import Policy
from apps.accounts.models import User
from apps.builds.models import Build
from apps.projects.queries import projects_where


class BuildPolicy(Policy[Build]):
    model = Build
    noun = "build"
    actions = ("view", "retry")
    verbs = {"retry": "retry or cancel"}
    reaches = {
        "version": "version",
        "model": "version__model",
        "project": "version__model__project",
    }

    def by_role(self, user: User, action: str) -> Q:
        return Q(version__model__project__in=projects_where(user, may=action).values("pk"))


builds = BuildPolicy()
