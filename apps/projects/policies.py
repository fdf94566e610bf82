from django.db.models import Q

from apps.access.policies import Policy
from apps.accounts.models import User
from apps.projects.models import Membership, Project
from apps.projects.queries import projects_where


class ProjectPolicy(Policy[Project]):
    model = Project
    noun = "project"
    is_kept = True
    verbs = {
        "manage_members": "manage the members of",
        "manage_project": "change the settings of",
        "override_stages": "change the stages of",
        "register": "register models in",
    }

    def by_role(self, user: User, action: str) -> Q:
        return Q(pk__in=projects_where(user, may=action).values("pk"))


class MembershipPolicy(Policy[Membership]):
    model = Membership
    noun = "membership"

    def by_role(self, user: User, action: str) -> Q:
        return Q(project__in=projects_where(user, may=action).values("pk"))


projects = ProjectPolicy()
memberships = MembershipPolicy()
