"""The page of an object, from the name of its kind and its key."""

from collections.abc import Callable
from typing import Any

from django.urls import reverse

from apps.access.policies import Policy
from apps.accounts.models import User
from apps.builds import policies as build_policies
from apps.deployments import policies as deployment_policies
from apps.deployments.models import Deployment, Endpoint
from apps.evaluations import policies as evaluation_policies
from apps.projects import policies as project_policies
from apps.registry import policies as registry_policies
from apps.registry.models import ModelVersion
from apps.reviews import policies as review_policies
from apps.stages import policies as stage_policies
from apps.stages.models import StageOverride

Leads = Callable[[Any], str | None]


def card_url(version: ModelVersion) -> str:
    return reverse("web:card", args=[version.model.name, version.number])


def _of_endpoint(endpoint: Endpoint) -> str | None:
    newest = Deployment.objects.filter(endpoint=endpoint).order_by("-traffic", "-pk").first()
    return reverse("web:deployment", args=[newest.pk]) if newest is not None else None


BY_KIND: dict[str, tuple[Policy[Any], Leads]] = {
    "builds.build": (
        build_policies.builds,
        lambda build: reverse("web:run_log", args=[build.run_id]),
    ),
    "deployments.deployment": (
        deployment_policies.deployments,
        lambda deployment: reverse("web:deployment", args=[deployment.pk]),
    ),
    "deployments.endpoint": (deployment_policies.endpoints, _of_endpoint),
    "deployments.apikey": (deployment_policies.api_keys, lambda key: _of_endpoint(key.endpoint)),
    "evaluations.evaluation": (
        evaluation_policies.evaluations,
        lambda evaluation: reverse("evaluations:detail", args=[evaluation.pk]),
    ),
    "evaluations.evaluationdataset": (
        evaluation_policies.data_sets,
        lambda data_set: reverse("evaluations:data_sets", args=[data_set.project.slug]),
    ),
    "projects.project": (
        project_policies.projects,
        lambda project: reverse("projects:detail", args=[project.slug]),
    ),
    "projects.membership": (
        project_policies.memberships,
        lambda member: reverse("projects:members", args=[member.project.slug]),
    ),
    "registry.modelversion": (registry_policies.versions, card_url),
    "registry.registeredmodel": (
        registry_policies.models,
        lambda model: reverse("web:model", args=[model.name]),
    ),
    "reviews.reviewrequest": (
        review_policies.reviews,
        lambda review: reverse("reviews:detail", args=[review.pk]),
    ),
    "stages.environment": (
        stage_policies.environments,
        lambda environment: reverse("web:environment", args=[environment.slug]),
    ),
}


def page_of(kind: str, pk: str, *, user: Any) -> str | None:
    """The address of the object's page, None where there is none for this person."""
    if not (pk.isascii() and pk.isdigit()) or len(pk) > 18:
        return None
    if kind == "stages.stageoverride":
        return _of_override(int(pk), user)
    if kind == "accounts.user":
        return reverse("admin:accounts_user_change", args=[pk]) if _is_admin(user) else None
    if kind not in BY_KIND:
        return None
    policy, leads_to = BY_KIND[kind]
    found = policy.visible_to(user).filter(pk=int(pk)).first()
    return leads_to(found) if found is not None else None


def _of_override(pk: int, user: User) -> str | None:
    visible = project_policies.projects.visible_to(user).values("pk")
    found = StageOverride.objects.filter(pk=pk, project__in=visible).first()
    return reverse("projects:settings", args=[found.project.slug]) if found else None


def _is_admin(user: User) -> bool:
    return user.is_staff and user.has_perm("accounts.view_user")
