from typing import Any

from django.db.models import Q

from apps.access import asking, explanations
from apps.access.policies import Policy
from apps.access.vocabulary import (
    Comparison,
    Entity,
    Fact,
    Position,
    register_entity,
    register_position,
)
from apps.accounts.models import About, AttributeKind, User
from apps.projects.models import Membership, Project, Visibility
from apps.projects.queries import projects_where, roles_behind, who_may_told
from apps.projects.roles import AUDITORS, Role

register_entity(
    Entity(
        "project",
        Project,
        {
            "slug": Fact(AttributeKind.TEXT, "slug"),
            "visibility": Fact(AttributeKind.CHOICE, "visibility", tuple(Visibility.values)),
        },
        about=About.PROJECT,
    )
)


def in_role(user: User, comparison: Comparison, value: Any) -> Q:
    """Projects in which the person is a member, in this role or in one of them."""
    found = Membership.objects.filter(user=user)
    if comparison is not Comparison.SET:
        found = found.filter(role__in=[value] if comparison is Comparison.IS else value)
    return Q(pk__in=found.values("project"))


explanations.tell_roles(roles_behind, who_may_told, auditors=AUDITORS)
register_position("role", Position("project", tuple(Role.values), in_role))


class ProjectPolicy(Policy[Project]):
    model = Project
    noun = "project"
    actions = (
        "view",
        "register",
        "evaluate",
        "override_stages",
        "manage_members",
        "manage_project",
        "manage_webhooks",
    )
    is_kept = True
    reaches = {"project": ""}
    verbs = {
        "evaluate": "evaluate models of",
        "manage_members": "manage the members of",
        "manage_project": "change the settings of",
        "manage_webhooks": "manage the webhooks of",
        "override_stages": "change the stages of",
        "register": "register models in",
    }

    def by_role(self, user: User, action: str) -> Q:
        return Q(pk__in=projects_where(user, may=action).values("pk"))


class MembershipPolicy(Policy[Membership]):
    model = Membership
    noun = "membership"
    reaches = {"project": "project"}

    def by_role(self, user: User, action: str) -> Q:
        return Q(project__in=projects_where(user, may=action).values("pk"))


asking.name_by("project", "slug")
projects = ProjectPolicy()
memberships = MembershipPolicy()
