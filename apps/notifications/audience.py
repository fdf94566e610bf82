"""Whether somebody may see what he is told of: asked when it is written, and when it is mailed.

Between the two somebody may have left the project, or a rule may have taken the right.
"""

from collections.abc import Sequence
from typing import Any

from django.db import models

from apps.access.policies import Policy
from apps.accounts.models import User
from apps.cards import policies as card_policies
from apps.deployments import policies as deployment_policies
from apps.evaluations import policies as evaluation_policies
from apps.projects import policies as project_policies
from apps.projects.queries import projects_where
from apps.registry import policies as registry_policies
from apps.reviews import policies as review_policies

_POLICIES: dict[str, Policy[Any]] = {
    policy.model._meta.label_lower: policy
    for policy in (
        card_policies.comments,
        deployment_policies.deployments,
        evaluation_policies.evaluations,
        project_policies.projects,
        registry_policies.versions,
        review_policies.reviews,
    )
}


def name_of(obj: models.Model) -> list[Any]:
    """The object as a notification keeps it."""
    return [obj._meta.label_lower, obj.pk]


def may_see(user: User, named: Sequence[Any] | None, *, project: str) -> bool:
    """Whether the person sees the object. Notifications of before name their project alone."""
    if named is None:
        return projects_where(user, may="view").filter(slug=project).exists() and user.is_active
    label, pk = named
    return _POLICIES[label].visible_to(user).filter(pk=pk).exists()
